package slurm

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Job is what one call of Submit handed to Slurm.
type Job struct {
	Arrays []Array
	// Left are the shards that found no room: they are submitted by the next call, when tasks have ended.
	Left []int
}

// Tasks counts the tasks of all arrays.
func (j Job) Tasks() int {
	n := 0
	for _, a := range j.Arrays {
		n += len(a.Tasks)
	}
	return n
}

// IDs are the ids of the arrays.
func (j Job) IDs() []string {
	var ids []string
	for _, a := range j.Arrays {
		ids = append(ids, a.Job)
	}
	return ids
}

// Submit hands the missing shards to Slurm as job arrays and returns at once. The caller leaves out shards that a task in the queue
// already has (see Query). If an array is refused after others were accepted, the Job names those that were, beside the error.
//
// Errors: a *MissingProgramError without Slurm, a *RefusedError with Slurm's own words, and what is wrong with the options or the folder.
func Submit(ctx context.Context, o Options, missing []int) (Job, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return Job{}, err
	}
	if len(missing) == 0 {
		return Job{}, nil
	}
	l, err := readLimits(ctx)
	if err != nil {
		return Job{}, err
	}
	return submit(ctx, o, l, missing, o.perTask(), l.tasks())
}

// submit hands out shards in tasks of at least perTask shards; room bounds the number of tasks. Tasks grow beyond perTask where the
// room asks for it and the time limit allows it.
func submit(ctx context.Context, o Options, l limits, missing []int, perTask, room int) (Job, error) {
	if grown := (len(missing) + room - 1) / room; grown > perTask && o.Time == 0 {
		perTask = grown
	}
	all := chunks(missing, perTask)
	size := l.maxArray
	if o.MaxArray > 0 {
		size = min(size, o.MaxArray)
	}
	var job Job
	for used := 0; len(all) > 0 && used < room; {
		n := min(size, len(all), room-used)
		array, err := submitArray(ctx, o, all[:n])
		var refused *RefusedError
		if errors.As(err, &refused) && refused.limited() && n > 1 {
			size = n / 2 // a limit of the site that no command tells: find it
			continue
		}
		if err != nil && len(job.Arrays) > 0 && refused != nil && refused.limited() {
			break
		}
		if err != nil {
			return job, err
		}
		job.Arrays = append(job.Arrays, array)
		all, used = all[n:], used+n
		o.Log(fmt.Sprintf("submitted job %s: %d tasks, %d shards", array.Job, n, countShards(array.Tasks)))
	}
	for _, shards := range all {
		job.Left = append(job.Left, shards...)
	}
	return job, nil
}

func countShards(tasks [][]int) int {
	n := 0
	for _, shards := range tasks {
		n += len(shards)
	}
	return n
}

// submitArray writes the files of one array and calls sbatch.
func submitArray(ctx context.Context, o Options, tasks [][]int) (Array, error) {
	stem, err := reserve(o.Dir, tasks)
	if err != nil {
		return Array{}, err
	}
	args := append(o.arguments(), fmt.Sprintf("--array=0-%d", len(tasks)-1), "--output="+pattern(o.Dir, "%A_%a.log"))
	array, err := sbatch(ctx, o, stem, arrayScript(o, stem), args)
	if err != nil {
		return Array{}, err
	}
	array.Tasks = tasks
	return array, keep(stem, array)
}

// SubmitAfter has command run as one more job when all arrays of job have ended, however they ended: a merge, which has to check for
// itself that nothing is missing. It returns the job's id.
func SubmitAfter(ctx context.Context, o Options, job Job, command []string) (string, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return "", err
	}
	if len(command) == 0 || len(job.Arrays) == 0 {
		return "", errors.New("there is no command to run, or no array to wait for")
	}
	stem, err := reserve(o.Dir, nil)
	if err != nil {
		return "", err
	}
	// afterok would never fire: one killed task suffices.
	args := append(o.arguments(), "--dependency=afterany:"+strings.Join(job.IDs(), ":"), "--output="+pattern(o.Dir, "after-%j.log"))
	after, err := sbatch(ctx, o, stem, afterScript(o, stem, command), args)
	if err != nil {
		return "", err
	}
	return after.Job, keep(stem, after)
}

