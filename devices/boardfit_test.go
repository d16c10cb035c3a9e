package devices

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

var update = flag.Bool("update", false, "rewrite the fitted parameters at the end of boards/*.toml")

// TestStoredParametersAreTheFit refits every board from its measured rows. With -update it rewrites the stored parameters.
func TestStoredParametersAreTheFit(t *testing.T) {
	for _, name := range BoardNames() {
		b, err := readBoard(name)
		require.NoError(t, err)
		fits, err := Fit(b)
		require.NoError(t, err, name)
		if *update {
			rewrite(t, name, fits)
			continue
		}
		require.Len(t, b.file.Fitted, len(fits), "%s: run go test ./devices -run Stored -update", name)
		for i, f := range fits {
			want, got := f.file(), b.file.Fitted[i]
			require.Equal(t, want.Runtime+" "+want.Cluster, got.Runtime+" "+got.Cluster, name)
			require.Equal(t, want.provenance, got.provenance, name)
			require.Equal(t, want.From, got.From, name)
			for _, c := range workloads.Classes() {
				near(t, float64(want.Rates[c.String()]), float64(got.Rates[c.String()]))
			}
			near(t, float64(want.Activations), float64(got.Activations))
			near(t, float64(want.Weights), float64(got.Weights))
			near(t, float64(want.ConvOverhead), float64(got.ConvOverhead))
			near(t, float64(want.OtherOverhead), float64(got.OtherOverhead))
			near(t, float64(want.InvokeOverhead), float64(got.InvokeOverhead))
			require.Equal(t, sortedKeys(want.Rescale), sortedKeys(got.Rescale))
			for m := range want.Rescale {
				near(t, want.Rescale[m], got.Rescale[m])
			}
		}
	}
}

const tailMark = "# Fitted on the rows above: go test ./devices -run Stored -update. Do not edit below.\n"

func rewrite(t *testing.T, name string, fits []Fitted) {
	path := filepath.Join("boards", name+".toml")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(data), tailMark)
	text := strings.TrimRight(head, "\n") + "\n\n" + tailMark
	for _, f := range fits {
		stored := f.file()
		text += "\n" + stored.text()
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// near allows for the 4 digits that files hold, and for the last bits of other machines.
func near(t *testing.T, want, got float64) {
	t.Helper()
	require.InEpsilon(t, want, got, 0.005)
}
