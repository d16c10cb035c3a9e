package sweep

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sampledRate gives every second point a platform of its own, so that it is planned anew; griddedRate shares twelve platforms.
const (
	sampledRate = "scale = \"log\""
	griddedRate = "scale = \"log\"\nsteps = 12"
)

// many is a sweep of a small scenario, five requests for one network on the paper's five boards, over strategy, rate and load.
func many(rate string, samples int) string {
	return fmt.Sprintf(`scenario = "base.toml"
[[axis]]
field = "strategy.name"
values = ["single-gpu", "single-best"]

[[axis]]
field = "rate"
from = "20 Mbit/s"
to = "1 Gbit/s"
%s

[[axis]]
field = "workload.arrivals.rate"
name = "load"
from = "1 /s"
to = "100 /s"
scale = "log"

[sample]
method = "latin-hypercube"
points = %d
`, rate, samples)
}

// BenchmarkSweep carries out whole sweeps, folder and all, and reports points per second and the processor time of a point; by 1 and 2 workers
// for the scaling.
func BenchmarkSweep(b *testing.B) {
	for _, c := range []struct {
		name    string
		rate    string
		samples int
	}{{"planned-anew", sampledRate, 2000}, {"plans-shared", griddedRate, 2500}} {
		for _, jobs := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/jobs=%d", c.name, jobs), func(b *testing.B) {
				s, err := Load(write(b, "sweep.toml", many(c.rate, c.samples), "base.toml", paper))
				require.NoError(b, err)
				points, _ := s.points()
				b.ReportAllocs()
				n, before := int64(0), processorTime()
				for b.Loop() {
					n++
					_, err := Run(context.Background(), s, filepath.Join(b.TempDir(), fmt.Sprint(n)), Options{Jobs: jobs, ShardSize: points / 20, Yes: true})
					require.NoError(b, err)
				}
				b.ReportMetric(float64(points*n)/b.Elapsed().Seconds(), "points/s")
				b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(points*n), "cpu-us/point")
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				b.ReportMetric(float64(memory.Sys)/1e6, "MB")
			})
		}
	}
}

// BenchmarkNeighbours runs points on one core and, at the same time, on two, whose workers got their memory by turns: nothing lies worse.
// The time for a point of each is the same if they leave each other alone.
func BenchmarkNeighbours(b *testing.B) {
	s, err := Load(write(b, "sweep.toml", many(griddedRate, 2500), "base.toml", paper))
	require.NoError(b, err)
	total, _ := s.points()
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", n), func(b *testing.B) {
			e := newEvaluator(s)
			workers := make([]*worker, n)
			for i := range workers {
				workers[i] = e.worker()
			}
			for p := range total {
				for _, w := range workers {
					_, err := w.point(context.Background(), p)
					require.NoError(b, err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for _, w := range workers {
				all.Go(func() {
					for i := range b.N {
						if _, err := w.point(context.Background(), int64(i)%total); err != nil {
							panic(err) // the context never ends
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// processorTime is what the process has used of all cores, which other jobs on the machine change less than the wall clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// paper is small on the paper's platform.
const paper = `
platform = "paper-wlan"

[strategy]
name = "single-gpu"

[workload]
models = ["squeezenet1_1"]
requests = 5

[workload.arrivals]
kind = "poisson"
rate = "20 /s"
`
