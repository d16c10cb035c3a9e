package devices

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No row of the catalogue is taken for a slip of its unit, and the same rows a thousand times longer are.
func TestDoubtsOfRows(t *testing.T) {
	rows := 0
	for _, name := range BoardNames() {
		b, err := LoadBoard(name)
		require.NoError(t, err)
		doubts, err := b.doubtRows()
		require.NoError(t, err)
		require.Empty(t, doubts, name)
		for i := range b.file.Measurement {
			for k := range b.file.Measurement[i].Rows {
				b.file.Measurement[i].Rows[k].Latency *= 1000
				rows++
			}
		}
		doubts, err = b.doubtRows()
		require.NoError(t, err)
		for i := range b.file.Measurement {
			for range b.file.Measurement[i].Rows {
				require.NotEmpty(t, doubts)
				require.Contains(t, doubts[0].What, "check the unit")
				doubts = doubts[1:]
			}
		}
	}
	require.Greater(t, rows, 200)
}

func TestRough(t *testing.T) {
	for seconds, text := range map[float64]string{.005234: "5.2 ms", 1.26: "1.3 s", 123: "120 s", .0000123: "12 us", .0995: "100 ms"} {
		require.Equal(t, text, Rough(seconds))
	}
}
