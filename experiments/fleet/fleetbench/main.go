// Fleetbench measures what fleets of growing size cost: it simulates the fleet of a description at several sizes with a fixed number of
// requests per board, prints the costs, and writes fleet-scaling.csv, .svg and .png. It is what scripts/bench-fleet.sh runs. Every size
// is a process of its own, so that the memory measured is its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hidp/experiments/fleet"
	"hidp/internal/durable"
	"hidp/strategies/catalog"
)

func main() {
	var o options
	flag.StringVar(&o.fleet, "fleet", "experiments/fleet/city.toml", "the description")
	flag.StringVar(&o.strategy, "strategy", "", "a strategy with its defaults, instead of the description's")
	flag.StringVar(&o.sizes, "boards", "10,30,100,300,1000,3000,10000", "sizes to measure")
	flag.Float64Var(&o.perBoard, "requests-per-board", 1000, "mean number of requests per board")
	flag.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "workers")
	flag.StringVar(&o.out, "out", "out/fleet", "folder for the table and the figure")
	once := flag.Int("once", 0, "simulate one size and print its cost (what this program calls itself with)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *once > 0 {
		err = o.once(ctx, *once)
	} else {
		err = o.all(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleetbench:", err)
		os.Exit(1)
	}
}

type options struct {
	fleet, strategy, sizes, out string
	perBoard                    float64
	jobs                        int
}

// once measures one size.
func (o *options) once(ctx context.Context, boards int) error {
	d, err := fleet.Open(o.fleet)
	if err != nil {
		return err
	}
	d = d.Sized(boards)
	d = d.WithRequests(o.perBoard * float64(d.Boards()))
	if o.strategy != "" {
		if _, err := catalog.Find(o.strategy); err != nil {
			return err
		}
		changed := *d
		changed.Strategy, changed.Options = o.strategy, nil
		d = &changed
	}
	before, from := usage(), time.Now()
	r, err := fleet.Run(ctx, d, fleet.Options{Jobs: o.jobs})
	if err != nil {
		return err
	}
	wall, after := time.Since(from), usage()
	fmt.Println(r.Boards, r.Sites, r.Total.Completed, r.Total.Events, int64(cpu(after)-cpu(before)), int64(wall), after.Maxrss<<10)
	return nil
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("fleetbench: " + err.Error()) // it has no failure that we could cause
	}
	return u
}

func cpu(u syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

// all measures the sizes one after the other.
func (o *options) all(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var costs []fleet.Cost
	fmt.Printf("%8s %7s %10s %11s %9s %9s %12s %9s\n", "boards", "sites", "requests", "events/req", "CPU s", "wall s", "CPU µs/req", "MiB")
	for _, size := range strings.Split(o.sizes, ",") {
		if n, err := strconv.Atoi(size); err != nil || n < 1 {
			return fmt.Errorf("-boards %s: %q is no number of boards; write numbers with commas between them", o.sizes, size)
		}
		run := exec.CommandContext(ctx, self, "-once", size, "-fleet", o.fleet, "-requests-per-board", fmt.Sprint(o.perBoard), "-jobs", fmt.Sprint(o.jobs),
			"-strategy", o.strategy)
		run.Stderr = os.Stderr
		text, err := run.Output()
		if err != nil {
			return fmt.Errorf("%s boards: %w", size, err)
		}
		var c fleet.Cost
		if _, err := fmt.Sscan(string(text), &c.Boards, &c.Sites, &c.Requests, &c.Events, (*int64)(&c.CPU), (*int64)(&c.Wall), &c.Memory); err != nil {
			return err
		}
		costs = append(costs, c)
		fmt.Printf("%8d %7d %10d %11.1f %9.2f %9.2f %12.2f %9.1f\n", c.Boards, c.Sites, c.Requests, float64(c.Events)/float64(max(1, c.Requests)), c.CPU.Seconds(), c.Wall.Seconds(), c.PerRequest()*1e6, float64(c.Memory)/(1<<20))
	}
	return o.write(costs)
}

func (o *options) write(costs []fleet.Cost) error {
	files := []durable.Output{{Name: "fleet-scaling.csv", Data: fleet.ScalingTable(costs)}}
	note := fmt.Sprintf("%g requests per board and run, %d workers.", o.perBoard, o.jobs)
	for _, format := range []string{"svg", "png"} {
		data, err := fleet.ScalingFigure(costs, note).Render(format)
		if err != nil {
			return err
		}
		files = append(files, durable.Output{Name: "fleet-scaling." + format, Data: data})
	}
	return durable.WriteFiles(durable.Disk{}, o.out, files)
}
