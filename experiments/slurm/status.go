package slurm

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"
)

// Status is the state of a sweep on the cluster: what the queue says, merged with what the folder holds. A missing shard stands in
// exactly one of Running, Queued and Lost.
type Status struct {
	// Missing are the shards that are not in the folder.
	Missing []int
	// Running and Queued are those of them that a task has which runs or waits; a running task does its shards one after the other.
	Running, Queued []int
	// Lost are those that no task has: never submitted, or their task ended without them.
	Lost []int
	// Tasks are the tasks that run or wait, Stuck those that Slurm holds for ever because it could not launch them.
	Tasks, Stuck []Task
	// Ended counts the tasks that ended by their state, as long as Slurm remembers them (some minutes).
	Ended map[string]int
	// Reasons counts the waiting tasks by the reason that Slurm gives.
	Reasons map[string]int
	// Submitted counts the tasks that were ever submitted, Logs is the folder with the log of each.
	Submitted int
	Logs      string

	last map[int]Task // per shard, the task that was given it last
}

// Query merges the queue with the shards in dir. A folder that was never given to Slurm has no tasks, and Slurm is not asked.
//
// If the queue cannot be read, the Status holds Missing alone, beside the error.
func Query(ctx context.Context, dir string, shards Shards) (Status, error) {
	s := Status{Ended: map[string]int{}, Reasons: map[string]int{}, Logs: Logs(dir), last: map[int]Task{}}
	submitted, err := arrays(dir)
	if err != nil {
		return s, err
	}
	// The queue first: a task that ends in between has brought its shards when the folder is read, and none seems lost that is not.
	tasks, failed := queue(ctx, submitted)
	if s.Missing, err = shards.Missing(); err != nil {
		return s, err
	}
	if failed != nil {
		return s, failed
	}
	for _, a := range submitted {
		s.Submitted += len(a.Tasks)
		for i, list := range a.Tasks {
			for _, shard := range list {
				s.last[shard] = Task{Job: a.Job, Index: i, Cluster: a.Cluster, Shards: list}
			}
		}
	}
	s.sort(tasks)
	return s, nil
}

// sort files tasks under what they do and missing shards under who has them.
func (s *Status) sort(tasks []Task) {
	running, queued := map[int]bool{}, map[int]bool{}
	for _, t := range tasks {
		if t.stuck() {
			s.Stuck = append(s.Stuck, t)
			continue
		}
		if !t.live() {
			s.Ended[t.State]++
			continue
		}
		s.Tasks = append(s.Tasks, t)
		has := queued
		if t.running() {
			has = running
		} else {
			s.Reasons[t.Reason]++
		}
		for _, shard := range t.Shards {
			has[shard] = true
		}
	}
	for _, shard := range s.Missing {
		switch {
		case running[shard]:
			s.Running = append(s.Running, shard)
		case queued[shard]:
			s.Queued = append(s.Queued, shard)
		default:
			s.Lost = append(s.Lost, shard)
		}
	}
}

// String says the status in one line.
func (s Status) String() string {
	running := 0
	for _, t := range s.Tasks {
		if t.running() {
			running++
		}
	}
	parts := []string{fmt.Sprintf("%d shards missing", len(s.Missing))}
	parts = append(parts, fmt.Sprintf("%d with running tasks (%d)", len(s.Running), running))
	parts = append(parts, fmt.Sprintf("%d with waiting tasks (%d%s)", len(s.Queued), len(s.Tasks)-running, counted(": ", s.Reasons)))
	parts = append(parts, fmt.Sprintf("%d with none", len(s.Lost)))
	if len(s.Stuck) > 0 {
		parts = append(parts, fmt.Sprintf("%d tasks held after a failed launch", len(s.Stuck)))
	}
	if len(s.Ended) > 0 {
		parts = append(parts, "ended of late:"+counted(" ", s.Ended))
	}
	return strings.Join(parts, ", ")
}

// counted lists counts by name, after lead.
func counted(lead string, counts map[string]int) string {
	var names, out []string
	for name := range counts {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		out = append(out, fmt.Sprintf("%d %s", counts[name], name))
	}
	if len(out) == 0 {
		return ""
	}
	return lead + strings.Join(out, ", ")
}

// Cancel takes all tasks of the sweep in dir out of the queue, running or waiting, and returns how many there were. Shards that are in
// the folder stay; a later submission goes on from them.
func Cancel(ctx context.Context, dir string) (int, error) {
	submitted, err := arrays(dir)
	if err != nil {
		return 0, err
	}
	tasks, err := queue(ctx, submitted)
	if err != nil {
		return 0, err
	}
	var alive []Task
	for _, t := range tasks {
		if t.live() {
			alive = append(alive, t)
		}
	}
	return len(alive), cancelTasks(ctx, alive)
}

// cancelTasks ends tasks. Whole arrays would be fewer words, but might take tasks along that were requeued since.
func cancelTasks(ctx context.Context, tasks []Task) error {
	byCluster := map[string][]string{}
	for _, t := range tasks {
		byCluster[t.Cluster] = append(byCluster[t.Cluster], t.ID())
	}
	for cluster, ids := range byCluster {
		var args []string
		if cluster != "" {
			args = append(args, "--clusters="+cluster)
		}
		const atOnce = 500 // keeps the command line far below the system's limit
		for len(ids) > 0 {
			n := min(atOnce, len(ids))
			if _, err := call(ctx, 2*time.Minute, "scancel", append(args[:len(args):len(args)], ids[:n]...)...); err != nil {
				return err
			}
			ids = ids[n:]
		}
	}
	return nil
}
