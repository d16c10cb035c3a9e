package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// explicit is a fleet as one platform on which every site's models have that site's leader: the run that the fleet stands for,
// made of what the simulator has without fleets.
func explicit(cfg Config) Config {
	f := cfg.Fleet
	u := &devices.Platform{Name: "union"}
	s := &unionStrategy{}
	out := Config{Truth: u, Strategy: s, Planning: cfg.Planning, Faults: cfg.Faults, Records: true}
	own := 0
	for _, x := range f.Sites {
		own += len(x.Nodes) - 1
	}
	u.Network.Paths = make([][]devices.Path, own+len(f.Nodes))
	for i := range u.Network.Paths {
		u.Network.Paths[i] = make([]devices.Path, own+len(f.Nodes))
	}
	u.Network.Resources = append(u.Network.Resources, f.Resources...)
	merged := &merge{}
	for i, x := range f.Sites {
		k := f.Classes[x.Class]
		d := district{inner: k.Strategy, belief: plan.NewBelief(k.Truth)}
		for j := range x.Nodes {
			if x.Nodes[j] == Own {
				d.nodes = append(d.nodes, len(u.Nodes))
				u.Nodes = append(u.Nodes, k.Truth.Nodes[j])
				u.Nodes[len(u.Nodes)-1].Name = fmt.Sprintf("%d/%d", i, j)
			} else {
				d.nodes = append(d.nodes, own+x.Nodes[j])
			}
		}
		var resources []int
		for j, shared := range x.Resources {
			resources = append(resources, shared)
			if shared == Own {
				resources[j] = len(u.Network.Resources)
				u.Network.Resources = append(u.Network.Resources, k.Truth.Network.Resources[j])
			}
		}
		for a := range d.nodes {
			for b := range d.nodes {
				path := k.Truth.Network.Paths[a][b]
				path.Hops = slices.Clone(path.Hops)
				for h := range path.Hops {
					path.Hops[h].Resource = resources[path.Hops[h].Resource]
				}
				u.Network.Paths[d.nodes[a]][d.nodes[b]] = path
			}
		}
		merged.add(x.Arrivals, len(out.Models))
		for range cfg.Models {
			out.Leaders = append(out.Leaders, d.nodes[k.Leader])
		}
		out.Models = append(out.Models, cfg.Models...)
		s.districts = append(s.districts, d)
	}
	u.Nodes = append(u.Nodes, f.Nodes...)
	out.Arrivals = merged
	return out
}

// merge is the arrivals of several sources.
type merge struct{ left []workloads.Arrival }

func (m *merge) add(s workloads.Source, models int) {
	for x, ok := s.Next(); ok; x, ok = s.Next() {
		x.Model += models
		m.left = append(m.left, x)
	}
	slices.SortStableFunc(m.left, func(a, b workloads.Arrival) int { return int(a.At - b.At) })
}

func (m *merge) Next() (workloads.Arrival, bool) {
	if len(m.left) == 0 {
		return workloads.Arrival{}, false
	}
	x := m.left[0]
	m.left = m.left[1:]
	return x, true
}

// unionStrategy asks the strategy of the site whose leader it is asked for, in the site's own terms.
type unionStrategy struct{ districts []district }

type district struct {
	inner  plan.Planner
	belief *plan.Belief
	nodes  []int
}

func (*unionStrategy) UsesBacklog() bool { return true }

func (s *unionStrategy) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	i := slices.IndexFunc(s.districts, func(d district) bool { return d.nodes[0] == r.Leader })
	d := &s.districts[i]
	d.belief.Backlog = nil
	for _, j := range d.nodes {
		d.belief.Backlog = append(d.belief.Backlog, b.Backlog[j])
	}
	r.Leader = 0
	p, err := d.inner.Plan(r, d.belief)
	if err != nil {
		return nil, err
	}
	p.Leader, p.Platform = d.nodes[0], b.Platform.Name
	for i := range p.Ops {
		p.Ops[i].Node, p.Ops[i].To = d.nodes[p.Ops[i].Node], d.nodes[p.Ops[i].To]
	}
	return p, nil
}

// Small fleets do what the same platform does when it is written out, request by request, with a backbone that is seldom full, often
// full, or cut for a while; the rates are worked out in another order, which may move a completion by a nanosecond.
func TestFleetIsThePlatformWrittenOut(t *testing.T) {
	contended := 0
	for seed := range uint64(60) {
		backbone := []float64{1e7, 6e5, 2e5}[seed%3]
		sites, clouds := 2+int(seed%4), 1+int(seed%2)
		config := func() Config {
			cfg := town(t, seed, sites, clouds, backbone)
			if seed%5 == 0 {
				cfg.Faults.Resources = []CapacityChange{{Resource: 0, From: 100 * ms, To: 300 * ms}, {Resource: 1, From: 400 * ms, Capacity: backbone / 2}}
			}
			return cfg
		}
		r, want := finished(t, config()), finished(t, explicit(config()))
		require.Len(t, r.Records, len(want.Records))
		finish := func(records []Record) []time.Duration {
			out := make([]time.Duration, len(records))
			for _, x := range records {
				out[x.ID] = x.Finish
			}
			return out
		}
		a, b := finish(r.Records), finish(want.Records)
		for i := range a {
			require.InDelta(t, int64(b[i]), int64(a[i]), 100, "seed %d, request %d", seed, i)
		}
		require.InEpsilon(t, want.EnergyPlatform, r.EnergyPlatform, 1e-7)
		require.InEpsilon(t, want.ServingJoules, r.ServingJoules, 1e-7)
		for k := range 2 {
			require.InDelta(t, want.Resources[k].Bytes, r.Resources[len(r.Resources)-2+k].Bytes, 1)
		}
		for i := range sites {
			if finished(t, alone(config(), i)).Sites[0].Mean < r.Sites[i].Mean*9/10 {
				contended++
			}
		}
	}
	require.Greater(t, contended, 50, "sites that others slow down")
}
