package flow_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/sim/flow"
)

// tolerance is the relative error allowed between two ways to sum the same floats.
const tolerance = 1e-9

// maxMin is the specification of the rates: progressive filling of the whole network
// at once, every step from the definition.
func maxMin(capacities []float64, flows []flow.Transfer) []float64 {
	rates := make([]float64, len(flows))
	fixed := make([]bool, len(flows))
	for slices.Contains(fixed, false) {
		full := make([]float64, len(capacities)) // the common rate at which each is full
		level := math.Inf(1)
		for r := range capacities {
			left, weight := capacities[r], 0.0
			for i, f := range flows {
				for _, h := range f.Path {
					if int(h.Resource) == r && fixed[i] {
						left -= rates[i] * h.Weight
					} else if int(h.Resource) == r {
						weight += h.Weight
					}
				}
			}
			full[r] = max(0, left) / weight // +Inf or NaN without open flows: never the lowest
			if weight > 0 {
				level = min(level, full[r])
			}
		}
		for i, f := range flows {
			if f.Limit > 0 && !fixed[i] {
				level = min(level, f.Limit)
			}
		}
		for i, f := range flows {
			stops := f.Limit > 0 && f.Limit <= level || slices.ContainsFunc(f.Path, func(h flow.Hop) bool {
				return full[h.Resource] <= level*(1+1e-13)
			})
			if !fixed[i] && stops {
				fixed[i], rates[i] = true, level
			}
		}
	}
	return rates
}

// model drives a network at random and keeps the books a second time.
type model struct {
	net        *flow.Network
	now        time.Duration
	capacities []float64
	carried    []float64
	routes     [][]flow.Hop // paths that several flows take
	flows      map[flow.FlowID]*transfer
}

type transfer struct {
	flow.Transfer
	delivered float64
}

func newModel(t *rapid.T) *model {
	capacities := rapid.SliceOfN(capacity(), 1, 8).Draw(t, "capacities")
	net := flow.New(capacities)
	for r := range capacities {
		if rapid.IntRange(0, 2).Draw(t, "relaxed") == 0 {
			net.Relax(int32(r))
		}
	}
	return &model{
		net: net, capacities: capacities, carried: make([]float64, len(capacities)),
		flows: map[flow.FlowID]*transfer{}, routes: rapid.SliceOfN(path(len(capacities)), 1, 3).Draw(t, "routes"),
	}
}

// capacity draws round and odd capacities; sometimes a link is down.
func capacity() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.SampledFrom([]float64{0, 1e6, 2e6, 12.5e6}), rapid.Float64Range(1e3, 1e9))
}

// path draws up to four hops; a resource may be crossed twice.
func path(resources int) *rapid.Generator[[]flow.Hop] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) flow.Hop {
		return flow.Hop{
			Resource: int32(rapid.IntRange(0, resources-1).Draw(t, "resource")),
			Weight:   rapid.SampledFrom([]float64{1, 1, 2, 0.7}).Draw(t, "weight"),
		}
	}), 1, 4)
}

func (m *model) transfer(t *rapid.T) flow.Transfer {
	return flow.Transfer{
		Bytes: rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 10_000_000)).Draw(t, "bytes"),
		Path:  rapid.OneOf(path(len(m.capacities)), rapid.SampledFrom(m.routes), rapid.SampledFrom(m.routes)).Draw(t, "path"),
		Limit: rapid.SampledFrom([]float64{0, 0, 1e5, 3e6}).Draw(t, "limit"),
	}
}

// ids returns the names of the active flows in ascending order.
func (m *model) ids() []flow.FlowID {
	var ids []flow.FlowID
	for id := range m.flows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// pass lets the time go by up to some moment before the next completion.
func (m *model) pass(t *rapid.T) {
	dt := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "dt"))
	if at, _, ok := m.net.NextCompletion(); ok {
		dt = min(dt, at-m.now)
	}
	m.moveTo(t, m.now+dt)
}

// moveTo adds rate × time to the books.
func (m *model) moveTo(t *rapid.T, now time.Duration) {
	for _, id := range m.ids() {
		f := m.flows[id]
		d, left := m.net.Rate(id)*(now-m.now).Seconds(), float64(f.Bytes)-f.delivered
		lastNanosecond := m.net.Rate(id) * 1e-9 // it may be idle in part
		require.LessOrEqual(t, d, left+lastNanosecond+tolerance*float64(f.Bytes)+1e-2, "flow %d completed unnoticed", id)
		d = min(d, left)
		f.delivered += d
		for _, h := range f.Path {
			m.carried[h.Resource] += d * h.Weight
		}
	}
	m.now = now
}

