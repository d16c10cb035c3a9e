package sim

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/durable"
	"hidp/internal/durable/faulty"
	"hidp/workloads"
)

// checkpointAfter runs cfg for a number of instants and returns the checkpoint, nil if the run is over before.
func checkpointAfter(t *testing.T, cfg Config, instants int) []byte {
	var data []byte
	s := newSimulation(cfg)
	s.every = 1
	s.cfg.Checkpoints = Checkpoints{
		Due:  func(Progress) bool { instants--; return instants == 0 },
		Save: func(d []byte) error { data = d; return errors.New("enough") },
	}
	s.start()
	_, err := s.run(context.Background())
	if data != nil {
		require.ErrorContains(t, err, "enough")
	}
	return data
}

// A run that is resumed from a checkpoint at any instant puts out the bytes of the unbroken run.
func TestAResumedRunIsTheUnbrokenRun(t *testing.T) {
	resumed := 0
	check := func(name string, config func() Config, most int) {
		fresh := func() Config {
			cfg := config()
			cfg.Records, cfg.TraceLimit = true, -1
			return cfg
		}
		r, err := Run(context.Background(), fresh())
		want, events := digest(t, r, err), r.Events
		rng := workloads.Stream(uint64(most), name)
		for range 2 {
			data := checkpointAfter(t, fresh(), 1+rng.IntN(most))
			if data == nil {
				continue
			}
			r, err = Resume(context.Background(), fresh(), data)
			require.Equal(t, want, digest(t, r, err), name)
			require.Equal(t, events, r.Events, name)
			resumed++
		}
	}
	for seed := range uint64(300) {
		check("random", func() Config { return faultyRun(seed) }, 30+int(seed)%200)
	}
	for most := range 4 {
		check("ring", func() Config { return ringConfig(t, 1, 300) }, 10+2000*most)
		check("loaded", func() Config { return loadedConfig(t) }, 10+200*most)
		check("closed", func() Config { return closedConfig(t) }, 10+5000*most)
	}
	require.Greater(t, resumed, 350)
}

// A checkpoint of a resumed run is the checkpoint of the unbroken run: nothing is lost on the way.
func TestCheckpointsOfResumedRunsAreTheSame(t *testing.T) {
	compared := 0
	for seed := range uint64(100) {
		first := checkpointAfter(t, faultyRun(seed), 10)
		later := checkpointAfter(t, faultyRun(seed), 25)
		if first == nil || later == nil {
			continue
		}
		s, err := restore(faultyRun(seed), first)
		require.NoError(t, err)
		s.every = 1
		n := 0
		s.cfg.Checkpoints = Checkpoints{
			Due:  func(Progress) bool { n++; return n == 15 },
			Save: func(d []byte) error { require.Equal(t, later, d, "seed %d", seed); compared++; return nil },
		}
		_, err = s.run(context.Background())
		var horizon *HorizonError
		if !errors.As(err, &horizon) {
			require.NoError(t, err)
		}
	}
	require.Greater(t, compared, 30)
}

// Beyond a million requests latencies are binned; the bins are part of a checkpoint.
func TestCheckpointKeepsTheHistogram(t *testing.T) {
	var a, b statistics
	rng := rand.New(rand.NewPCG(1, 1))
	for range exactSamples + 1000 {
		a.complete(time.Duration(rng.Int64N(1e9)), 0)
	}
	c := coder{}
	a.code(&c)
	r := coder{data: c.data, reading: true}
	b.code(&r)
	require.NoError(t, r.err)
	require.Equal(t, a.latency(), b.latency())
	b.complete(5, 0)
	a.complete(5, 0)
	require.Equal(t, a.latency(), b.latency())
}

// Cancelled runs return what they measured and leave a checkpoint from which they go on.
func TestACancelledRunLeavesACheckpoint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.checkpoint")
	whole, err := Run(context.Background(), ringConfig(t, 1, 3000))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	cfg := ringConfig(t, 1, 3000)
	cfg.Checkpoints.Save = SaveTo(durable.Disk{}, file)
	cfg.Observe.Progress = func(Progress) { stop() }
	part, err := Run(ctx, cfg)
	require.ErrorIs(t, err, context.Canceled)
	require.Greater(t, part.Completed, int64(100))
	require.Greater(t, part.InFlight, int64(0))
	require.Greater(t, part.EnergyPlatform, 0.0)
	require.Less(t, part.Completed, whole.Completed)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	r, err := Resume(context.Background(), ringConfig(t, 1, 3000), data)
	require.NoError(t, err)
	require.Equal(t, whole, r)
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

