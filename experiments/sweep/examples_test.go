package sweep

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExamplesAreSoundAndCheap(t *testing.T) {
	files, err := filepath.Glob("../sweeps/*.toml")
	require.NoError(t, err)
	require.Greater(t, len(files), 3)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			if strings.Contains(string(data), "objective =") {
				_, err := LoadProblem(f)
				require.NoError(t, err)
				return
			}
			s, err := Load(f)
			require.NoError(t, err)
			e, err := s.Estimate(context.Background(), 2)
			require.NoError(t, err)
			require.Zero(t, e.Failed, e.Failure)
			t.Log(e)
		})
	}
}
