package validation

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/workloads"
)

func TestInvalidRunsAreRepeatedOnceAndListed(t *testing.T) {
	b := &simBench{after: func(c Case, m *Measurement) {
		if c.Strategy == "modnn" || c.Strategy == "hidp" && c.Attempt == 0 {
			m.Invalid = []string{"lag of 9 ms"}
		}
	}}
	r := validate(t, small("mobilenet_v2"), b)
	require.Len(t, b.measured, 5, "hidp twice, modnn twice, disnet once; single-best makes disnet's plan")
	require.Equal(t, 5, r.Runs)
	require.InDelta(t, 3.0/5, float64(r.InvalidRuns), 1e-12)
	require.Len(t, r.Invalid, 3)
	require.Equal(t, Invalid{Model: "mobilenet_v2", Strategy: "modnn", Attempt: 2, Reasons: []string{"lag of 9 ms"}}, r.Invalid[2])
	require.Equal(t, []string{"ok", "invalid", "ok", "ok"}, []string{r.Rows[0].Status, r.Rows[1].Status, r.Rows[2].Status, r.Rows[3].Status})
	require.Equal(t, 2, r.Rows[0].Attempts)
	require.Equal(t, "disnet", r.Rows[3].SameAs)
	require.Equal(t, []int{3, 2, 1}, []int{r.DistinctPlans, r.Compared, r.GivenUp})
	for _, x := range r.Ops {
		require.NotEqual(t, "modnn", x.Strategy)
	}
	text := r.markdown(nil)
	require.Contains(t, text, "modnn, attempt 2: lag of 9 ms")
	require.Contains(t, text, "invalid: lag of 9 ms")
	require.Contains(t, text, "3 of 5 runs were invalid, 1 plans were given up")
}

// A latency phase in which requests wait for each other is no latency phase.
func TestRequestsThatOverlapAreInvalid(t *testing.T) {
	b := &simBench{after: func(_ Case, m *Measurement) {
		for i := range 11 {
			m.Latency.Requests[i].Finish += time.Hour
		}
	}}
	r := validate(t, small("resnet50"), b)
	require.Equal(t, Number(1), r.InvalidRuns)
	for _, x := range r.Invalid {
		require.Equal(t, []string{"latency phase: 11 requests began before the one before had ended"}, x.Reasons)
	}
}

// A plan whose crowd takes long gets fewer of them, but one at least.
func TestCrowdsTakeTheirTime(t *testing.T) {
	m := small("resnet50")
	m.Crowds = 3
	for limit, want := range map[time.Duration]int{0: 3, time.Millisecond: 1, time.Hour: 3} {
		m.CrowdTime = limit
		r := validate(t, m, &simBench{})
		require.Equal(t, want, r.Rows[0].Throughput.Crowds)
	}
	whole := float64(m.Steady+m.Requests) / float64(validate(t, m, &simBench{}).Rows[0].Throughput.Simulated)
	m.CrowdTime = time.Duration(2.5 * whole * float64(time.Second))
	require.Equal(t, 2, validate(t, m, &simBench{}).Rows[0].Throughput.Crowds)
}

func TestWhatIsMissingFromATraceIsInvalid(t *testing.T) {
	good := &trace.Trace{Requests: []trace.Request{{ID: 1, Finish: 5}, {ID: 2, Arrival: 6, Finish: 9}}}
	require.Empty(t, faults("p", good, 2, true))
	require.Equal(t, []string{"p: nothing was measured"}, faults("p", nil, 2, true))
	require.Equal(t, []string{"p: 2 of 3 requests are in the trace", "p: the trace lost 4 records"}, faults("p", &trace.Trace{Requests: good.Requests, Lost: 4}, 3, true))
	failed := &trace.Trace{Requests: []trace.Request{{ID: 1, Finish: 5, Failed: "node b is lost"}, {ID: 2, Arrival: 4, Finish: 9}}}
	require.Equal(t, []string{"p: request 1 failed: node b is lost", "p: 1 requests began before the one before had ended"}, faults("p", failed, 2, true))
	require.Len(t, faults("p", failed, 2, false), 1)

	straggler := &trace.Trace{}
	for i := range 10 {
		straggler.Requests = append(straggler.Requests, trace.Request{ID: int64(i), Arrival: time.Duration(10 * i), Finish: time.Duration(10*i + 8)})
	}
	straggler.Requests[4].Finish += 9
	require.Empty(t, faults("p", straggler, 10, true), "one of ten does not move the median")
	straggler.Requests[6].Finish += 9
	require.Len(t, faults("p", straggler, 10, true), 1)
}