// pattern is the path of a log; sbatch expands per cent signs, the folder's own have to be doubled.
func pattern(dir, name string) string {
	return filepath.Join(strings.ReplaceAll(Logs(dir), "%", "%%"), name)
}

// sbatch submits a script. Its files are taken back if it is refused.
func sbatch(ctx context.Context, o Options, stem, script string, args []string) (Array, error) {
	if err := os.WriteFile(stem+".sh", []byte(script), 0o755); err != nil {
		return Array{}, unwritable(o.Dir, err)
	}
	array := Array{Name: jobName(o.Name)}
	args = append(args, "--parsable", "--requeue", "--open-mode=append", "--job-name="+array.Name, "--chdir="+o.Dir, stem+".sh")
	// Not to be interrupted: the job might be accepted, and nobody would know its id.
	out, err := call(context.WithoutCancel(ctx), 5*time.Minute, "sbatch", args...)
	if err == nil {
		array.Job, array.Cluster, err = parseJobID(out)
	}
	if err != nil {
		_, _ = os.Remove(stem+".sh"), os.Remove(stem+".tasks") // left behind they would only take a number
		return Array{}, err
	}
	return array, nil
}

// jobName makes a name that no other job has.
func jobName(name string) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	name = regexp.MustCompile(`[^A-Za-z0-9_-]`).ReplaceAllString(name, "-")
	if name != "" {
		name += "-"
	}
	return "hidp-" + name + hex.EncodeToString(random[:])
}

// parseJobID reads what sbatch --parsable prints: the id, or "id;cluster". Sites wrap sbatch and print greetings, so that the last
// line that looks like an answer counts.
func parseJobID(out string) (job, cluster string, err error) {
	parsable := regexp.MustCompile(`^(?:Submitted batch job )?(\d+)(?:;(\S+)| on cluster (\S+))?$`)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if m := parsable.FindStringSubmatch(strings.TrimSpace(lines[i])); m != nil {
			return m[1], m[2] + m[3], nil
		}
	}
	return "", "", &RefusedError{"sbatch", fmt.Sprintf("it answered %q, which holds no job id", strings.TrimSpace(out))}
}

// limits of the cluster that bound a submission.
type limits struct{ maxArray, maxJobs int }

// tasks bounds what a sweep has in the queue: half of what the controller takes at all, for the cluster has other users.
func (l limits) tasks() int { return max(1, l.maxJobs/2) }

// Available returns nil if Slurm can be asked to run jobs from here, else a *MissingProgramError or a *RefusedError.
func Available(ctx context.Context) error {
	_, err := readLimits(ctx)
	return err
}

func readLimits(ctx context.Context) (limits, error) {
	if _, err := call(ctx, time.Minute, "sbatch", "--version"); err != nil {
		return limits{}, err
	}
	out, err := call(ctx, time.Minute, "scontrol", "show", "config")
	if err != nil {
		return limits{}, err
	}
	l := limits{maxArray: configNumber(out, "MaxArraySize", 1001), maxJobs: configNumber(out, "MaxJobCount", 10000)}
	if l.maxArray < 2 { // 0 switches arrays off; indices stay below it
		return l, &RefusedError{"scontrol", fmt.Sprintf("MaxArraySize is %d: this cluster takes no job arrays", l.maxArray)}
	}
	return l, nil
}

// configNumber finds "key = number" in the output of scontrol show config; Slurm's own default stands in for a missing line.
func configNumber(config, key string, fallback int) int {
	m := regexp.MustCompile(`(?m)^\s*` + key + `\s*=\s*(\d+)`).FindStringSubmatch(config)
	if m == nil {
		return fallback
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return fallback
	}
	return n
}
