package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// IncompleteError says that shards are missing although each was tried as often as allowed.
type IncompleteError struct {
	Missing  []int
	Attempts int
	// Detail is the end of the log of the task that had one of them last, or why there is none.
	Detail string
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%d shards are missing after %d attempts, the first is %d; %s", len(e.Missing), e.Attempts, e.Missing[0], e.Detail)
}

// Wait brings the sweep to its end: it submits what is missing and has no task, looks at the queue every Poll, releases requeued tasks,
// and submits again what tasks lost, until no shard is missing. Tasks that are already in the queue, from an earlier call or another
// process, are counted in. Whatever still runs twice at the end is cancelled.
//
// When ctx ends, Wait returns its error and leaves the jobs in the queue: another Wait goes on, Cancel ends them.
//
// Errors: those of Submit; *IncompleteError if shards fail again and again.
func Wait(ctx context.Context, o Options, shards Shards) error {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return err
	}
	l, err := readLimits(ctx)
	if err != nil {
		return err
	}
	w := &watch{Options: o, limits: l, shards: shards, attempts: map[int]int{}}
	for {
		done, err := w.look(ctx)
		if err = w.bear(err); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(o.Poll):
		}
	}
}

// watch is the state of one Wait.
type watch struct {
	Options
	limits   limits
	shards   Shards
	attempts map[int]int  // per shard, the executions asked for that a task of its own gave back without any shard
	suspects map[int]bool // the lost shards of the last look
	looks    int
	pause    int       // looks to go before the next submission, after a refusal while tasks are in the queue
	silent   time.Time // since when Slurm does not answer
}

// bear keeps the watch going over an error that may pass, as long as Patience lasts.
func (w *watch) bear(err error) error {
	var refused *RefusedError
	if err == nil || !errors.As(err, &refused) || !refused.transient() {
		w.silent = time.Time{}
		return err
	}
	if w.silent.IsZero() {
		w.silent = time.Now()
		w.Log("Slurm does not answer, trying again: " + err.Error())
	}
	if time.Since(w.silent) > w.Patience {
		return fmt.Errorf("no answer from Slurm for %v: %w", w.Patience, err)
	}
	return nil
}

// look reads the state once and does what it asks for; done if no shard is missing.
func (w *watch) look(ctx context.Context) (done bool, err error) {
	s, err := Query(ctx, w.Dir, w.shards)
	if err != nil {
		return false, err
	}
	w.Progress(s)
	if len(s.Missing) == 0 {
		return true, w.finish(ctx, s)
	}
	if err := w.free(ctx, s); err != nil {
		return false, err
	}
	lost := w.confirmed(s)
	w.looks++
	if w.pause > 0 && len(s.Tasks) > 0 {
		w.pause--
		return false, nil
	}
	return false, w.again(ctx, s, lost)
}

// finish cancels what still executes shards that another task has brought.
func (w *watch) finish(ctx context.Context, s Status) error {
	rest := append(s.Tasks[:len(s.Tasks):len(s.Tasks)], s.Stuck...)
	var of []Task
	for _, t := range rest {
		if t.Index >= 0 { // a job that waits for the arrays is to run
			of = append(of, t)
		}
	}
	if len(of) == 0 {
		return nil
	}
	w.Log(fmt.Sprintf("all shards are there; cancelling %d tasks that execute some of them again", len(of)))
	return cancelTasks(ctx, of)
}

// free gets requeued tasks going: Slurm lets them wait for two minutes, or for ever if it could not launch them.
func (w *watch) free(ctx context.Context, s Status) error {
	if len(s.Stuck) > 0 {
		w.Log(fmt.Sprintf("cancelling %d tasks that Slurm could not launch and holds (%s)", len(s.Stuck), s.Stuck[0].Reason))
		if err := cancelTasks(ctx, s.Stuck); err != nil {
			return err
		}
	}
	for _, t := range s.Tasks {
		if t.State != "PENDING" || t.Reason != "BeginTime" {
			continue
		}
		cluster := []string{}
		if t.Cluster != "" {
			cluster = append(cluster, "--clusters="+t.Cluster)
		}
		shown, err := call(ctx, time.Minute, "scontrol", append(cluster, "--oneliner", "show", "job", t.ID())...)
		if err != nil || !requeued.MatchString(shown) {
			continue // it has gone in the meantime, or the user asked for a later start
		}
		if _, err := call(ctx, time.Minute, "scontrol", append(cluster, "update", "JobId="+t.ID(), "StartTime=now")...); err != nil {
			w.Log(fmt.Sprintf("task %s was requeued and waits: %v", t.ID(), err))
			continue
		}
		w.Log(fmt.Sprintf("task %s was requeued; released it", t.ID()))
	}
	return nil
}

