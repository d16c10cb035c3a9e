package sim

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/trace"
)

// The critical path of every request that was served leads from its arrival to its end without a gap. Each op on the path had to
// wait for the one before it, and computing takes no longer than the op takes alone.
func TestCriticalPathsCoverRequests(t *testing.T) {
	served := 0
	parts := map[trace.Part]int{}
	for seed := range uint64(200) {
		cfg := faultyRun(seed)
		cfg.TraceLimit = -1
		r, _ := Run(context.Background(), cfg)
		work := map[[2]int64]time.Duration{}
		for i := range r.Trace.Computes {
			c := &r.Trace.Computes[i]
			work[[2]int64{c.Request, int64(c.Op)}] = c.Work
		}
		for i := range r.Trace.Requests {
			q := &r.Trace.Requests[i]
			steps, err := r.Trace.Critical(q.ID)
			if q.Failed != "" {
				require.ErrorContains(t, err, q.Failed)
				continue
			}
			require.NoError(t, err)
			served++
			at, last := q.Arrival, int32(-1)
			for _, s := range steps {
				require.Equal(t, at, s.Start)
				require.Greater(t, s.End, s.Start)
				if s.Op != last && last >= 0 {
					require.Contains(t, r.Trace.Plans[q.Plan].Ops[s.Op].After, int(last))
				}
				if s.Part == trace.Computing {
					require.LessOrEqual(t, s.End-s.Start, work[[2]int64{q.ID, int64(s.Op)}])
				}
				at, last = s.End, s.Op
				parts[s.Part]++
			}
			require.Equal(t, q.Finish, at)
		}
	}
	require.Greater(t, served, 500)
	for _, p := range trace.Parts() {
		require.Positive(t, parts[p], p)
	}
	_, err := new(trace.Trace).Critical(3)
	require.ErrorContains(t, err, "request 3 is not in the trace")
}
