package experiments

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const spelled = `platform = "paper-wlan"
[strategy]
name = "modnn"
options = { sync = "layer" }
[workload]
models = ["squeezenet1_1"]
requests = 3
[workload.arrivals]
kind = "closed"
clients = 2
`

// Short names say what paths say.
func TestShortNamesStandForPaths(t *testing.T) {
	long, err := Parse("long.toml", []byte(spelled))
	require.NoError(t, err)
	brief, err := Parse("brief.toml", []byte(`platform = "paper-wlan"
strategy = "modnn"
options.modnn.sync = "layer"
options.hidp.segment = 4
model = "squeezenet1_1"
requests = 3
clients = 2
`))
	require.NoError(t, err)
	require.Equal(t, long.Options, brief.Options)
	require.Equal(t, long.Arrivals, brief.Arrivals)
	require.Equal(t, long.Limit, brief.Limit)
	require.Equal(t, long.ModelNames(), brief.ModelNames())

	lone, err := Parse("lone.toml", []byte("platform = \"paper-wlan\"\nstrategy = \"hidp\"\nmodel = \"squeezenet1_1\"\nnodes = 2\n"))
	require.NoError(t, err)
	require.Equal(t, 1, lone.Limit.Requests)
	require.Equal(t, 1, lone.Arrivals.Clients)
	require.Equal(t, []string{"jetson-tx2", "jetson-orin-nx"}, lone.Platform.NodeNames())
}

func TestFaultsOfShortNames(t *testing.T) {
	for text, want := range map[string]string{
		"requests = 0\n":                   `f.toml:4: workload.requests: is 0; write a number from 1`,
		"batch = 0\n":                      `f.toml:4: workload.batch: is 0`,
		"nodes = 6\n":                      `f.toml:4: nodes: is 6; paper-wlan has 5, so write a number from 1 to 5`,
		"load = \"80 ms\"\nrequests = 1\n": `f.toml:4: workload.arrivals.rate: "80 ms" is not a rate of requests`,
		"load = \"2 /s\"\nclients = 1\nrequests = 1\n":         `f.toml:4: workload.arrivals.rate: does not go with arrivals of kind "closed"`,
		"options.hidp.sync = 1\n":                              `f.toml:4: options.hidp: `,
		"options.hidb.segment = 1\n":                           `did you mean "hidp"?`,
		"requests = 1\n[workload]\nrequests = 1\n":             `f.toml:4: requests: is the short name of workload.requests, which is written too; write one of them`,
		"[workload]\narrivals = { jitter = \"2 ms\" }\n":       `f.toml:5: workload.arrivals.jitter: does not go with arrivals of kind "closed"`,
		"[workload]\nrequests = 1\narrivals = { kind = \"\" }": `f.toml:6: workload.arrivals.kind: is ""`,
	} {
		_, err := Parse("f.toml", []byte("platform = \"paper-wlan\"\nstrategy = \"hidp\"\nmodel = \"squeezenet1_1\"\n"+text))
		require.ErrorContains(t, err, want, text)
	}
}

// A value that is set is that of a file which has it.
func TestSetIsWriting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.toml")
	require.NoError(t, os.WriteFile(file, []byte(spelled), 0o600))
	set := func(texts ...string) (*Scenario, error) {
		all, err := ParseAssignments(texts)
		require.NoError(t, err)
		return LoadSet(file, all)
	}
	s, err := set("strategy=hidp", "rate=20 Mbit/s", "load=2 /s", "options.hidp.segment=4", "leader=raspberry-pi-5", "model=resnet18")
	require.NoError(t, err)
	require.Equal(t, "hidp", s.Strategy)
	require.Equal(t, map[string]string{"segment": "4"}, map[string]string(s.Options))
	require.Equal(t, Poisson, s.Arrivals.Kind)
	require.Equal(t, []string{"resnet18"}, s.ModelNames())
	require.Equal(t, "raspberry-pi-5", s.Platform.Nodes[s.Platform.Leader].Name)

	_, err = set("rate=80 ms")
	require.ErrorContains(t, err, `--set rate=80 ms: "80 ms" is a duration`)
	_, err = set("ratte=80 ms")
	require.ErrorContains(t, err, `--set ratte=80 ms: unknown key (did you mean "rate"?)`)
	_, err = ParseAssignments([]string{"rate"})
	require.ErrorContains(t, err, "write FIELD=VALUE")
}
