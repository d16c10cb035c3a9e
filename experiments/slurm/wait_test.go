package slurm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/experiments/slurm"
)

// quick are options for a fake Slurm; the lines of the log are appended to lines.
func quick(t *testing.T, f shardFolder, lines *[]string) slurm.Options {
	return slurm.Options{Dir: f.dir, Command: f.command(t), Poll: time.Millisecond, ShardSeconds: 1, ChunkSeconds: 3,
		Log: func(s string) { *lines = append(*lines, s) }}
}

func TestWaitBringsAllShards(t *testing.T) {
	newFake(t)
	f := newFolder(t, 10)
	var lines []string
	require.NoError(t, slurm.Wait(context.Background(), quick(t, f, &lines), f))
	missing, _ := f.Missing()
	require.Empty(t, missing)
	require.Equal(t, []string{"submitted job 100: 4 tasks, 10 shards"}, lines)
	require.NoError(t, slurm.Wait(context.Background(), quick(t, f, &lines), f))
	require.Len(t, lines, 1, "nothing is left to do")
}

func TestWaitTriesAgainAndThenGivesUp(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 10)
	bad := filepath.Join(f.dir, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("3\n4\n9\n"), 0o644))
	var lines []string
	err := slurm.Wait(context.Background(), quick(t, f, &lines), f)
	var incomplete *slurm.IncompleteError
	require.ErrorAs(t, err, &incomplete)
	require.Equal(t, []int{3, 4, 9}, incomplete.Missing)
	require.Contains(t, err.Error(), "3 shards are missing after 3 attempts, the first is 3; the log "+slurm.Logs(f.dir))
	require.Contains(t, err.Error(), "point 7 of shard 3: out of luck\n")
	require.Contains(t, err.Error(), "shard 3 ended with exit status 3")
	// The first task with 3 and 4 brought shard 5: that attempt does not count for them, the one for 9 alone does.
	require.Equal(t, []string{"submitted job 100: 4 tasks, 10 shards", "submitted job 101: 3 tasks, 3 shards", "submitted job 102: 3 tasks, 3 shards",
		"submitted job 103: 2 tasks, 2 shards"}, lines)

	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "flaky"), nil, 0o644))
	require.NoError(t, slurm.Wait(context.Background(), quick(t, f, &lines), f), "the next failure heals the shards")
	require.Len(t, fake.calls("sbatch --nodes"), 6)
}

func TestWaitSaysThatTheFolderMayNotBeShared(t *testing.T) {
	newFake(t)
	f := newFolder(t, 1)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "bad"), []byte("0\n"), 0o644))
	var lines []string
	o := quick(t, f, &lines)
	o.Attempts = 1
	o.Progress = func(slurm.Status) { _ = os.Remove(filepath.Join(slurm.Logs(f.dir), "100_0.log")) }
	require.ErrorContains(t, slurm.Wait(context.Background(), o, f), "is the folder on a file system that all nodes share")
}

func TestWaitBearsSilence(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 4)
	var lines []string
	o := quick(t, f, &lines)
	fake.put("lazy", "")
	looks := 0
	o.Progress = func(s slurm.Status) {
		if looks++; looks == 2 {
			require.Equal(t, []int{0, 1, 2, 3}, s.Queued)
			fake.put("squeue.err", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")
		}
	}
	log := o.Log
	o.Log = func(s string) {
		if log(s); strings.Contains(s, "Slurm does not answer, trying again") {
			fake.remove("lazy")
			fake.remove("queue")
			fake.remove("squeue.err")
		}
	}
	require.NoError(t, slurm.Wait(context.Background(), o, f))
	require.Contains(t, strings.Join(lines, "\n"), "Slurm does not answer, trying again")

	f = newFolder(t, 4)
	o = quick(t, f, &lines)
	o.Patience = 20 * time.Millisecond
	fake.put("sbatch.err", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n")
	o.Progress = nil
	require.ErrorContains(t, slurm.Wait(context.Background(), o, f), "no answer from Slurm for 20ms")
}

func TestWaitEndsWithItsContext(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 4)
	fake.put("lazy", "")
	ctx, cancel := context.WithCancel(context.Background())
	var lines []string
	o := quick(t, f, &lines)
	o.Progress = func(s slurm.Status) {
		if len(s.Queued) > 0 {
			cancel()
		}
	}
	require.ErrorIs(t, slurm.Wait(ctx, o, f), context.Canceled)
	require.Empty(t, fake.calls("scancel"), "the jobs stay in the queue")
	n, err := slurm.Cancel(context.Background(), f.dir)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, []string{"scancel 100_0 100_1"}, fake.calls("scancel"))
}

// queued submits the shards of f as job 100 and returns the name of the job.
func queued(t *testing.T, fake fake, f shardFolder, o slurm.Options) string {
	fake.put("lazy", "")
	missing, err := f.Missing()
	require.NoError(t, err)
	job, err := slurm.Submit(context.Background(), o, missing)
	require.NoError(t, err)
	fake.remove("lazy")
	return job.Arrays[0].Name
}

