package validation

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// simBench is a bench made of the simulator itself: what it measures is what the simulator says, distorted as a test likes. The
// machine that it stands for is slower by a third than the board files think.
type simBench struct {
	platform *devices.Platform
	stretch  func(c Case, request int) float64 // times of a lone request, counted from its arrival; nil: none
	drift    func(block int) float64           // of the machine, from block to block, the throughput phase last; nil: none
	slower   func(c Case) float64              // ops in the throughput phase, against the profile; nil: as profiled
	after    func(c Case, m *Measurement)      // nil: nothing
	measured []Case
}

const machine = 4.0 / 3

func (b *simBench) Measure(ctx context.Context, c Case) (*Measurement, error) {
	b.measured = append(b.measured, c)
	costs := devices.NewCosts(b.platform, c.Graph)
	profile := make(Profile, len(c.Plan.Ops))
	for i := range c.Plan.Ops {
		if c.Plan.Ops[i].Kind == plan.Compute {
			profile[i] = time.Duration(machine * float64(c.Plan.ComputeTime(costs, i)))
		}
	}
	plan, err := c.Schedule([]Profile{profile})
	if err != nil {
		return nil, err
	}
	now := func(block int) Profile {
		if b.drift == nil {
			return profile
		}
		return profile.times(b.drift(block))
	}
	s := simulation{platform: b.platform, graph: c.Graph, plan: c.Plan, profile: profile}
	busy, m := s, &Measurement{Latency: &trace.Trace{}}
	busy.profile = now(len(plan.Latency))
	passes := []Profile{busy.profile}
	if b.slower != nil {
		busy.profile = busy.profile.times(b.slower(c))
	}
	for i, n := range plan.Latency {
		s := s
		s.profile = now(i)
		for range n {
			t, err := s.run(ctx, make([]time.Duration, 1))
			if err != nil {
				return nil, err
			}
			k := len(m.Latency.Requests)
			if b.stretch != nil {
				stretch(t, func(int) float64 { return b.stretch(c, k) })
			}
			m.Latency.Append(t, end(m.Latency)+plan.Gap, int64(k))
		}
		m.Blocks = append(m.Blocks, []Profile{s.profile})
	}
	for range plan.Crowds {
		t, err := busy.run(ctx, plan.Throughput)
		if err != nil {
			return nil, err
		}
		m.Crowds = append(m.Crowds, Crowd{passes, t})
	}
	if m.Modelled, err = s.run(ctx, every(plan.Apart, plan.Modelled)); err != nil {
		return nil, err
	}
	if b.after != nil {
		b.after(c, m)
	}
	return m, nil
}

// times returns a profile of a machine that is slower by a factor.
func (f Profile) times(factor float64) Profile {
	var out Profile
	for _, d := range f {
		out = append(out, time.Duration(float64(factor*float64(d))))
	}
	return out
}

// stretch makes every request of a trace last longer by a factor.
func stretch(t *trace.Trace, by func(request int) float64) {
	arrival := map[int64]time.Duration{}
	for _, r := range t.Requests {
		arrival[r.ID] = r.Arrival
	}
	move := func(id int64, times ...*time.Duration) {
		for _, d := range times {
			*d = arrival[id] + time.Duration(float64(*d-arrival[id])*by(int(id)))
		}
	}
	for i := range t.Requests {
		r := &t.Requests[i]
		move(r.ID, &r.Planned, &r.Finish)
	}
	for i := range t.Computes {
		c := &t.Computes[i]
		move(c.Request, &c.Ready, &c.Start, &c.End)
	}
	for i := range t.Transfers {
		x := &t.Transfers[i]
		move(x.Request, &x.Ready, &x.Start, &x.End, &x.Arrive)
	}
}

// small is a matrix that takes a moment.
func small(models ...string) *Matrix {
	m, err := Quick().With(models, []string{"hidp", "modnn", "disnet", "single-best"})
	if err != nil {
		panic(err)
	}
	m.Modelled, m.Blocks = 5, 5
	return m
}

func board(t testing.TB) *devices.Platform {
	p, err := devices.Open("paper-gbe-4")
	require.NoError(t, err)
	return p
}

func validate(t testing.TB, m *Matrix, b *simBench) *Report {
	if b.platform == nil {
		b.platform = board(t)
	}
	r, err := Run(t.Context(), Options{Matrix: m, Platform: b.platform, Bench: b, Version: "test", Command: "hidp validate"})
	require.NoError(t, err)
	return r
}

