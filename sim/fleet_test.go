package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/workloads"
)

// townPlatform is one to three boards on a radio channel with an uplink over a backbone to a cloud node, the last one.
func townPlatform(rng *rand.Rand, cloud devices.Node, backbone float64) *devices.Platform {
	clusters := []int{1, 2, 1}[:1+rng.IntN(3)]
	p := plainPlatform(clusters...)
	for j := range p.Nodes {
		p.Nodes[j].Message = time.Duration(rng.IntN(3)) * 100 * time.Microsecond
	}
	p.Nodes = append(p.Nodes, cloud)
	p.Network.Resources = []devices.Resource{{Name: "air", Capacity: 1e6 * (1 + rng.Float64())}, {Name: "up", Capacity: 4e5 * (1 + rng.Float64())},
		{Name: "down", Capacity: 4e5}, {Name: "out", Capacity: backbone}, {Name: "in", Capacity: backbone}}
	n := len(clusters)
	p.Network.Paths = make([][]devices.Path, n+1)
	for u := range p.Network.Paths {
		for v := range n + 1 {
			hops := []devices.Hop{{Resource: 0, Weight: 2}}
			switch {
			case v == n:
				hops = []devices.Hop{{Resource: 0, Weight: 1}, {Resource: 1, Weight: 1}, {Resource: 3, Weight: 1}}
			case u == n:
				hops = []devices.Hop{{Resource: 4, Weight: 1}, {Resource: 2, Weight: 1}, {Resource: 0, Weight: 1}}
			}
			p.Network.Paths[u] = append(p.Network.Paths[u], devices.Path{Latency: time.Duration(rng.IntN(3000)) * time.Microsecond, Hops: hops})
		}
	}
	return p
}

// town is a fleet of sites of two classes that share the backbone and cloud nodes, with a strategy that looks at the backlog. Every
// call makes the same one with arrivals at their beginning.
func town(t *testing.T, seed uint64, sites, clouds int, backbone float64) Config {
	rng := rand.New(rand.NewPCG(seed, 19))
	cloud := plainPlatform(2).Nodes[0]
	cloud.Name = "cloud"
	for k := range cloud.Clusters {
		cloud.Clusters[k].Params.Rate = [workloads.NumClasses]float64{}
		for c := range cloud.Clusters[k].Params.Rate {
			cloud.Clusters[k].Params.Rate[c] = 3e9
		}
	}
	f := &Fleet{Resources: []devices.Resource{{Name: "backbone out", Capacity: backbone}, {Name: "backbone in", Capacity: backbone}}}
	for range clouds {
		f.Nodes = append(f.Nodes, cloud)
		f.Nodes[len(f.Nodes)-1].Name = fmt.Sprintf("cloud%d", len(f.Nodes))
	}
	for range 2 {
		f.Classes = append(f.Classes, SiteClass{Truth: townPlatform(rng, cloud, backbone), Strategy: &greedy{t: t}})
	}
	for i := range sites {
		x := Site{Name: fmt.Sprintf("site%d", i), Class: rng.IntN(2), Seed: rng.Uint64(), Resources: []int{Own, Own, Own, 0, 1}}
		for range len(f.Classes[x.Class].Truth.Nodes) - 1 {
			x.Nodes = append(x.Nodes, Own)
		}
		x.Nodes = append(x.Nodes, i%clouds)
		a := &fixedArrivals{models: 2}
		at := time.Duration(0)
		for range 5 + rng.IntN(40) {
			at += time.Duration(rng.ExpFloat64() * 40e6)
			a.at = append(a.at, at)
		}
		x.Arrivals = a
		f.Sites = append(f.Sites, x)
	}
	return Config{Fleet: f, Models: []*workloads.Graph{tasks(t, 40_000, 64e6), tasks(t, 4000, 30e6)}, Records: true,
		Planning: Planning{Mode: PlanningFixed, Fixed: time.Duration(rng.IntN(2)) * ms}}
}

// alone is a site of a fleet as a fleet of its own, with all that is shared for itself.
func alone(cfg Config, i int) Config {
	f := *cfg.Fleet
	f.Sites = f.Sites[i : i+1]
	cfg.Fleet = &f
	return cfg
}

// plain is the only site of a fleet as a run without one.
func plain(cfg Config) Config {
	x := cfg.Fleet.Sites[0]
	k := cfg.Fleet.Classes[x.Class]
	cfg.Truth, cfg.Belief, cfg.Strategy, cfg.Leader, cfg.Leaders, cfg.Arrivals, cfg.Seed = k.Truth, k.Belief, k.Strategy, k.Leader, k.Leaders, x.Arrivals, x.Seed
	cfg.Fleet = nil
	return cfg
}

// bytesOf is all that a run puts out, but for what only a fleet has.
func bytesOf(t *testing.T, r *Result) string {
	copied := *r
	copied.Sites = nil
	data, err := json.Marshal(copied)
	require.NoError(t, err)
	return string(data)
}

func finished(t *testing.T, cfg Config) *Result {
	r, err := Run(context.Background(), cfg)
	require.NoError(t, err)
	return r
}

