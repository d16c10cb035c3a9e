package calibration

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices/dnns"
	"hidp/workloads/zoo"
)

// The zoo's networks and the tables of the same networks cost the same. DenseNet's pre-activations are layers of
// another kind there.
func TestGraphsCostWhatTablesCost(t *testing.T) {
	s := &Set{GPU: false, Runtime: "pytorch", Precision: "fp32", Peak: 50e9, Bandwidth: 25e9}
	scales := s.scales()
	compared := 0
	for _, name := range zoo.Names() {
		table := dnns.All()[name]
		if table == nil {
			continue
		}
		g, err := zoo.Get(name)
		require.NoError(t, err)
		style := StyleOf(s.Runtime)
		a, b := Total(GraphCounts(g, style)), NetworkCounts(table, style)
		off := math.Abs(a.Seconds(scales)/b.Seconds(scales) - 1)
		require.Less(t, off, map[bool]float64{true: .05, false: 1e-3}[name == "densenet121"], name)
		compared++
	}
	require.Greater(t, compared, 8)
}
