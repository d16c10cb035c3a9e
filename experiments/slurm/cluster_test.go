package slurm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/experiments/slurm"
	"hidp/experiments/sweep"
	"hidp/internal/parts"
)

// execShard as first argument makes the test binary the program of a task instead: see runShard.
const execShard = "exec-shard"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == execShard {
		if err := runShard(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runShard is the program of a task: it makes a shard as `hidp sweep exec` does, but says before that it began, and on node n2 it waits
// as long as the file "hold" exists.
func runShard(dir, shard string) error {
	node := os.Getenv("SLURMD_NODENAME")
	began := filepath.Join(dir, "began", fmt.Sprintf("%s.%s.%d", shard, node, syscall.Getpgrp()))
	if err := os.WriteFile(began, nil, 0o644); err != nil {
		return err
	}
	for node == "n2" {
		if _, err := os.Stat(filepath.Join(dir, "hold")); err != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	number, err := strconv.Atoi(shard)
	if err != nil {
		return err
	}
	return sweep.ExecShard(context.Background(), dir, number)
}

// thirty is a sweep of thirty points with two runs each over a scenario that takes a millisecond.
const thirty = `
seed = 3

[[axis]]
field = "workload.arrivals.rate"
from = "5 /s"
to = "40 /s"
steps = 30

[replications]
count = 2

[scenario]
platform = "board:jetson-tx2"
seed = 7
strategy.name = "single-gpu"
workload.models = ["squeezenet1_1"]
workload.requests = 5
workload.arrivals.kind = "poisson"
workload.arrivals.rate = "20 /s"
`

// prepare makes the folder of the sweep, one point per shard, and returns it with the rows that it must end with.
func prepare(t *testing.T) (dir, want string) {
	file := filepath.Join(t.TempDir(), "sweep.toml")
	require.NoError(t, os.WriteFile(file, []byte(thirty), 0o644))
	s, err := sweep.Load(file)
	require.NoError(t, err)
	undisturbed := filepath.Join(t.TempDir(), "local")
	_, err = sweep.Run(context.Background(), s, undisturbed, sweep.Options{})
	require.NoError(t, err)
	dir = filepath.Join(t.TempDir(), "it's 100% a sweep")
	m, err := sweep.Prepare(context.Background(), s, dir, sweep.Options{ShardSize: 1})
	require.NoError(t, err)
	require.Equal(t, 30, m.Shards())
	require.NoError(t, os.Mkdir(filepath.Join(dir, "began"), 0o755))
	return dir, merged(t, undisturbed)
}

func merged(t *testing.T, dir string) string {
	path := filepath.Join(t.TempDir(), "merged.csv")
	require.NoError(t, sweep.Merge(dir, path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// began lists the executions that were begun, as shard, node and process group.
func began(t *testing.T, dir string) [][3]string {
	entries, err := os.ReadDir(filepath.Join(dir, "began"))
	require.NoError(t, err)
	var out [][3]string
	for _, e := range entries {
		part := strings.Split(e.Name(), ".")
		out = append(out, [3]string{part[0], part[1], part[2]})
	}
	return out
}

// startCluster starts the two-node Slurm of scripts/slurm-fixture.sh and points this process at it.
func startCluster(t *testing.T) (dir string) {
	script, err := filepath.Abs("../../scripts/slurm-fixture.sh")
	require.NoError(t, err)
	dir, err = os.MkdirTemp("", "slurm") // short, for the path of a socket
	require.NoError(t, err)
	t.Cleanup(func() {
		out, err := exec.Command(script, "down", dir).CombinedOutput()
		require.NoError(t, err, string(out))
		require.NoError(t, os.RemoveAll(dir))
	})
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	up := exec.CommandContext(ctx, script, "up", dir)
	up.Env = append(os.Environ(), "FIXTURE_MAX_ARRAY=7")
	if out, err := up.CombinedOutput(); err != nil {
		parts.Need(t, parts.Slurm, fmt.Errorf("%w: %s", err, out))
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	return dir
}

func until(t *testing.T, what string, limit time.Duration, ok func() bool) {
	for end := time.Now().Add(limit); !ok(); time.Sleep(50 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "waited in vain for %s", what)
	}
}

// A sweep on a real Slurm, with a task killed and a node killed in the middle, ends with every shard once and the rows of an
// undisturbed run.
func TestKilledTaskAndKilledNode(t *testing.T) {
	parts.Long(t, "starts a Slurm cluster")
	cluster := startCluster(t)
	dir, want := prepare(t)
	hold := filepath.Join(dir, "hold")
	require.NoError(t, os.WriteFile(hold, nil, 0o644))
	self, err := os.Executable()
	require.NoError(t, err)
	var last slurm.Status
	o := slurm.Options{Dir: dir, Command: []string{self, execShard, dir}, Name: "two nodes", ShardSeconds: 0.2, ChunkSeconds: 0.6,
		Time: 5 * time.Minute, Memory: 10 << 20, Extra: []string{"--comment=it's a test"}, Poll: 300 * time.Millisecond,
		Log:      func(s string) { t.Log(s) },
		Progress: func(s slurm.Status) { last = s }}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	nowhere := o
	nowhere.Partition = "nowhere"
	_, err = slurm.Submit(ctx, nowhere, []int{0})
	require.EqualError(t, err, "sbatch: invalid partition specified: nowhere; Batch job submission failed: Invalid partition name specified")
	done := make(chan error, 1)
	missing := slurm.ShardsFunc(func() ([]int, error) {
		s, err := sweep.Status(dir)
		if err != nil {
			return nil, err
		}
		return s.Missing, nil
	})
	go func() { done <- slurm.Wait(ctx, o, missing) }()

	killOneTaskAndTheDaemon(t, cluster, dir)
	require.NoError(t, <-done)
	require.Equal(t, want, merged(t, dir))
	nodes := map[string]string{} // per shard, where it was begun, in the order of names
	for _, b := range began(t, dir) {
		nodes[b[0]] += b[1]
	}
	twice := 0
	for _, on := range nodes {
		if strings.Contains(on, "n1") && strings.Contains(on, "n2") {
			twice++
		}
	}
	require.GreaterOrEqual(t, twice, 2, "what n2 had begun was not begun again on n1")
	require.Empty(t, last.Missing)
	require.Greater(t, last.Submitted, 10, "30 shards in chunks of 3, and what was lost")

	// The step that survived its daemon goes on and finds its shard there.
	require.NoError(t, os.Remove(hold))
	time.Sleep(time.Second)
	shards, err := filepath.Glob(dir + "/shards/*.parquet")
	require.NoError(t, err)
	require.Len(t, shards, 30)
	require.Equal(t, want, merged(t, dir))
}

// killOneTaskAndTheDaemon waits until both tasks of n2 are at work, where they stay. It kills one of them, and then slurmd of n2; the
// other task's step survives that.
func killOneTaskAndTheDaemon(t *testing.T, cluster, dir string) {
	var groups []int
	until(t, "two tasks on n2", 30*time.Second, func() bool {
		groups = nil
		for _, b := range began(t, dir) {
			if b[1] == "n2" {
				group, err := strconv.Atoi(b[2])
				require.NoError(t, err)
				groups = append(groups, group)
			}
		}
		return len(groups) >= 2
	})
	require.NoError(t, syscall.Kill(-groups[0], syscall.SIGKILL))
	text, err := os.ReadFile(filepath.Join(cluster, "n2.pid"))
	require.NoError(t, err)
	daemon, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(daemon, syscall.SIGKILL))
}
