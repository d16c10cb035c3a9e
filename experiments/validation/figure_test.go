package validation

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// noisy is a bench whose errors are a few percent, as those of a real one.
func noisy() *simBench {
	factors := map[string]float64{"hidp": 1.02, "modnn": 0.95, "disnet": 1.08, "omniboost": 1.035, "single-best": 0.99}
	return &simBench{stretch: func(c Case, request int) float64 {
		f := factors[c.Strategy] * []float64{0.99, 1, 1.03}[request%3]
		if c.Model == "resnet50" {
			f *= 0.97
		}
		return f
	}, slower: func(c Case) float64 { return 1.5*factors[c.Strategy] - 0.47 }}
}

func TestFilesAreWholeAndDescribed(t *testing.T) {
	r := validate(t, Quick(), noisy())
	dir := t.TempDir()
	if d := os.Getenv("HIDP_FIGURES"); d != "" {
		dir = d
	}
	paths, err := r.Write(dir)
	require.NoError(t, err)
	for _, p := range paths {
		require.FileExists(t, p)
	}
	require.Equal(t, "manifest.json", filepath.Base(paths[len(paths)-1]))
}
