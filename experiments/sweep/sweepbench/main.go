// Command sweepbench measures sweeps of cheap points on one core and on two, by turns, as a user would run them: `hidp sweep` with
// all its writing. One core is a process that may use no other (taskset), for garbage collection neither; two cores is --jobs 2.
// Beside them stand two such one-core processes at the same time, each with a sweep of its own: what the machine allows at that
// moment, when memory, caches and other jobs have taken their share.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	program := flag.String("hidp", "bin/hidp", "the program")
	points := flag.Int("points", 1_000_000, "points that share plans; a fiftieth as many are planned anew")
	rounds := flag.Int("rounds", 5, "runs of each kind")
	flag.Parse()
	if err := bench(*program, *points, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "sweepbench:", err)
		os.Exit(1)
	}
}

func bench(program string, points, rounds int) error {
	dir, err := os.MkdirTemp("", "sweepbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%-14s %-13s %10s %8s %10s %14s %12s %7s\n", "plans", "on", "points", "wall s", "points/s", "CPU us/point", "against one", "MB")
	for _, c := range []struct {
		name, steps string
		grid, of    int
	}{{"shared", "steps = 12", 24, points}, {"made anew", "", 2, points / 50}} {
		b := bencher{dir: dir, program: program, file: filepath.Join(dir, "sweep.toml"), points: max(1, c.of/c.grid) * c.grid}
		text := fmt.Sprintf(file, c.steps, b.points/c.grid)
		if err := os.WriteFile(b.file, []byte(text), 0o644); err != nil {
			return err
		}
		if err := b.compare(c.name, rounds); err != nil {
			return err
		}
	}
	return nil
}

// file is a sweep of a small scenario, five requests for one network on five boards, over strategy, rate and load.
const file = `[scenario]
platform = "paper-wlan"
strategy = { name = "single-gpu" }
workload = { models = ["squeezenet1_1"], requests = 5, arrivals = { kind = "poisson", rate = "20 /s" } }

[[axis]]
field = "strategy.name"
values = ["single-gpu", "single-best"]

[[axis]]
field = "rate"
from = "20 Mbit/s"
to = "1 Gbit/s"
scale = "log"
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
`

// bencher runs one sweep in several ways.
type bencher struct {
	dir, program, file string
	points             int
	runs               int
	core               int // that one core is, by turns: other machines on this one's hardware disturb them unequally
}

// cost is what a run took.
type cost struct {
	wall, cpu, megabytes float64
}

// compare prints medians over the rounds. The ratios are medians of those of each round.
func (b *bencher) compare(name string, rounds int) error {
	ways := []struct {
		name    string
		sweeps  int
		measure func() (cost, error)
	}{
		{"one core", 1, func() (cost, error) { b.core = 1 - b.core; return b.run("1", fmt.Sprint(b.core)) }},
		{"two cores", 1, func() (cost, error) { return b.run("2", "0,1") }},
		{"side by side", 2, b.sideBySide},
	}
	costs := make([][]cost, len(ways))
	for range rounds {
		for i := range ways {
			c, err := ways[i].measure()
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], c)
		}
	}
	for i, w := range ways {
		n := float64(w.sweeps * b.points)
		middle := func(of func(round int) float64) float64 {
			var all []float64
			for round := range rounds {
				all = append(all, of(round))
			}
			slices.Sort(all)
			return all[rounds/2]
		}
		fmt.Printf("%-14s %-13s %10.0f %8.2f %10.0f %14.2f %12.2f %7.0f\n", name, w.name, n,
			middle(func(r int) float64 { return costs[i][r].wall }),
			middle(func(r int) float64 { return n / costs[i][r].wall }),
			middle(func(r int) float64 { return 1e6 * costs[i][r].cpu / n }),
			middle(func(r int) float64 { return costs[0][r].wall / costs[i][r].wall * float64(w.sweeps) }),
			middle(func(r int) float64 { return costs[i][r].megabytes }))
	}
	return nil
}

// run carries out the sweep on some cores.
func (b *bencher) run(jobs, cores string) (cost, error) {
	b.runs++
	out := filepath.Join(b.dir, fmt.Sprint(b.runs))
	return b.process(jobs, cores, out)
}

// sideBySide carries it out twice at the same time; the time is that until both are done, the memory that of both.
func (b *bencher) sideBySide() (cost, error) {
	var both sync.WaitGroup
	var costs [2]cost
	var errs [2]error
	for i := range 2 {
		b.runs++
		out := filepath.Join(b.dir, fmt.Sprint(b.runs))
		both.Go(func() { costs[i], errs[i] = b.process("1", fmt.Sprint(i), out) })
	}
	both.Wait()
	return cost{max(costs[0].wall, costs[1].wall), costs[0].cpu + costs[1].cpu, costs[0].megabytes + costs[1].megabytes}, errors.Join(errs[:]...)
}

func (b *bencher) process(jobs, cores, out string) (cost, error) {
	defer os.RemoveAll(out)
	c := exec.Command("taskset", "-c", cores, b.program, "sweep", b.file, "--out", out, "--jobs", jobs, "--yes")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	start := time.Now()
	if err := c.Run(); err != nil {
		return cost{}, fmt.Errorf("%v: %w\n%s", c.Args, err, said.Bytes())
	}
	wall := time.Since(start).Seconds()
	used := c.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	return cost{wall, cpu.Seconds(), float64(used.Maxrss) / 1e3}, nil
}
