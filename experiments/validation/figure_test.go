package validation

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/results/plot"
)

// noisy is a bench whose errors are a few percent, as those of a real one.
func noisy() *simBench {
	factors := map[string]float64{"hidp": 1.02, "modnn": 0.95, "disnet": 1.08, "omniboost": 1.035, "single-best": 0.99}
	return &simBench{stretch: func(c Case, request int) float64 {
		f := factors[c.Strategy] * []float64{0.99, 1, 1.03}[request%3]
		if c.Model == "resnet18" {
			f *= 0.97
		}
		return f
	}, slower: func(c Case) float64 { return 1.5*factors[c.Strategy] - 0.47 }}
}

// HIDP_FIGURES names a folder in which to leave the files, to look at them.
func TestFilesAreWholeAndDescribed(t *testing.T) {
	r := validate(t, Quick(), noisy())
	dir := filepath.Join(t.TempDir(), "new")
	if d := os.Getenv("HIDP_FIGURES"); d != "" {
		dir = d
	}
	paths, err := r.Write(dir)
	require.NoError(t, err)
	require.Equal(t, "manifest.json", filepath.Base(paths[len(paths)-1]))
	var m struct {
		Matrix, Platform, Command string
		Files                     []struct{ Name, SHA256 string }
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return data
	}
	require.NoError(t, json.Unmarshal(read("manifest.json"), &m))
	require.Equal(t, []string{"quick", "paper-gbe-4", "hidp validate"}, []string{m.Matrix, m.Platform, m.Command})
	require.Len(t, m.Files, len(paths)-1)
	for _, f := range m.Files {
		sum := sha256.Sum256(read(f.Name))
		require.Equal(t, hex.EncodeToString(sum[:]), f.SHA256, f.Name)
	}
	require.Equal(t, r.JSON(), read("validation.json"))

	rows, err := csv.NewReader(bytes.NewReader(read("rows.csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+len(r.Rows))
	ops, err := csv.NewReader(bytes.NewReader(read("ops.csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, ops, 1+len(r.Ops))

	text := string(read("validation.md"))
	for _, x := range r.Rows {
		require.Contains(t, text, x.Model+" | "+x.Strategy)
	}
	for _, name := range []string{"scatter", "errors", "timeline-resnet18-modnn"} {
		require.Contains(t, text, "("+name+".svg)")
		for _, format := range []string{"svg", "png", "pdf"} {
			require.FileExists(t, filepath.Join(dir, name+"."+format))
		}
	}
	require.Contains(t, text, "mean error of latency | "+share(r.LatencyMAPE)+" | ≤ 5.0 % | yes")
}

func TestAReportWithoutARunHasNoFigures(t *testing.T) {
	r := validate(t, small("mobilenet_v2"), &simBench{after: func(_ Case, m *Measurement) { m.Invalid = []string{"lag"} }})
	files, err := r.Files()
	require.NoError(t, err)
	require.Len(t, files, 5, "JSON, two CSV, the text and the manifest")
	require.Equal(t, Number(1), r.InvalidRuns)
	require.Contains(t, r.markdown(nil), "mean error of latency | – | ≤ 5.0 % | no")
}

// The timeline has a lane for every core cluster and way that the plan uses, and every op in both of its halves.
func TestTimelineShowsEveryOp(t *testing.T) {
	r := validate(t, small("mobilenet_v2"), noisy())
	for _, c := range r.comparisons {
		f, err := c.timeline(r)
		require.NoError(t, err)
		lanes := f.Panels[0].(plot.Timeline)
		for half := range 2 {
			bars := 0
			for _, g := range lanes.Groups {
				bars += len(g.Lanes[half].Bars)
			}
			require.Equal(t, len(c.plan.Ops), bars)
		}
		require.InDelta(t, 1e3*float64(c.row.Latency.Simulated), lanes.Marks[0].Value, 1e-6)
		require.InDelta(t, 1e3*float64(c.row.Latency.Measured), lanes.Marks[1].Value, 1e-6)
	}
	require.Equal(t, "a-b_1.2", fileName("a/b_1.2"))
}