// failing answers with an error from a given run on.
type failing struct {
	simBench
	from int
	err  error
}

func (f *failing) Measure(ctx context.Context, c Case) (*Measurement, error) {
	if len(f.measured) >= f.from {
		return nil, f.err
	}
	return f.simBench.Measure(ctx, c)
}

func TestABenchThatFailsEndsItWithWhatWasDone(t *testing.T) {
	gone := errors.New("node nano is lost")
	o := Options{Matrix: small("mobilenet_v2", "resnet50"), Platform: board(t)}
	o.Bench = &failing{simBench{platform: o.Platform}, 2, gone}
	r, err := Run(t.Context(), o)
	require.ErrorIs(t, err, gone)
	var whose *MeasureError
	require.ErrorAs(t, err, &whose)
	require.EqualError(t, err, "mobilenet_v2 under disnet: node nano is lost")
	require.Equal(t, 2, r.Compared)
	require.Len(t, r.Rows, 2)

	o.Bench = &failing{simBench{platform: o.Platform}, 0, gone}
	r, err = Run(t.Context(), o)
	require.Error(t, err)
	require.Nil(t, r)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.Bench = &failing{simBench{platform: o.Platform}, 0, context.Canceled}
	_, err = Run(ctx, o)
	require.Equal(t, context.Canceled, err, "nobody is to blame")
}

func TestOtherAnswersAreAnError(t *testing.T) {
	b := &simBench{platform: board(t), after: func(_ Case, m *Measurement) {
		m.Agreement = &Agreement{Outputs: 1, Largest: 2e-4, Tolerance: 1e-4, Reason: "float32"}
	}}
	o := Options{Matrix: small("mobilenet_v2"), Platform: b.platform, Bench: b, Check: true}
	_, err := Run(t.Context(), o)
	var other *DisagreementError
	require.ErrorAs(t, err, &other)
	require.EqualError(t, err, "mobilenet_v2 as planned by hidp: the output is off by 0.0002 of the largest magnitude, more than 0.0001 (float32)")
	require.True(t, b.measured[0].Check)

	b.after = func(_ Case, m *Measurement) { m.Agreement = &Agreement{Outputs: 2, Exact: true} }
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Contains(t, r.markdown(nil), "for 3 plans: 3 are equal to the last bit")
	require.Contains(t, string(r.JSON()), `"agreement": {`)
}

// A network without a plan is a row of its own, and the rest goes on.
func TestNoPlanIsARow(t *testing.T) {
	p := *board(t)
	p.Nodes = append(p.Nodes[:0:0], p.Nodes...)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 120 << 20
	}
	m := small("mobilenet_v2", "vgg19")
	r := validate(t, m, &simBench{platform: &p})
	require.Positive(t, r.Infeasible)
	require.Equal(t, r.Cases, len(r.Rows))
	for _, x := range r.Rows {
		if x.Status == statusInfeasible {
			require.Equal(t, "vgg19", x.Model)
			require.NotEmpty(t, x.Reason)
			require.Zero(t, x.Plan)
		}
	}
	require.Contains(t, r.markdown(nil), "no plan: ")
}

func TestProfilesAreChecked(t *testing.T) {
	plan := &plan.Plan{Ops: []plan.Op{{Kind: plan.Compute}, {Kind: plan.Send}}}
	require.NoError(t, Profile{5, 0}.check(plan))
	require.EqualError(t, Profile{5}.check(plan), "the profile is of 1 ops, the plan has 2")
	require.EqualError(t, Profile{0, 5}.check(plan), "op 0 was not profiled")
}

