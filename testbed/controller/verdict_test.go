package controller

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/agent/energy"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// measuredRun is a run of one request on three boards, the first of which computed and sent.
func measuredRun(t *testing.T) *Run {
	p := three(t)
	made := &plan.Plan{Ops: []plan.Op{{}, {After: []int{0}}, {After: []int{0}}}}
	r := &Run{Platform: p, Plans: []*plan.Plan{made}, Trace: &trace.Trace{}, Nodes: make([]NodeRun, 3), Makespan: time.Second, Latencies: []time.Duration{time.Second},
		Outcomes: []Outcome{{ID: 4, Due: time.Hour}}}
	for j := range r.Nodes {
		r.Nodes[j].Node = p.Nodes[j].Name
		r.Nodes[j].Measured = &control.Measured{Report: &agent.Report{PeakMemory: int64(10 + j)}}
	}
	r.Trace.AddCompute(trace.Compute{Request: 4, End: time.Second / 2})
	r.Trace.AddTransfer(trace.Transfer{Request: 4, From: 0, To: 1, Bytes: 100, Start: time.Second / 2, End: time.Second, Arrive: time.Second})
	r.Trace.AddTransfer(trace.Transfer{Request: 4, From: 0, To: 2, Bytes: 7, Start: time.Second / 2, End: time.Second, Arrive: time.Second, Wasted: true})
	return r
}

// What nodes did is added up; energies that a board has measured count instead of the model, by its own clock.
func TestAccount(t *testing.T) {
	r := measuredRun(t)
	m := r.Nodes[1].Measured
	m.Sampler, m.Readings = "ina", []energy.Reading{{At: 0, Board: 99}, {At: 2 * time.Hour, Board: 5}, {At: 2*time.Hour + time.Second, Board: 7}}
	ahead := course{ahead: time.Hour}
	r.account(&shifts{nodes: []course{{}, ahead, {}}}, time.Hour)
	n := &r.Nodes[0]
	spec := &r.Platform.Nodes[0]
	require.Equal(t, time.Second/2, n.Busy[0])
	require.Equal(t, int64(107), n.Sent)
	require.Equal(t, []int64{100, 0}, []int64{r.Nodes[1].Received, r.Nodes[2].Received}, "what was dropped on the way is not received")
	require.InEpsilon(t, spec.IdlePower+0.5*spec.Clusters[0].ActivePower+0.5*spec.NICPower, n.Energy.Joules, 1e-12)
	require.Equal(t, energy.Modelled, n.Energy.Provenance)
	require.Equal(t, energy.Amount{Joules: 6, Provenance: energy.Measured, Source: "ina"}, r.Nodes[1].Energy)
	require.Equal(t, time.Hour, r.Nodes[1].Clock.Ahead)
	require.Equal(t, int64(12), r.Nodes[2].PeakMemory)
}

// Lag of any kind above the tolerance disturbs a request, and more than a quarter of them make a run invalid; so do records that were lost.
func TestJudge(t *testing.T) {
	for name, lag := range map[string]func(m *control.Measured){
		"results and messages": func(m *control.Measured) {
			m.Report.Late = map[int64]map[int]time.Duration{4: {0: 50 * time.Millisecond, 1: 19 * time.Millisecond, 2: 20 * time.Millisecond}}
		},
		"together": func(m *control.Measured) {
			m.Report.Late = map[int64]map[int]time.Duration{4: {1: 10 * time.Millisecond}}
			m.Report.Trace.AddRequest(trace.Request{ID: 4, Arrival: time.Hour + 60*time.Millisecond})
		},
		"requests": func(m *control.Measured) {
			m.Report.Trace.AddRequest(trace.Request{ID: 4, Arrival: time.Hour + 70*time.Millisecond})
			m.Report.Trace.AddRequest(trace.Request{ID: 3, Arrival: 9 * time.Hour})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := measuredRun(t)
			lag(r.Nodes[2].Measured)
			r.account(&shifts{nodes: make([]course, 3)}, time.Hour)
			r.judge(0)
			require.Equal(t, 50*time.Millisecond, r.Tolerance, "5 % of the median latency")
			var invalid *InvalidRunError
			require.ErrorAs(t, r.Err(), &invalid)
			require.EqualError(t, invalid, "the run is not valid: 1 of 1 requests lagged by more than 50ms; the most by 70ms")
			r.Invalid = nil
			r.judge(70 * time.Millisecond)
			require.NoError(t, r.Err())
		})
	}
	few := []Outcome{{Lag: time.Second}, {}, {}, {}}
	n, tooMany := Disturbed(few, time.Millisecond)
	require.Equal(t, 1, n)
	require.False(t, tooMany)
	_, tooMany = Disturbed(few[:3], time.Millisecond)
	require.True(t, tooMany)
	r := measuredRun(t)
	r.Latencies = nil
	r.Nodes[0].Measured.Report.Trace.Lost = 3
	r.Nodes[1].Measured.Readings, r.Nodes[1].Measured.Failure = make([]energy.Reading, 1), "the bus hung"
	r.judge(0)
	require.Equal(t, 2*time.Millisecond, r.Tolerance)
	require.ErrorContains(t, r.Err(), "has lost 3 records; node "+r.Nodes[1].Node+" has holes in what its power was: the bus hung")
}

