package validation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMatricesOfTheProject(t *testing.T) {
	quick, full := Quick(), Full()
	require.Equal(t, []string{"mobilenet_v2", "resnet18"}, quick.Models)
	require.Equal(t, []string{"vgg19", "resnet152", "inception_v3", "efficientnet_b0"}, full.Models)
	require.Len(t, quick.Methods, 5)
	require.GreaterOrEqual(t, len(full.Methods), 6)
	for _, m := range []*Matrix{quick, full} {
		require.GreaterOrEqual(t, m.Requests, 15)
		require.Positive(t, m.Modelled)
		for _, x := range m.Methods {
			if x.Strategy == "modnn" {
				require.Equal(t, "block", x.Options["sync"])
			}
		}
	}
}

func TestMatrixDefaults(t *testing.T) {
	m, err := ParseMatrix("m.toml", []byte("name = \"m\"\nmodels = [\"vgg19\"]\n[[method]]\nstrategy = \"hidp\"\n[profile]\napart = \"5 s\"\n"))
	require.NoError(t, err)
	require.Equal(t, Settings{Requests: 15, Warmup: 1, Blocks: 15, Crowds: 1, Steady: 5, Gap: 40 * time.Millisecond, Overload: 1.2,
		Profile: Profiling{Passes: 1, Crowd: 3, Apart: 5 * time.Second}}, m.Settings)
	require.Equal(t, []Method{{Label: "hidp", Strategy: "hidp"}}, m.Methods)
}

func TestFaultsOfAMatrixAllAtOnce(t *testing.T) {
	_, err := ParseMatrix("m.toml", []byte(`name = "m"
models = ["vgg19", "vgg19"]
requests = 2
overload = 1.0
colour = "red"
[[method]]
strategy = "hipd"
[[method]]
strategy = "modnn"
[[method]]
strategy = "modnn"
options = { sync = "sometimes" }
[profile]
passes = 0
`))
	for _, want := range []string{`m.toml:2: models[1]: "vgg19" is listed twice`, "m.toml:3: requests: is 2; write 3 to 10000", "m.toml:4: overload: is 1; write more than 1",
		"m.toml:5: colour", `m.toml:6: method[0]: no strategy "hipd" (did you mean "hidp"?)`, `another method is called "modnn"; give this one a label`, "sometimes", "profile.passes: is 0"} {
		require.ErrorContains(t, err, want)
	}
	_, err = ParseMatrix("m.toml", []byte("name = \"m\"\nmodels = []\nmethod = []\n"))
	require.ErrorContains(t, err, "models: is empty")
	require.ErrorContains(t, err, "method: is empty")
}

func TestPartOfAMatrix(t *testing.T) {
	m, err := Full().With([]string{"alexnet"}, []string{"disnet", "hidp"})
	require.NoError(t, err)
	require.Equal(t, []string{"alexnet"}, m.Models)
	require.Equal(t, []string{"disnet", "hidp"}, []string{m.Methods[0].Label, m.Methods[1].Label})
	require.Len(t, Full().Models, 4)
	_, err = Full().With(nil, []string{"dinset"})
	require.EqualError(t, err, `matrix full has no method "dinset" (did you mean "disnet"?); it has hidp, opt-chain, modnn, disnet, omniboost, single-best`)
	m, err = Full().With(nil, nil)
	require.NoError(t, err)
	require.Equal(t, Full(), m)
}