// A fleet of one site is the same run without a fleet, to the last byte, also where the last nodes count as shared.
func TestFleetOfOneSite(t *testing.T) {
	for seed := range uint64(200) {
		config := func() Config {
			cfg := randomRun(seed)
			cfg.Faults, cfg.TraceLimit, cfg.Records = Faults{}, 0, true
			return cfg
		}
		one := config()
		x := Site{Arrivals: one.Arrivals, Seed: one.Seed}
		f := &Fleet{Classes: []SiteClass{{one.Truth, nil, one.Strategy, one.Leader, nil}}}
		if n := len(one.Truth.Nodes); n > 1 && seed%2 == 0 {
			x.Nodes = slices.Repeat([]int{Own}, n)
			x.Nodes[n-1] = 0
			f.Nodes = one.Truth.Nodes[n-1:]
		}
		f.Sites = []Site{x}
		one = Config{Fleet: f, Models: one.Models, Batch: one.Batch, Planning: one.Planning, Records: true}
		require.Equal(t, bytesOf(t, finished(t, config())), bytesOf(t, finished(t, one)), "seed %d", seed)
	}
}

// Sites that share a backbone that cannot be filled, and have a cloud node each, do what each does alone.
func TestSitesWithRoomForAllAreIndependent(t *testing.T) {
	for seed := range uint64(20) {
		const sites = 6
		config := func() Config { return town(t, seed, sites, sites, 1e15) }
		r := finished(t, config())
		for i := range sites {
			own := finished(t, alone(config(), i))
			require.Equal(t, own.Sites[0], r.Sites[i])
			require.Equal(t, times(own.Records, 0), times(r.Records, i))
			require.Equal(t, own.Nodes[len(own.Nodes)-sites:][i].Clusters, r.Nodes[len(r.Nodes)-sites:][i].Clusters, "its cloud node")
			require.Equal(t, times(finished(t, plain(alone(config(), i))).Records, 0), times(r.Records, i), "without a fleet")
		}
	}
}

// times returns the records of a site without the requests' numbers, which count all sites.
func times(records []Record, site int) (out []Record) {
	for _, r := range records {
		if r.Site == site {
			r.ID, r.Site = 0, 0
			out = append(out, r)
		}
	}
	return out
}

// The sites' figures add up to those of the run.
func TestFleetsConserve(t *testing.T) {
	for seed := range uint64(20) {
		cfg := town(t, seed, 5, 2, 4e5)
		if seed%2 == 0 {
			cfg.Horizon = 200 * ms
		}
		r, err := Run(context.Background(), cfg)
		if cfg.Horizon > 0 {
			var horizon *HorizonError
			require.ErrorAs(t, err, &horizon)
		}
		var arrived, completed, inFlight int64
		var energy float64
		for _, x := range r.Sites {
			arrived, completed, inFlight = arrived+x.Arrived, completed+x.Completed, inFlight+x.InFlight
			energy += x.EnergyPlatform
			require.LessOrEqual(t, x.Makespan, r.Makespan)
		}
		require.Equal(t, []int64{r.Arrived, r.Completed, r.InFlight}, []int64{arrived, completed, inFlight})
		require.Equal(t, int(completed), len(r.Records))
		later := 0.0 // idle energy of the sites from their makespan to that of the run
		nodes := 0.0
		for _, n := range r.Nodes[:len(r.Nodes)-2] {
			nodes += n.Energy()
		}
		for i, x := range cfg.Fleet.Sites {
			later += (r.Makespan - r.Sites[i].Makespan).Seconds() * float64(len(x.Nodes)-1)
		}
		require.InEpsilon(t, nodes, energy+later, 1e-9)
	}
}

// A fleet that is resumed from a checkpoint at any instant puts out the bytes of the unbroken run.
func TestAResumedFleetIsTheUnbrokenRun(t *testing.T) {
	resumed := 0
	for seed := range uint64(40) {
		backbone := []float64{1e7, 4e5}[seed%2]
		config := func() Config {
			cfg := town(t, seed, 4, 2, backbone)
			addJitter(cfg.Fleet.Classes[0].Truth, ms)
			return cfg
		}
		want := finished(t, config())
		data := checkpointAfter(t, config(), 1+int(seed)*17)
		if data == nil {
			continue
		}
		r, err := Resume(context.Background(), config(), data)
		require.NoError(t, err)
		require.Equal(t, want, r)
		resumed++
		_, err = Resume(context.Background(), town(t, seed, 4, 1, backbone), data)
		require.ErrorContains(t, err, "another run")
	}
	require.Greater(t, resumed, 20)
}

func TestFaultyFleets(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"must have none":             func(c *Config) { c.Strategy = &greedy{} },
		"cannot be traced":           func(c *Config) { c.TraceLimit = -1 },
		"cannot be lost":             func(c *Config) { c.Faults.Nodes = []NodeLoss{{}} },
		"there are 2 resources":      func(c *Config) { c.Faults.Resources = []CapacityChange{{Resource: 2}} },
		"needs sites":                func(c *Config) { c.Fleet.Sites = nil },
		"one of the 2 classes":       func(c *Config) { c.Fleet.Sites[0].Class = 2 },
		"or Own":                     func(c *Config) { c.Fleet.Sites[1].Nodes[0] = 7 },
		"in more than the name":      func(c *Config) { c.Fleet.Nodes[0].IdlePower++ },
		"a platform and a strategy":  func(c *Config) { c.Fleet.Classes[1].Truth = nil },
		"leader 9 is not one of the": func(c *Config) { c.Fleet.Classes[0].Leader = 9 },
		"3 leaders for 2 models":     func(c *Config) { c.Fleet.Classes[0].Leaders = []int{0, 0, 0} },
		"the belief has 1 nodes":     func(c *Config) { c.Fleet.Classes[0].Belief = plainPlatform(1) },
	} {
		cfg := town(t, 1, 3, 1, 1e6)
		change(&cfg)
		_, err := Run(context.Background(), cfg)
		var bad *ConfigError
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, want)
	}
}