func TestWaitFreesRequeuedTasks(t *testing.T) {
	for _, c := range []struct{ name, job, want string }{
		{"requeued", "JobId=104 ArrayJobId=100 Requeue=1 Restarts=2 BatchFlag=1", "scontrol update JobId=100_1 StartTime=now"},
		{"later by wish", "JobId=104 ArrayJobId=100 Requeue=1 Restarts=0 BatchFlag=1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, f := newFake(t), newFolder(t, 6)
			var lines []string
			o := quick(t, f, &lines)
			name := queued(t, fake, f, o)
			fake.put("queue", "100|0|RUNNING|"+name+"|None\n100|1|PENDING|"+name+"|BeginTime\n")
			fake.put("job", c.job)
			ctx, cancel := context.WithCancel(context.Background())
			looks := 0
			o.Progress = func(s slurm.Status) {
				require.Equal(t, []int{0, 1, 2}, s.Running)
				require.Equal(t, []int{3, 4, 5}, s.Queued)
				if looks++; looks == 2 {
					cancel()
				}
			}
			require.ErrorIs(t, slurm.Wait(ctx, o, f), context.Canceled)
			require.Equal(t, c.want != "", len(fake.calls("scontrol update")) > 0)
			require.Len(t, fake.calls("sbatch --nodes"), 1, "all shards have a task")
		})
	}
}

func TestWaitCancelsWhatCannotBeLaunched(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 6)
	var lines []string
	o := quick(t, f, &lines)
	name := queued(t, fake, f, o)
	fake.put("queue", "100|0|COMPLETED|"+name+"|None\n100|1|PENDING|"+name+"|launch_failed_requeued_held\n")
	require.NoError(t, slurm.Wait(context.Background(), o, f))
	require.Equal(t, []string{"scancel 100_1"}, fake.calls("scancel"))
	require.Contains(t, lines[1], "cancelling 1 tasks that Slurm could not launch and holds (launch_failed_requeued_held)")
}

func TestWaitCancelsDuplicatesAtTheEnd(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 3)
	var lines []string
	o := quick(t, f, &lines)
	name := queued(t, fake, f, o)
	fake.put("queue", "100|0|RUNNING|"+name+"|None\n")
	for _, shard := range []string{"0", "1", "2"} {
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, "shards", shard), nil, 0o644))
	}
	require.NoError(t, slurm.Wait(context.Background(), o, f))
	require.Equal(t, []string{"scancel 100_0"}, fake.calls("scancel"))
}

func TestWaitBearsRefusalWhileTasksRun(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 6)
	var lines []string
	o := quick(t, f, &lines)
	name := queued(t, fake, f, o)
	fake.put("queue", "100|0|RUNNING|"+name+"|None\n100|1|FAILED|"+name+"|NonZeroExitCode\n")
	fake.put("sbatch.err", "sbatch: error: Batch job submission failed: QOSMaxSubmitJobPerUserLimit\n")
	looks := 0
	o.Progress = func(s slurm.Status) {
		if looks++; looks == 5 {
			require.Equal(t, map[string]int{"FAILED": 1}, s.Ended)
			fake.remove("queue")
			fake.remove("sbatch.err")
		}
	}
	require.NoError(t, slurm.Wait(context.Background(), o, f))
	require.Contains(t, strings.Join(lines, "\n"), "a submission was refused, trying again later: sbatch: Batch job submission failed: QOSMax")
}

type brokenShards struct{}

func (brokenShards) Missing() ([]int, error) { return nil, errors.New("manifest.json is damaged") }

func TestQuery(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 3)
	s, err := slurm.Query(context.Background(), f.dir, f)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2}, s.Lost)
	require.Empty(t, fake.calls("squeue"), "a folder that Slurm never saw")
	_, err = slurm.Query(context.Background(), f.dir, brokenShards{})
	require.ErrorContains(t, err, "manifest.json is damaged")

	o := slurm.Options{Dir: f.dir, Command: f.command(t)}
	name := queued(t, fake, f, o)
	fake.put("queue", strings.Join([]string{"*** maintenance on Friday | bring cake | now | or | never ***", "", "CLUSTER: big",
		"100|0|COMPLETED|" + name + "|None", "100|0|PENDING|" + name + "|(BeginTime)", // requeued: two lines
		"100|1|RUNNING|someone-else|None", "100|2|CONFIGURING|" + name + "|", "100|99|RUNNING|" + name + "|None", "100|N/A|RUNNING|" + name + "|None",
		"100|1|OUT_OF_MEMORY|" + name + "|OutOfMemory"}, "\n"))
	s, err = slurm.Query(context.Background(), f.dir, f)
	require.NoError(t, err)
	require.Equal(t, []int{0}, s.Queued)
	require.Equal(t, []int{1}, s.Lost)
	require.Equal(t, []int{2}, s.Running)
	require.Equal(t, "3 shards missing, 1 with running tasks (1), 1 with waiting tasks (1: 1 BeginTime), 1 with none, ended of late: 1 OUT_OF_MEMORY", s.String())

	fake.put("squeue.err", "slurm_load_jobs error: Invalid job id specified\n")
	s, err = slurm.Query(context.Background(), f.dir, f)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2}, s.Lost)

	fake.put("squeue.err", "squeue: error: Munge encode failed\n")
	s, err = slurm.Query(context.Background(), f.dir, f)
	require.EqualError(t, err, "squeue: Munge encode failed")
	require.Equal(t, []int{0, 1, 2}, s.Missing)

	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "slurm", "000001.json"), []byte("{}"), 0o644))
	_, err = slurm.Query(context.Background(), f.dir, f)
	require.ErrorContains(t, err, "000001.json does not name a job")
}