var requeued = regexp.MustCompile(`\bRestarts=[1-9]`)

// confirmed returns the lost shards that are to be submitted: those no task ever had, and those seen lost twice, for on a network file
// system a shard may become visible after its task has ended. Before the first look nothing of ours has just ended.
func (w *watch) confirmed(s Status) []int {
	var lost []int
	suspects := map[int]bool{}
	for _, shard := range s.Lost {
		_, had := s.last[shard]
		if !had || w.suspects[shard] || w.looks == 0 {
			lost = append(lost, shard)
		}
		suspects[shard] = true
	}
	w.suspects = suspects
	return lost
}

// again submits lost shards, those that failed before in tasks of their own as far as there is room, so that one shard that kills its
// task does not take others along. It is the end if nothing is left that may be tried.
func (w *watch) again(ctx context.Context, s Status, lost []int) error {
	missing := map[int]bool{}
	for _, shard := range s.Missing {
		missing[shard] = true
	}
	var fresh, failed, given []int
	for _, shard := range lost {
		tries := w.attempts[shard]
		if tries > 0 && progressed(s.last[shard], missing) {
			tries--
		}
		switch {
		case tries >= w.Attempts:
			given = append(given, shard)
		case w.attempts[shard] > 0:
			failed = append(failed, shard)
		default:
			fresh = append(fresh, shard)
		}
	}
	if len(given) > 0 && len(s.Tasks) == 0 && len(fresh)+len(failed) == 0 && len(given) == len(s.Missing) {
		return &IncompleteError{Missing: given, Attempts: w.Attempts, Detail: w.detail(s.last[given[0]])}
	}
	room := w.limits.tasks() - len(s.Tasks)
	for _, part := range []struct {
		shards  []int
		perTask int
	}{{failed, 1}, {fresh, w.perTask()}} {
		if len(part.shards) == 0 || room <= 0 {
			continue
		}
		job, err := w.send(ctx, s, part.shards, part.perTask, room, missing)
		if err != nil {
			return err
		}
		room -= job.Tasks()
	}
	return nil
}

// progressed tells whether some shard of the task is there.
func progressed(t Task, missing map[int]bool) bool {
	for _, shard := range t.Shards {
		if !missing[shard] {
			return true
		}
	}
	return false
}

// send submits shards and counts the attempt. A refusal while tasks of ours are in the queue is borne: there will be room later.
func (w *watch) send(ctx context.Context, s Status, shards []int, perTask, room int, missing map[int]bool) (Job, error) {
	job, err := submit(ctx, w.Options, w.limits, shards, perTask, room)
	for _, a := range job.Arrays {
		for _, list := range a.Tasks {
			for _, shard := range list {
				if w.attempts[shard] == 0 || !progressed(s.last[shard], missing) {
					w.attempts[shard]++
				}
				delete(w.suspects, shard)
			}
		}
	}
	var refused *RefusedError
	if errors.As(err, &refused) && len(s.Tasks)+job.Tasks() > 0 {
		w.Log("a submission was refused, trying again later: " + err.Error())
		w.pause = 10
		return job, nil
	}
	return job, err
}

// detail finds the last words of a task.
func (w *watch) detail(t Task) string {
	path := filepath.Join(Logs(w.Dir), fmt.Sprintf("%s_%d.log", t.Job, t.Index))
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprintf("task %s left no log in %s: is the folder on a file system that all nodes share, and writable there?", t.ID(), Logs(w.Dir))
	}
	const most = 10
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	lines = lines[max(0, len(lines)-most):]
	return fmt.Sprintf("the log %s ends:\n%s", path, strings.Join(lines, "\n"))
}
