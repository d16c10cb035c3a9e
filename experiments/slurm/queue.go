package slurm

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Task is one array task as Slurm shows it.
type Task struct {
	// Job is the id of the array, Index the task's place in it; -1 for a job that waits for arrays.
	Job     string
	Index   int
	Cluster string
	// State is Slurm's word: PENDING, RUNNING, FAILED, NODE_FAIL, …; Reason is why it waits.
	State, Reason string
	// Shards are those the task executes, one after the other.
	Shards []int
}

// ID is the name by which Slurm's programs know the task.
func (t Task) ID() string {
	if t.Index < 0 {
		return t.Job
	}
	return t.Job + "_" + strconv.Itoa(t.Index)
}

// live tells whether the task still may produce shards. States are those of squeue(1), JOB STATE CODES. COMPLETING counts as ended:
// the work is over, and on a dead node the state may last for ever.
func (t Task) live() bool {
	switch t.State {
	case "BOOT_FAIL", "CANCELLED", "COMPLETED", "COMPLETING", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
		"TIMEOUT", "SPECIAL_EXIT":
		return false
	}
	return true
}

// stuck tells whether the task will never start by itself because Slurm failed to launch it. A hold by the user or the administrator
// is left alone.
func (t Task) stuck() bool {
	reason := strings.ReplaceAll(t.Reason, "_", " ") // releases differ
	return t.State == "REQUEUE_HOLD" || t.live() && containsAny(reason, "requeued held", "requeued in held state", "MaxRequeue", "DependencyNeverSatisfied")
}

// running tells whether the task has its node.
func (t Task) running() bool {
	return t.live() && t.State != "PENDING" && t.State != "REQUEUED" && !t.stuck()
}

// queue asks squeue for the tasks of the given arrays: all that live, and those that ended so recently that Slurm still knows them.
func queue(ctx context.Context, all []Array) ([]Task, error) {
	byCluster := map[string][]Array{}
	var clusters []string
	for _, a := range all {
		if byCluster[a.Cluster] == nil {
			clusters = append(clusters, a.Cluster)
		}
		byCluster[a.Cluster] = append(byCluster[a.Cluster], a)
	}
	var tasks []Task
	for _, cluster := range clusters {
		some, err := squeue(ctx, cluster, byCluster[cluster])
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	return tasks, nil
}

func squeue(ctx context.Context, cluster string, of []Array) ([]Task, error) {
	ids := make([]string, len(of))
	for i, a := range of {
		ids[i] = a.Job
	}
	args := []string{"--noheader", "--array", "--states=all", "--format=%F|%K|%T|%j|%r", "--jobs=" + strings.Join(ids, ",")}
	if cluster != "" {
		args = append(args, "--clusters="+cluster)
	}
	out, err := call(ctx, time.Minute, "squeue", args...)
	var refused *RefusedError
	if errors.As(err, &refused) && strings.Contains(refused.Message, "Invalid job id") {
		return nil, nil // what squeue says if it was asked for one job only and that one is forgotten
	}
	if err != nil {
		return nil, err
	}
	return parseQueue(out, of), nil
}

// parseQueue reads the lines of squeue that are about our arrays; a task that was requeued may have a line for either life, of which
// the living one counts. Headings and greetings have no five fields, jobs of others that got one of our ids have another name.
func parseQueue(out string, of []Array) []Task {
	byID := map[string]Array{}
	for _, a := range of {
		byID[a.Job] = a
	}
	var tasks []Task
	at := map[string]int{}
	for _, line := range strings.Split(out, "\n") {
		f := strings.SplitN(strings.TrimSpace(line), "|", 5)
		if len(f) != 5 {
			continue
		}
		a, known := byID[f[0]]
		if !known || a.Name != f[3] {
			continue
		}
		t := Task{Job: a.Job, Index: -1, Cluster: a.Cluster, State: f[2], Reason: strings.Trim(f[4], "()")}
		if i, err := strconv.Atoi(f[1]); err == nil && i >= 0 && i < len(a.Tasks) {
			t.Index, t.Shards = i, a.Tasks[i]
		} else if len(a.Tasks) > 0 {
			continue
		}
		if i, twice := at[t.ID()]; twice {
			if t.live() {
				tasks[i] = t
			}
			continue
		}
		at[t.ID()] = len(tasks)
		tasks = append(tasks, t)
	}
	return tasks
}