func TestCheckpointsAreRefused(t *testing.T) {
	p, g, plan := relay(t)
	fresh := func() Config { return Config{Truth: p, Arrivals: every(time.Second, 5)}.WithPlan(plan, g) }
	data := checkpointAfter(t, fresh(), 10)
	refuse := func(data []byte, change func(*Config), why string) {
		cfg := fresh()
		change(&cfg)
		_, err := Resume(context.Background(), cfg, data)
		var e *CheckpointError
		require.ErrorAs(t, err, &e)
		require.ErrorContains(t, err, why)
	}
	same := func(*Config) {}
	refuse([]byte("{}"), same, "is not a checkpoint")
	refuse(nil, same, "is not a checkpoint")
	refuse([]byte("hidp checkpoint 9\n..."), same, "another version")
	refuse(data[:len(data)-1], same, "damaged")
	refuse(data[:30], same, "damaged")
	for i := len(checkpointHead); i < len(data); i++ {
		spoilt := append([]byte(nil), data...)
		spoilt[i] ^= 4
		refuse(spoilt, same, "damaged")
	}
	refuse(data, func(c *Config) { c.Seed++ }, "another run")
	refuse(data, func(c *Config) { c.Horizon = time.Hour }, "another run")
	refuse(data, func(c *Config) { c.Truth = plainPlatform(1, 1) }, "another run")
	refuse(data, func(c *Config) { c.Records = true }, "another run")
	refuse(data, func(c *Config) { c.Strategy = silent{} }, "another run")
	refuse(data, func(c *Config) { c.Faults.Nodes = []NodeLoss{{Node: 1}} }, "another run")
	refuse(data, func(c *Config) { c.Arrivals = every(2*time.Second, 5) }, "come at other times")
	refuse(data, func(c *Config) { c.Arrivals = every(time.Second, 1) }, "come at other times")
	refuse(data, func(c *Config) { c.Arrivals, c.Clients = nil, new(workloads.Loop) }, "another run")
	_, err := Resume(context.Background(), Config{}, data)
	require.ErrorContains(t, err, "needs a platform")
}

// What planning took when it was measured is not measured again.
func TestMeasuredPlanningTimesAreKept(t *testing.T) {
	p, g, plan := relay(t)
	fresh := func(took time.Duration) Config {
		measure := func(f func()) time.Duration { f(); return took }
		return Config{Truth: p, Arrivals: every(time.Second, 5), Planning: Planning{Mode: PlanningMeasured, Measure: measure}}.WithPlan(plan, g)
	}
	r, err := Resume(context.Background(), fresh(7*ms), checkpointAfter(t, fresh(3*ms), 10))
	require.NoError(t, err)
	require.Equal(t, 3*ms, r.PlanningTime)
}

func TestAFullDiskEndsTheRun(t *testing.T) {
	cfg := ringConfig(t, 1, 1000)
	cfg.Checkpoints = Checkpoints{Due: func(Progress) bool { return true }, Save: SaveTo(durable.Disk{}, filepath.Join(t.TempDir(), "no", "such", "folder"))}
	r, err := Run(context.Background(), cfg)
	require.ErrorContains(t, err, "checkpoint: ")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotNil(t, r)
}

// Whatever fails, and whenever the machine stops, the last checkpoint or the one before is there.
func TestACheckpointSurvivesFaultsAtEveryCall(t *testing.T) {
	p, g, plan := relay(t)
	cfg := Config{Truth: p, Arrivals: every(time.Second, 5)}.WithPlan(plan, g)
	older, newer := checkpointAfter(t, cfg, 5), checkpointAfter(t, Config{Truth: p, Arrivals: every(time.Second, 5)}.WithPlan(plan, g), 10)
	require.NotEqual(t, older, newer)
	faulty.Trial{
		Before: func(t *testing.T, root string) {
			require.NoError(t, os.WriteFile(filepath.Join(root, "state"), older, 0o644))
		},
		Do: func(files durable.Files, root string) error {
			return SaveTo(files, filepath.Join(root, "state"))(newer)
		},
		After: func(t *testing.T, root string, _ faulty.Fault, told error) {
			got, err := os.ReadFile(filepath.Join(root, "state"))
			require.NoError(t, err)
			require.True(t, bytes.Equal(got, newer) || told != nil && bytes.Equal(got, older))
		},
	}.Run(t)
}