// A bench that does what the simulator says leaves no error anywhere, but for the board files.
func TestSimulatorAgainstItself(t *testing.T) {
	r := validate(t, small("mobilenet_v2", "resnet50"), &simBench{})
	for name, n := range map[string]Number{"latency": r.LatencyMAPE, "worst": r.LatencyWorst, "throughput": r.ThroughputMAPEAll, "ops": r.ComputeMAPE, "transfers": r.TransferMAPE,
		"energy": r.EnergyMAPE, "protocol": r.ProtocolMAPE, "bias": r.LatencyBias, "invalid": r.InvalidRuns} {
		require.Zero(t, n, name)
	}
	require.InDelta(t, 1, float64(r.Slope), 1e-12)
	require.InDelta(t, 1, float64(r.Exponent), 1e-9)
	require.Equal(t, Number(1), r.OrderAgreement)
	require.Positive(t, r.OrderPairs)
	require.Positive(t, r.ThroughputCases)
	for _, x := range r.Ranks {
		require.InDelta(t, 1, float64(x.Kendall), 1e-12)
		require.InDelta(t, 1, float64(x.Spearman), 1e-12)
	}
	require.Equal(t, 8, r.Cases)
	require.Len(t, r.Rows, 8)
	for _, x := range r.Rows {
		require.Equal(t, 15, x.Latency.Requests)
		require.Equal(t, 15, x.Throughput.Requests)
		require.Equal(t, 5, x.Protocol.Requests)
		require.Equal(t, x.Latency.Measured, x.Latency.Low, "no noise")
		require.Greater(t, float64(x.CostModel.Error), -1+1/machine-1e-9, "compute is a third slower than the files say, the network is not")
		require.Less(t, float64(x.CostModel.Error), 0.0)
		require.Greater(t, float64(x.Throughput.Offered), float64(x.Throughput.Measured), "more is offered than served")
	}
	for _, x := range r.Ops {
		require.Zero(t, x.Error, "%+v", x)
		if x.Kind == "compute" {
			require.InDelta(t, machine, float64(x.Profiled/x.Believed), 1e-6)
		}
	}
	for _, v := range r.Verdicts() {
		require.True(t, v.Met(), v.Name)
	}
}

// A machine whose speed moves between blocks is simulated with the speed that it had in each.
func TestSpeedThatMovesBetweenBlocks(t *testing.T) {
	r := validate(t, small("mobilenet_v2", "resnet50"), &simBench{drift: func(block int) float64 { return []float64{1, 1.5, 0.8, 1.1, 1.3, 2}[block] }})
	for name, n := range map[string]Number{"latency": r.LatencyMAPE, "throughput": r.ThroughputMAPEAll, "ops": r.ComputeMAPE, "protocol": r.ProtocolMAPE} {
		require.Zero(t, n, name)
	}
	for _, x := range r.Rows {
		require.Less(t, float64(x.Latency.Low), float64(x.Latency.High))
	}
}

// What takes a known factor of the simulated time gives the error that follows from it.
func TestKnownFactor(t *testing.T) {
	r := validate(t, small("mobilenet_v2"), &simBench{stretch: func(Case, int) float64 { return 1 / 1.1 }})
	require.InDelta(t, 0.1, float64(r.LatencyMAPE), 1e-6)
	require.InDelta(t, 0.1, float64(r.LatencyWorst), 1e-6)
	require.InDelta(t, 0.1, float64(r.LatencyBias), 1e-6)
	require.InDelta(t, 1/1.1, float64(r.Slope), 1e-6)
	require.InDelta(t, 1, float64(r.Exponent), 1e-6)
	require.InDelta(t, 0.1, float64(r.ComputeMAPE), 1e-4)
	require.InDelta(t, 0.1, float64(r.TransferMAPE), 1e-4)
	require.Zero(t, r.ProtocolMAPE)
	for _, x := range r.Rows {
		require.InDelta(t, 0.1, float64(x.Latency.Error), 1e-6)
		require.InDelta(t, 1/1.1-1, float64(x.Protocol.Compute), 1e-6)
	}
	require.False(t, r.Verdicts()[0].Met())
	require.True(t, r.Verdicts()[1].Met())
}

// Noise of a known size per case comes back as the mean error; noise of single requests leaves the medians alone and widens their
// intervals.
func TestKnownNoise(t *testing.T) {
	factors := map[string]float64{"hidp": 1.02, "modnn": 0.95, "disnet": 1.08, "single-best": 0.99}
	r := validate(t, small("mobilenet_v2", "resnet50"), &simBench{stretch: func(c Case, request int) float64 {
		noise := []float64{0.9, 1, 1.2}[request%3]
		return factors[c.Strategy] * noise
	}})
	var want []float64
	for _, x := range r.Rows {
		if !x.distinct() {
			continue
		}
		e := 1/factors[x.Strategy] - 1
		require.InDelta(t, e, float64(x.Latency.Error), 1e-6)
		require.Less(t, float64(x.Latency.Low), float64(x.Latency.Measured))
		require.Greater(t, float64(x.Latency.High), float64(x.Latency.Measured))
		want = append(want, max(e, -e))
	}
	sum := 0.0
	for _, e := range want {
		sum += e
	}
	require.InDelta(t, sum/float64(len(want)), float64(r.LatencyMAPE), 1e-6)
	require.InDelta(t, slices.Max(want), float64(r.LatencyWorst), 1e-6)
	require.InDelta(t, 1/1.08-1, -float64(r.LatencyWorst), 1e-6)
	require.Contains(t, r.LatencyWorstCase, "disnet")
}
