package sweep

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSweepFile holds that no sweep file makes the reader panic, and that every point of one it accepts has values.
func FuzzSweepFile(f *testing.F) {
	files, err := filepath.Glob("../sweeps/*.toml")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("scenario = \"base.toml\"\n" + sampled))
	f.Add([]byte("scenario = \"base.toml\"\n" + grid))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parse(source{path: "sweep.toml", data: data, scenario: []byte(small), scenarioPath: "base.toml"}, false)
		if err != nil {
			return
		}
		total, ok := s.points()
		require.True(t, ok)
		require.Positive(t, total)
		if s.sampling.points*int64(len(s.axes)) > 1_000_000 {
			return // only memory
		}
		p, settings := newSpace(s), make([]setting, len(s.axes))
		for _, point := range []int64{0, total / 2, total - 1} {
			p.settings(point, settings, nil)
			s.allowed(settings, make([]value, len(s.axes)))
			_, _ = s.text(settings) // paths that lead nowhere are errors
		}
	})
}
