package slurm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/experiments/slurm"
)

func TestSubmitRunsOnlyWhatIsMissing(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 20)
	fake.put("config", "MaxArraySize            = 4\nMaxJobCount = 10000\n")
	for _, done := range []string{"0", "7"} {
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, "shards", done), nil, 0o644))
	}
	missing, err := f.Missing()
	require.NoError(t, err)
	o := slurm.Options{Dir: f.dir, Command: f.command(t), Name: "a b/c", Account: "acc", Partition: "long", Time: 26*time.Hour + time.Second,
		Memory: 1<<30 + 1, CPUs: 2, Extra: []string{"--qos=x"}, ShardSeconds: 10, ChunkSeconds: 25}
	job, err := slurm.Submit(context.Background(), o, missing)
	require.NoError(t, err)
	require.Equal(t, []string{"100", "101"}, job.IDs(), "6 tasks of 3 shards in arrays of at most 4")
	require.Equal(t, 6, job.Tasks())
	require.Equal(t, []int{1, 2, 3}, job.Arrays[0].Tasks[0])
	require.Empty(t, job.Left)
	missing, err = f.Missing()
	require.NoError(t, err)
	require.Empty(t, missing)
	call := fake.calls("sbatch --nodes")[0]
	for _, arg := range []string{"--account=acc", "--partition=long", "--time=1-02:00:01", "--mem=1025M", "--cpus-per-task=2", "--qos=x", "--array=0-3",
		"--requeue", "--job-name=hidp-a-b-c-", "100%% a sweep/slurm/logs/%A_%a.log", "--ntasks=1"} {
		require.Contains(t, call, arg)
	}
	logs, err := filepath.Glob(slurm.Logs(f.dir) + "/10?_*.log")
	require.NoError(t, err)
	require.Len(t, logs, 6)
	for _, log := range logs {
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		require.Empty(t, string(text))
	}
}

func TestSubmitFindsTheSitesLimit(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 20)
	fake.put("most", "6") // tasks per array
	fake.put("lazy", "")
	missing, _ := f.Missing()
	job, err := slurm.Submit(context.Background(), slurm.Options{Dir: f.dir, Command: f.command(t)}, missing)
	require.NoError(t, err)
	require.Equal(t, 20, job.Tasks())
	for _, a := range job.Arrays {
		require.LessOrEqual(t, len(a.Tasks), 6)
	}
	lists, err := filepath.Glob(filepath.Join(f.dir, "slurm", "*.tasks"))
	require.NoError(t, err)
	require.Len(t, lists, len(job.Arrays), "refused submissions leave nothing")

	fake.put("config", "MaxJobCount = 8") // at most 4 tasks of ours
	job, err = slurm.Submit(context.Background(), slurm.Options{Dir: f.dir, Command: f.command(t)}, missing)
	require.NoError(t, err)
	require.Equal(t, 4, job.Tasks(), "without a time limit tasks grow")
	job, err = slurm.Submit(context.Background(), slurm.Options{Dir: f.dir, Command: f.command(t), Time: time.Hour}, missing)
	require.NoError(t, err)
	require.Equal(t, 4, job.Tasks())
	require.Len(t, job.Left, 16, "within a time limit they do not")
}

func TestSubmitExplains(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 2)
	o := slurm.Options{Dir: f.dir, Command: f.command(t)}
	try := func(o slurm.Options) string {
		job, err := slurm.Submit(context.Background(), o, []int{0, 1})
		require.Error(t, err)
		require.Empty(t, job.Arrays)
		require.ErrorContains(t, slurm.Wait(context.Background(), o, f), err.Error(), "Wait says the same")
		return err.Error()
	}
	fake.put("sbatch.err", "sbatch: error: invalid partition specified: nix\nsbatch: error: Batch job submission failed: Invalid partition name specified\n")
	require.Equal(t, "sbatch: invalid partition specified: nix; Batch job submission failed: Invalid partition name specified", try(o))
	fake.remove("sbatch.err")

	fake.put("config", "MaxArraySize = 0")
	require.Contains(t, try(o), "takes no job arrays")
	fake.remove("config")

	o.Extra = []string{"--array=1-3", "-o/tmp/x", "qos", "-J", "--outputs"}
	o.Dir, o.Time, o.ShardSeconds, o.Memory = "out", time.Second, 2, -1
	for _, part := range []string{`"out" must be an absolute path`, "--array=1-3", "-o/tmp/x", `"qos" must begin`, `"-J"`, "more than the time limit", "memory is -1"} {
		require.Contains(t, try(o), part)
	}
	require.NotContains(t, try(o), "--outputs")

	blocked := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(blocked, "slurm"), nil, 0o644))
	require.Contains(t, try(slurm.Options{Dir: blocked, Command: []string{"x"}}), "cannot write into "+blocked)

	t.Setenv("PATH", t.TempDir())
	require.Contains(t, try(slurm.Options{Dir: f.dir, Command: []string{"x"}}), "sbatch is not on the PATH")
	var missing *slurm.MissingProgramError
	_, err := slurm.Submit(context.Background(), slurm.Options{Dir: f.dir, Command: []string{"x"}}, []int{0})
	require.ErrorAs(t, err, &missing)
}

func TestSubmitAfterWaitsForAnyEnd(t *testing.T) {
	fake, f := newFake(t), newFolder(t, 2)
	fake.put("lazy", "")
	o := slurm.Options{Dir: f.dir, Command: f.command(t), MaxArray: 1}
	_, err := slurm.SubmitAfter(context.Background(), o, slurm.Job{}, []string{"true"})
	require.Error(t, err)
	job, err := slurm.Submit(context.Background(), o, []int{0, 1})
	require.NoError(t, err)
	id, err := slurm.SubmitAfter(context.Background(), o, job, []string{"touch", filepath.Join(f.dir, "it's merged")})
	require.NoError(t, err)
	require.Equal(t, "102", id)
	require.Len(t, fake.calls("sbatch --nodes=1 --ntasks=1 --cpus-per-task=1 --dependency=afterany:100:101"), 1)
	script, err := os.ReadFile(filepath.Join(f.dir, "slurm", "000003.sh"))
	require.NoError(t, err)
	require.Contains(t, string(script), `it'\''s merged'`)
	s, err := slurm.Query(context.Background(), f.dir, f)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, s.Queued)
	require.Len(t, strings.Split(s.String(), ","), 4)
}