func TestUnknownModelsAreRefused(t *testing.T) {
	_, err := Run(t.Context(), Options{Matrix: &Matrix{Models: []string{"resnet51"}, Methods: []Method{{Label: "hidp", Strategy: "hidp"}}}, Platform: board(t)})
	require.ErrorContains(t, err, "resnet50")
	_, err = Run(t.Context(), Options{Matrix: small("mine"), Platform: board(t), Load: func(string) (*workloads.Graph, error) { return nil, errors.New("mine.onnx: no such file") }})
	require.EqualError(t, err, "mine.onnx: no such file")
}

// Ops that take a known factor longer while requests overlap than in the profile show in the rate.
func TestRateOfASlowerMachine(t *testing.T) {
	m, err := Quick().With([]string{"resnet50", "efficientnet_b0"}, []string{"single-best", "omniboost"})
	require.NoError(t, err)
	r := validate(t, m, &simBench{slower: func(Case) float64 { return 1.08 }})
	require.Positive(t, r.ThroughputCases)
	require.InDelta(t, 0.08, float64(r.ThroughputMAPE), 0.01, "compute is what limits these plans")
	require.Zero(t, r.LatencyMAPE)
	require.Positive(t, float64(r.EnergyMAPE), "busier for as many requests")
}

func TestInstrumentsCountWhereThereAreSome(t *testing.T) {
	p := board(t)
	read := map[int]bool{}
	b := &simBench{platform: p, after: func(c Case, m *Measurement) {
		s := simulation{platform: p, graph: c.Graph, plan: c.Plan}
		for j, joules := range s.active(append(traces(m.Crowds), m.Latency)...) {
			if read[j] {
				length := 2 * time.Minute
				m.Energy = append(m.Energy, Energy{Node: j, Joules: 2*joules + p.Nodes[j].IdlePower*length.Seconds(), Length: length, Source: "ina3221"})
			}
		}
	}}
	for j := range p.Nodes {
		read[j] = true
	}
	r := validate(t, small("mobilenet_v2"), b)
	for _, x := range r.Rows {
		require.Equal(t, "ina3221", x.Energy.Source)
		require.InDelta(t, -0.5, float64(x.Energy.Active), 1e-9, "twice the power that the board files say")
		require.Less(t, float64(x.Energy.Error), 0.0)
	}
	read[p.Leader] = false
	r = validate(t, small("mobilenet_v2"), b)
	require.Equal(t, mixedEnergy, r.Rows[1].Energy.Source)
	clear(read)
	r = validate(t, small("mobilenet_v2"), b)
	require.Equal(t, modelledEnergy, r.Rows[1].Energy.Source)
	require.Zero(t, r.EnergyMAPE)
}

func TestJSONHasItsKeys(t *testing.T) {
	r := validate(t, small("mobilenet_v2"), &simBench{})
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.JSON(), &out))
	for _, key := range []string{"latency_mape", "latency_worst", "throughput_mape", "order_agreement", "invalid_runs"} {
		require.IsType(t, 0.0, out[key], key)
	}
	rows := out["rows"].([]any)
	require.Len(t, rows, 4)
	require.Contains(t, rows[0], "latency")
	require.Nil(t, rows[0].(map[string]any)["agreement"])
	require.Equal(t, r.JSON(), validate(t, small("mobilenet_v2"), &simBench{}).JSON(), "nothing in it depends on the time of day or the order of maps")
}

func TestProgress(t *testing.T) {
	var told []string
	p := board(t)
	_, err := Run(t.Context(), Options{Matrix: small("mobilenet_v2"), Platform: p, Bench: &simBench{platform: p}, Progress: func(done, total int, what string) {
		require.Equal(t, 3, total)
		require.Equal(t, len(told), done)
		told = append(told, what)
	}})
	require.NoError(t, err)
	require.Equal(t, []string{"mobilenet_v2 hidp", "mobilenet_v2 modnn", "mobilenet_v2 disnet", ""}, told)
}