func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"start": func(t *rapid.T) {
			m.pass(t)
			for range rapid.IntRange(1, 4).Draw(t, "together") {
				tr := m.transfer(t)
				id := m.net.Start(m.now, tr)
				require.NotContains(t, m.flows, id, "the name is in use")
				m.flows[id] = &transfer{Transfer: tr}
			}
		},
		"finish": func(t *rapid.T) {
			at, id, ok := m.net.NextCompletion()
			if !ok {
				t.Skip("nothing moves")
			}
			require.Equal(t, at, m.net.NextTime())
			m.moveTo(t, at)
			if rapid.Bool().Draw(t, "one") {
				m.net.Finish(at, id)
				m.finished(t, id)
				return
			}
			for first := true; ; first = false {
				next, ok := m.net.FinishNext(at)
				if !ok {
					require.False(t, first)
					return
				}
				require.True(t, !first || next == id)
				m.finished(t, next)
			}
		},
		"cancel": func(t *rapid.T) {
			if len(m.flows) == 0 {
				t.Skip("no flow")
			}
			m.pass(t)
			id := rapid.SampledFrom(m.ids()).Draw(t, "id")
			require.InDelta(t, float64(m.flows[id].Bytes)-m.flows[id].delivered, m.net.Remaining(m.now, id), 1e-2)
			m.net.Cancel(m.now, id)
			delete(m.flows, id)
		},
		"capacity": func(t *rapid.T) {
			m.pass(t)
			r := rapid.IntRange(0, len(m.capacities)-1).Draw(t, "resource")
			m.capacities[r] = capacity().Draw(t, "capacity")
			m.net.SetCapacity(m.now, int32(r), m.capacities[r])
		},
		"restore": func(t *rapid.T) {
			s := m.net.Snapshot()
			m.net = flow.Restore(s)
			require.Equal(t, s, m.net.Snapshot())
		},
		"": m.check,
	}
}

// finished takes a flow out that must be complete.
func (m *model) finished(t *rapid.T, id flow.FlowID) {
	f := m.flows[id]
	require.GreaterOrEqual(t, f.delivered, float64(f.Bytes)*(1-tolerance)-1e-2, "completed with bytes missing")
	delete(m.flows, id)
}

// check compares the network with the specification and the laws.
func (m *model) check(t *rapid.T) {
	require.Equal(t, len(m.flows), m.net.Active())
	var moving []flow.Transfer
	var rates []float64
	for _, id := range m.ids() {
		if f := m.flows[id]; f.Bytes > 0 {
			moving, rates = append(moving, f.Transfer), append(rates, m.net.Rate(id))
		} else {
			require.Zero(t, m.net.Rate(id))
		}
	}
	for i, want := range maxMin(m.capacities, moving) {
		require.InEpsilon(t, 1+want, 1+rates[i], tolerance, "flow %d of %v", i, moving)
	}
	requireOptimal(t, m.capacities, moving, rates)
	for r := range m.carried {
		got := m.net.BytesCarried(m.now, int32(r))
		require.InDelta(t, m.carried[r], got, tolerance*got+1e-1, "bytes carried by resource %d", r)
	}
}

// requireOptimal checks the bottleneck theorem of max-min fairness: nothing is over
// its capacity, and every flow is at its limit or crosses a full resource where no
// flow is faster.
func requireOptimal(t require.TestingT, capacities []float64, flows []flow.Transfer, rates []float64) {
	load, fastest := make([]float64, len(capacities)), make([]float64, len(capacities))
	for i, f := range flows {
		for _, h := range f.Path {
			load[h.Resource] += rates[i] * h.Weight
			fastest[h.Resource] = max(fastest[h.Resource], rates[i])
		}
	}
	for r, c := range capacities {
		require.LessOrEqual(t, load[r], c*(1+tolerance), "resource %d is over its capacity", r)
	}
	for i, f := range flows {
		bottleneck := f.Limit > 0 && rates[i] == f.Limit || slices.ContainsFunc(f.Path, func(h flow.Hop) bool {
			r := h.Resource
			return load[r] >= capacities[r]*(1-tolerance) && rates[i] >= fastest[r]*(1-tolerance)
		})
		require.True(t, bottleneck, "flow %d could have more than %v", i, rates[i])
	}
}

func TestNetworkAgainstSpecification(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(newModel(t).actions()) })
}

func TestRatesDoNotDependOnHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		flows := rapid.SliceOfN(rapid.Custom(m.transfer), 1, 12).Draw(t, "flows")
		order := rapid.Permutation(slices.Collect(rangeOf(len(flows)))).Draw(t, "order")
		other := flow.New(m.capacities)
		ids := make([]flow.FlowID, len(flows))
		for _, i := range order {
			passing := other.Start(0, m.transfer(t))
			ids[i] = other.Start(0, flows[i])
			other.Rate(ids[i]) // have the rates computed with the passing flow
			other.Cancel(0, passing)
		}
		for i, f := range flows {
			id := m.net.Start(0, f)
			defer func() { require.InEpsilon(t, 1+m.net.Rate(id), 1+other.Rate(ids[i]), tolerance) }()
		}
	})
}

func rangeOf(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}
