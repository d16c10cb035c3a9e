package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/trace"
	"hidp/testbed/agent"
	"hidp/testbed/agent/energy"
	"hidp/testbed/wire"
)

// What a node measured survives being sent in pieces.
func TestMeasuredInPieces(t *testing.T) {
	m := &Measured{Report: &agent.Report{Node: "a", Busy: []time.Duration{1, 2}, SentBytes: []int64{0, 7}, Lost: []string{"b"},
		Arrivals: []agent.Arrival{{Request: 3, Op: 1, From: 1, Bytes: 7, Sent: 5, At: 9}}, Lag: agent.Lag{Max: 4, Sum: 5, Count: 2}},
		Transport: wire.Stats{Sent: 7, Messages: 1}, Sampler: "ina", Resident: 11, Late: 12, Processor: 13, Waited: 14, Throttled: 15, Stolen: 16,
		Readings: []energy.Reading{{At: 1, Board: 2.5, Rails: []energy.Rail{{Name: "VDD_IN", Watts: 2.5}}}}}
	for i := range 20000 {
		m.Report.Trace.AddCompute(trace.Compute{Request: int64(i), Start: time.Duration(i), End: 1 << 50})
	}
	pieces, err := m.Pieces()
	require.NoError(t, err)
	require.Greater(t, len(pieces), 1)
	var a Assembly
	for i, p := range pieces {
		require.LessOrEqual(t, len(p.Json), maxReport)
		got, err := a.Add(p)
		require.NoError(t, err)
		if i < len(pieces)-1 {
			require.Nil(t, got)
		} else {
			require.Equal(t, m, got)
		}
	}
}

// A report from the wire that is none is an error.
func TestAssemblyRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", "[]", `{"Report":{}} 1`, `{"Report":{},"Color":1}`, `{"Report":{"Busy":"x"}}`} {
		_, err := new(Assembly).Add(&Report{Json: []byte(text), Last: true})
		require.Error(t, err, text)
	}
}
