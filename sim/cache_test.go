package sim

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// again returns the configuration with its workload at the beginning.
func again(cfg Config) Config {
	if a, ok := cfg.Arrivals.(*fixedArrivals); ok {
		fresh := *a
		fresh.n = 0
		cfg.Arrivals = &fresh
	}
	return cfg
}

// Runs that share a cache put out what runs without one do, be it cold or warm, one after the other or at the same time.
func TestACacheChangesNothing(t *testing.T) {
	var shared Cache
	for seed := range uint64(150) {
		cfg := faultyRun(seed)
		cfg.Records, cfg.PlanKey = true, fmt.Sprint(seed)
		r, err := Run(context.Background(), again(cfg))
		want := digest(t, r, err)
		cfg.Cache = &shared
		r, err = Run(context.Background(), again(cfg))
		require.Equal(t, want, digest(t, r, err), "seed %d: cold", seed)
		cfg.Strategy = silent{}
		var both sync.WaitGroup
		for _, cache := range []*Cache{&shared, &shared, shared.Local(), shared.Local()} {
			cfg := cfg
			cfg.Cache = cache
			both.Go(func() {
				r, err := Run(context.Background(), again(cfg))
				if got := digest(t, r, err); got != want {
					t.Errorf("seed %d: warm: %s, not %s", seed, got, want)
				}
			})
		}
		both.Wait()
	}
	require.NotEmpty(t, shared.answers)
}

// silent is a strategy that must not be asked.
type silent struct{}

func (silent) Plan(plan.Problem, *plan.Belief) (*plan.Plan, error) {
	panic("a plan that was in the cache was made again")
}

func TestPlansAreCachedByBacklogAndLosses(t *testing.T) {
	cfg := loadedConfig(t)
	r, err := Run(context.Background(), cfg)
	want := digest(t, r, err)
	s := &greedy{t: t}
	var asked []int
	var cache Cache
	for range 2 {
		next := loadedConfig(t)
		next.Truth, next.Models, next.Strategy, next.Cache, next.PlanKey = cfg.Truth, cfg.Models, s, &cache, "greedy"
		r, err = Run(context.Background(), next)
		require.Equal(t, want, digest(t, r, err))
		asked = append(asked, s.plans)
	}
	require.Greater(t, asked[0], 10)
	require.Equal(t, asked[0], asked[1], "the second run asked for nothing new")
}

func TestAnswersAreSharedUnderOneKeyOnly(t *testing.T) {
	p, g := plainPlatform(2, 1), tasks(t, 400, 64e6)
	s := &greedy{t: t}
	cache := new(Cache)
	run := func(change func(*Config)) int {
		before := s.plans
		cfg := Config{Truth: p, Strategy: s, Models: []*workloads.Graph{g}, Arrivals: once(), Cache: cache, PlanKey: "greedy"}
		change(&cfg)
		_, err := Run(context.Background(), cfg)
		require.NoError(t, err)
		return s.plans - before
	}
	require.Equal(t, 1, run(func(*Config) {}))
	require.Equal(t, 0, run(func(*Config) {}))
	require.Equal(t, 1, run(func(c *Config) { c.PlanKey = "another" }))
	require.Equal(t, 1, run(func(c *Config) { c.PlanKey = "" }))
	require.Equal(t, 1, run(func(c *Config) { c.Leader = 1 }))
	require.Equal(t, 1, run(func(c *Config) { c.Truth = plainPlatform(2, 1) }))
	measure := func(f func()) time.Duration { f(); return time.Millisecond }
	require.Equal(t, 1, run(func(c *Config) { c.Planning = Planning{Mode: PlanningMeasured, Measure: measure} }))
	require.Equal(t, 0, run(func(c *Config) { c.Planning = Planning{Mode: PlanningFixed, Fixed: time.Millisecond} }))
}

// What planning costs is the run's own matter, whoever made the plan.
func TestPlanningTimeIsNotCached(t *testing.T) {
	p, g, plan := relay(t)
	cache := new(Cache)
	require.Equal(t, 24*ms, runPlan(t, Config{Truth: p, Arrivals: once(), Cache: cache}, plan, g).Latency.Mean)
	r := runPlan(t, Config{Truth: p, Arrivals: once(), Cache: cache, Planning: Planning{Mode: PlanningFixed, Fixed: 5 * ms}}, plan, g)
	require.Equal(t, 29*ms, r.Latency.Mean)
}

func TestACacheIsBounded(t *testing.T) {
	var c Cache
	g := tasks(t, 400, 64e6)
	for range 3 * maxCachedTables {
		p := plainPlatform(1)
		c.pricesOf(p, g)
		c.returnBelief(priced{p, g}, plan.NewBelief(p))
		c.keep(question{truth: p}, nil, planned{prog: &program{ops: make([]opCost, maxCachedOps/100)}})
	}
	require.LessOrEqual(t, len(c.costs), maxCachedTables)
	require.LessOrEqual(t, len(c.beliefs), maxCachedTables)
	require.LessOrEqual(t, len(c.answers), 102)
}

// BenchmarkTinyRun measures whole runs of few requests on the paper's platform with a warm cache: what a sweep pays per point.
func BenchmarkTinyRun(b *testing.B) {
	p, err := devices.Open("paper-wlan")
	require.NoError(b, err)
	g, err := zoo.Get("resnet50")
	require.NoError(b, err)
	for _, name := range []string{"modnn", "single-gpu"} {
		for _, requests := range []int{1, 10} {
			b.Run(fmt.Sprintf("%s/%d", name, requests), func(b *testing.B) {
				s, err := catalog.New(name, nil)
				require.NoError(b, err)
				cache := new(Cache)
				b.ReportAllocs()
				for i := uint64(0); b.Loop(); i++ {
					source, err := workloads.Poisson{Rate: 3}.Source(i, workloads.Mix{}, workloads.Limit{Requests: requests})
					require.NoError(b, err)
					_, err = Run(context.Background(), Config{Truth: p, Leader: p.Leader, Strategy: s, Models: []*workloads.Graph{g},
						Arrivals: source, Cache: cache, PlanKey: name})
					require.NoError(b, err)
				}
			})
		}
	}
}
