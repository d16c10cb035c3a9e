package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hidp/experiments/slurm"
	"hidp/experiments/sweep"
)

// sweepOnSlurm prepares the folder here, has Slurm make the shards, and waits for them unless told to return.
func (a *app) sweepOnSlurm(ctx context.Context, s *sweep.Sweep, f sweepFlags) error {
	dir, err := filepath.Abs(f.out)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find the path of this program, which the cluster's nodes need: %w", err)
	}
	if err := slurm.Available(ctx); err != nil { // before there is a folder that a second try finds in its way
		return err
	}
	m, err := sweep.Prepare(ctx, s, dir, f.options)
	if err != nil {
		return err
	}
	o := f.slurm
	o.Dir, o.Name, o.Poll = dir, m.Name, pollSlurm
	o.Command = []string{program, "sweep", "exec", dir}
	o.ShardSeconds = m.SecondsPerPoint * float64(m.ShardSize)
	o.Log = func(line string) { fmt.Fprintln(a.err, line) }
	if f.detach {
		return a.submit(ctx, o)
	}
	bar := a.newProgress(m.Name, int64(m.Shards()))
	o.Progress = func(st slurm.Status) { bar.set(int64(m.Shards() - len(st.Missing))) }
	err = slurm.Wait(ctx, o, missingIn(dir))
	bar.done()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.err, "hidp: the jobs stay in the queue; the same command with --resume goes on, `hidp sweep cancel %s` ends them\n", f.out)
	}
	if err == nil {
		fmt.Fprintf(a.out, "%s: all %d shards are in %s\n", m.Name, m.Shards(), f.out)
	}
	return err
}

// submit hands what is missing, and in no task, to Slurm and returns.
func (a *app) submit(ctx context.Context, o slurm.Options) error {
	st, err := slurm.Query(ctx, o.Dir, missingIn(o.Dir))
	if err != nil {
		return err
	}
	if len(st.Lost) == 0 {
		fmt.Fprintln(a.out, "nothing to submit: every missing shard has a task")
		return nil
	}
	job, err := slurm.Submit(ctx, o, st.Lost)
	fmt.Fprintf(a.out, "submitted %d tasks in %d arrays; `hidp sweep status %s` shows how far they are\n", job.Tasks(), len(job.Arrays), o.Dir)
	if len(job.Left) > 0 {
		fmt.Fprintf(a.out, "%d shards found no room in the queue; repeat the command with --resume when tasks have ended\n", len(job.Left))
	}
	return err
}