// An answer that is another one fails the run; plans that ignore halos are held against themselves.
func TestCheck(t *testing.T) {
	p, src := three(t), small(t)
	a, err := Dial(t.Context(), serve(t, p, nil, fakes(p)...), Options{Engine: inference.Reference{}})
	require.NoError(t, err)
	defer a.Close()
	made := spread(t, src.Graph, p, 0)
	careless := *made
	careless.Ops = append([]plan.Op(nil), made.Ops...)
	for i := range careless.Ops {
		if o := &careless.Ops[i]; o.Kind == plan.Compute && o.Slice.From == 1 {
			o.Slice.Halo = workloads.HaloIgnore
		}
	}
	s := &Session{agents: a, job: Job{Source: src, Graph: src.Graph, Plans: []*plan.Plan{made, &careless}}, platform: p}
	for j, l := range a.links {
		s.streams = append(s.streams, &stream{link: l})
		require.NotNil(t, l, "node %d", j)
	}
	input := noise(src.Graph, 1)
	right, err := (&submodel.Runner{Source: src, Engine: inference.Reference{}}).Unsplit(input)
	require.NoError(t, err)
	wrong := inference.Tensor{Shape: right.Shape, Data: append([]float32(nil), right.Data...)}
	wrong.Data[3] += 1
	checked, err := s.Check([]Outcome{{ID: 7, Output: right}, {ID: 8, Output: wrong}, {ID: 9}}, input)
	var disagree *DisagreementError
	require.ErrorAs(t, err, &disagree)
	require.Equal(t, int64(8), disagree.Request)
	require.Len(t, checked, 2, "there is nothing to check without an answer")
	require.True(t, checked[0].Agreement.Exact)
	require.Error(t, (&Run{Checks: s.checks}).Err())

	_, against, err := s.want(&oracle{runner: &submodel.Runner{Source: src, Engine: inference.Reference{}}, known: map[string]inference.Tensor{}}, 1, input)
	require.NoError(t, err)
	require.Equal(t, againstPlan, against)
	a.options.Engine = nil
	_, err = s.Check(nil, input)
	require.ErrorContains(t, err, "no inference engine")
}

// Answers are computed with the threads that the clusters have, if they all have the same.
func TestThreads(t *testing.T) {
	p, src := three(t), small(t)
	r := &Roster{platform: p}
	s := &Session{agents: &Agents{roster: r}, job: Job{Plans: []*plan.Plan{spread(t, src.Graph, p, 0)}}, platform: p}
	for j := range p.Nodes {
		name := p.Nodes[j].Clusters[0].Name
		s.streams = append(s.streams, &stream{link: &link{Entry: &Entry{Clusters: []Cluster{{Name: name, Threads: 2}}}}})
	}
	require.Equal(t, 2, s.threads())
	s.streams[1].Clusters[0].Threads = 3
	require.Equal(t, 1, s.threads())
}
