package slurm

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"
)

// Shards is what the package needs to know of a sweep: which of its shards are not in the folder yet, ascending.
type Shards interface {
	Missing() ([]int, error)
}

// ShardsFunc makes Shards of a function.
type ShardsFunc func() ([]int, error)

// Missing implements Shards.
func (f ShardsFunc) Missing() ([]int, error) { return f() }

// Options say what is executed and how it is asked of Slurm. Zero values leave the choice to the cluster or to the default named.
type Options struct {
	// Dir is the sweep folder: an absolute path, valid on all nodes.
	Dir string
	// Command executes one shard: the shard's number is added as last argument. The program must be reachable on all nodes under the
	// path given as first word.
	Command []string
	// Name appears in the queue, after "hidp-". Characters other than letters, digits, "-" and "_" are replaced.
	Name string

	Account, Partition string
	// Time is the limit of one array task.
	Time time.Duration
	// Memory of one task in bytes; passed on in MiB, rounded up.
	Memory int64
	// CPUs per task; 0 is one.
	CPUs int
	// Extra are further arguments of sbatch, passed on as they are.
	Extra []string

	// ShardSeconds is the measured cost of one shard; 0 is unknown: one shard per task.
	ShardSeconds float64
	// ChunkSeconds is the work that one task should have at least; 0 is 30 s. Slurm starts about four tasks per second.
	ChunkSeconds float64
	// MaxArray bounds the tasks of one array below the cluster's MaxArraySize.
	MaxArray int

	// Attempts bounds how often Wait has a shard executed; 0 is 3. A task that finished some of its shards does not count.
	Attempts int
	// Poll is the time between two looks at the queue; 0 is 10 s.
	Poll time.Duration
	// Patience is how long Wait goes on while Slurm does not answer; 0 is 15 min.
	Patience time.Duration
	// Log receives one line for everything worth knowing (a submission, a release, lost tasks); nil drops them.
	Log func(string)
	// Progress receives every state that Wait sees; may be nil.
	Progress func(Status)
}

// withDefaults fills in the defaults that the fields' comments name.
func (o Options) withDefaults() Options {
	if o.ChunkSeconds == 0 {
		o.ChunkSeconds = 30
	}
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	if o.CPUs == 0 {
		o.CPUs = 1
	}
	if o.Poll == 0 {
		o.Poll = 10 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 15 * time.Minute
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Status) {}
	}
	return o
}

// ours are the arguments of sbatch that the package needs for itself.
var ours = []string{"--array", "-a", "--output", "-o", "--error", "-e", "--job-name", "-J", "--chdir", "-D", "--wrap", "--wait", "-W",
	"--parsable", "--test-only", "--open-mode"}

// validate reports everything that is wrong with the options, in terms of what a user typed.
func (o Options) validate() error {
	var faults []error
	if !filepath.IsAbs(o.Dir) || strings.ContainsAny(o.Dir, "\n\r\\") {
		faults = append(faults, fmt.Errorf("the sweep folder %q must be an absolute path without line breaks and backslashes", o.Dir))
	}
	if len(o.Command) == 0 {
		faults = append(faults, errors.New("no command is given that executes a shard"))
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"time", o.Time.Seconds()}, {"memory", float64(o.Memory)}, {"number of CPUs", float64(o.CPUs)}, {"cost of a shard", o.ShardSeconds},
		{"work per task", o.ChunkSeconds}, {"array size", float64(o.MaxArray)}, {"number of attempts", float64(o.Attempts)}} {
		if !(f.value >= 0) || math.IsInf(f.value, 1) {
			faults = append(faults, fmt.Errorf("the %s is %v: it must not be negative", f.name, f.value))
		}
	}
	if limit := o.Time.Seconds(); limit > 0 && o.ShardSeconds > limit {
		faults = append(faults, fmt.Errorf("one shard takes about %.0f s, more than the time limit of %v: raise the limit or make the shards smaller",
			o.ShardSeconds, o.Time))
	}
	for _, arg := range o.Extra {
		if !strings.HasPrefix(arg, "-") {
			faults = append(faults, fmt.Errorf("the sbatch argument %q must begin with a dash; write an option and its value as one: --qos=short", arg))
		}
		for _, own := range ours {
			if arg == own || strings.HasPrefix(arg, own+"=") || len(own) == 2 && strings.HasPrefix(arg, own) && !strings.HasPrefix(arg, "--") {
				faults = append(faults, fmt.Errorf("the sbatch argument %q is set by the sweep itself and cannot be given", arg))
			}
		}
	}
	return errors.Join(faults...)
}

// arguments are the resource options of sbatch, the user's own last so that they win.
func (o Options) arguments() []string {
	args := []string{"--nodes=1", "--ntasks=1", fmt.Sprintf("--cpus-per-task=%d", o.CPUs)}
	if o.Account != "" {
		args = append(args, "--account="+o.Account)
	}
	if o.Partition != "" {
		args = append(args, "--partition="+o.Partition)
	}
	if o.Time > 0 {
		s := int64(math.Ceil(o.Time.Seconds()))
		args = append(args, fmt.Sprintf("--time=%d-%02d:%02d:%02d", s/86400, s/3600%24, s/60%60, s%60))
	}
	if o.Memory > 0 {
		args = append(args, fmt.Sprintf("--mem=%dM", (o.Memory+1<<20-1)>>20))
	}
	return append(args, o.Extra...)
}

// perTask is the number of shards that makes up ChunkSeconds of work, but fits into half the time limit.
func (o Options) perTask() int {
	if o.ShardSeconds <= 0 {
		return 1
	}
	n := math.Ceil(o.ChunkSeconds / o.ShardSeconds)
	if o.Time > 0 {
		n = min(n, math.Floor(o.Time.Seconds()/2/o.ShardSeconds))
	}
	return int(max(1, min(n, 1e6)))
}

// chunks cuts shards into runs of n, the last one shorter.
func chunks(shards []int, n int) [][]int {
	var out [][]int
	for len(shards) > n {
		out = append(out, shards[:n:n])
		shards = shards[n:]
	}
	if len(shards) > 0 {
		out = append(out, shards)
	}
	return out
}
