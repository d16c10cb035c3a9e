// Ringbench runs the ring workload in SimGrid and in our simulator, alternating, on the same arrivals, and prints requests per second
// of both, their ratio, and the mean latencies. It is what scripts/bench-simgrid.sh runs.
//
// Every run is a process of its own, so that both start from the same state; requests/s are by CPU time of the simulation alone, all
// threads (for ours with the garbage collector), which other work on the machine disturbs less than wall time. The mean latencies are
// over all repetitions: each has arrivals of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"

	"hidp/sim"
	"hidp/sim/simgrid"
)

func main() {
	var o options
	flag.IntVar(&o.requests, "requests", 10_000, "requests per run")
	flag.IntVar(&o.repetitions, "repetitions", 5, "runs of each simulator")
	flag.StringVar(&o.source, "source", "sim/simgrid/s4u/replay.cpp", "the program for SimGrid")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the first repetition's arrivals")
	ours := flag.Bool("ours", false, "run ours once and print its cost (what this program calls itself with)")
	flag.Parse()
	run := o.compare
	if *ours {
		run = o.once
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, simgrid.ErrMissing) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

type options struct {
	requests, repetitions int
	source                string
	seed                  uint64
}

// once runs our simulator, energy on and trace off, and prints what it cost.
func (o *options) once() error {
	job, err := simgrid.Ring(o.seed, o.requests)
	if err != nil {
		return err
	}
	cfg := job.Config()
	runtime.GC()
	before, from := usage(), time.Now()
	r, err := sim.Run(context.Background(), cfg)
	wall, after := time.Since(from), usage()
	if err != nil {
		return err
	}
	fmt.Println(r.Completed, int64(r.Latency.Mean), int64(cpu(after)-cpu(before)), int64(wall), after.Maxrss<<10)
	return nil
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("ringbench: " + err.Error()) // it has no failure that we could cause
	}
	return u
}

func cpu(u syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

// compare runs both by turns.
func (o *options) compare() error {
	dir, err := os.MkdirTemp("", "ringbench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := simgrid.Build(o.source, dir)
	if err != nil {
		return err
	}
	fmt.Printf("ring workload: %d requests, %d repetitions, alternating\n\n%-4s %26s %26s %8s\n", o.requests, o.repetitions, "run", "SimGrid req/s, mean s", "ours req/s, mean s", "ratio")
	var theirs, ours []simgrid.Cost
	for i := range o.repetitions {
		a, b, err := o.pair(program, o.seed+uint64(i))
		if err != nil {
			return err
		}
		theirs, ours = append(theirs, a), append(ours, b)
		fmt.Printf("%-4d %15.0f %10.6f %15.0f %10.6f %8.2f\n", i+1, speed(a), a.Mean.Seconds(), speed(b), b.Mean.Seconds(), speed(b)/speed(a))
	}
	x, y := summary(theirs), summary(ours)
	fmt.Printf("\nmedian requests/s: SimGrid %.0f, ours %.0f: %.2f times\n", x.speed, y.speed, y.speed/x.speed)
	fmt.Printf("mean latency:      SimGrid %.6f s, ours %.6f s: %+.3f %%\n", x.mean, y.mean, 100*(y.mean/x.mean-1))
	fmt.Printf("largest memory:    SimGrid %.1f MiB, ours %.1f MiB\n", x.memory, y.memory)
	return nil
}

// pair runs SimGrid and then ours on the same arrivals.
func (o *options) pair(program string, seed uint64) (theirs, ours simgrid.Cost, err error) {
	job, err := simgrid.Ring(seed, o.requests)
	if err != nil {
		return theirs, ours, err
	}
	out, err := simgrid.Replay(program, job, false)
	if err != nil {
		return theirs, ours, err
	}
	self, err := os.Executable()
	if err != nil {
		return theirs, ours, err
	}
	text, err := exec.Command(self, "-ours", "-requests", fmt.Sprint(o.requests), "-seed", fmt.Sprint(seed)).Output()
	if err == nil {
		_, err = fmt.Sscan(string(text), &ours.Requests, (*int64)(&ours.Mean), (*int64)(&ours.CPU), (*int64)(&ours.Wall), &ours.Memory)
	}
	return out.Cost, ours, err
}

func speed(c simgrid.Cost) float64 { return float64(c.Requests) / c.CPU.Seconds() }

type figures struct{ speed, mean, memory float64 }

// summary returns the median speed, the mean of the mean latencies in seconds and the largest memory in MiB.
func summary(costs []simgrid.Cost) figures {
	var f figures
	var speeds []float64
	for _, c := range costs {
		speeds = append(speeds, speed(c))
		f.mean += c.Mean.Seconds() / float64(len(costs))
		f.memory = max(f.memory, float64(c.Memory)/(1<<20))
	}
	slices.Sort(speeds)
	f.speed = (speeds[len(speeds)/2] + speeds[(len(speeds)-1)/2]) / 2
	return f
}
