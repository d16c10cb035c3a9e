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

const pointsPerShard = 5

// runShard stands in for a sweep's shard program: it says that it began, works, and brings its points in one step. On node n2 it stays
// at work as long as the file "hold" exists.
func runShard(dir, shard string) error {
	node := os.Getenv("SLURMD_NODENAME")
	began := filepath.Join(dir, "began", fmt.Sprintf("%s.%s.%d", shard, node, syscall.Getpgrp()))
	if err := os.WriteFile(began, nil, 0o644); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond)
	for node == "n2" {
		if _, err := os.Stat(filepath.Join(dir, "hold")); err != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	file, err := os.CreateTemp(filepath.Join(dir, "shards"), ".tmp*")
	if err != nil {
		return err
	}
	for p := range pointsPerShard {
		fmt.Fprintf(file, "%s %d\n", shard, p)
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(dir, "shards", shard))
}

// shardFolder is a sweep folder of n shards for runShard.
type shardFolder struct {
	dir string
	n   int
}

func newFolder(t *testing.T, n int) shardFolder {
	f := shardFolder{filepath.Join(t.TempDir(), "it's 100% a sweep"), n}
	for _, sub := range []string{"shards", "began"} {
		require.NoError(t, os.MkdirAll(filepath.Join(f.dir, sub), 0o755))
	}
	return f
}

func (f shardFolder) Missing() ([]int, error) {
	var missing []int
	for i := range f.n {
		if _, err := os.Stat(filepath.Join(f.dir, "shards", strconv.Itoa(i))); err != nil {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// began lists the executions that were begun, as shard, node and process group.
func (f shardFolder) began(t *testing.T) [][3]string {
	entries, err := os.ReadDir(filepath.Join(f.dir, "began"))
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
		t.Skipf("no Slurm here: %s", out)
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	return dir
}

func until(t *testing.T, what string, limit time.Duration, ok func() bool) {
	for end := time.Now().Add(limit); !ok(); time.Sleep(50 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "waited in vain for %s", what)
	}
}

// A sweep on a real Slurm, with a task killed and a node killed in the middle, ends with every shard exactly once and all points.
func TestKilledTaskAndKilledNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Slurm cluster")
	}
	cluster := startCluster(t)
	f := newFolder(t, 30)
	hold := filepath.Join(f.dir, "hold")
	require.NoError(t, os.WriteFile(hold, nil, 0o644))
	self, err := os.Executable()
	require.NoError(t, err)
	var states []slurm.Status
	o := slurm.Options{Dir: f.dir, Command: []string{self, execShard, f.dir}, Name: "two nodes", ShardSeconds: 0.2, ChunkSeconds: 0.6,
		Time: 5 * time.Minute, Memory: 10 << 20, Extra: []string{"--comment=it's a test"}, Poll: 300 * time.Millisecond,
		Log:      func(s string) { t.Log(s) },
		Progress: func(s slurm.Status) { states = append(states, s) }}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- slurm.Wait(ctx, o, f) }()

	// Both tasks of n2 are at work and stay there: kill one of them, then the node's daemon. The other task's step survives.
	var groups []string
	until(t, "two tasks on n2", 30*time.Second, func() bool {
		groups = nil
		for _, b := range f.began(t) {
			if b[1] == "n2" {
				groups = append(groups, b[2])
			}
		}
		return len(groups) >= 2
	})
	group, err := strconv.Atoi(groups[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(-group, syscall.SIGKILL))
	pid, err := os.ReadFile(filepath.Join(cluster, "n2.pid"))
	require.NoError(t, err)
	daemon, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(daemon, syscall.SIGKILL))

	require.NoError(t, <-done)
	missing, err := f.Missing()
	require.NoError(t, err)
	require.Empty(t, missing)
	requireOnceEach(t, f)
	nodes := map[string]map[string]bool{}
	for _, b := range f.began(t) {
		if nodes[b[0]] == nil {
			nodes[b[0]] = map[string]bool{}
		}
		nodes[b[0]][b[1]] = true
	}
	twice := 0
	for _, on := range nodes {
		if on["n1"] && on["n2"] {
			twice++
		}
	}
	require.GreaterOrEqual(t, twice, 2, "what n2 had begun was not executed again on n1")
	last := states[len(states)-1]
	require.Empty(t, last.Missing)
	require.GreaterOrEqual(t, last.Submitted, 10, "30 shards in chunks of 3")

	// The step that survived its daemon brings its shards late, over those that are there.
	require.NoError(t, os.Remove(hold))
	time.Sleep(time.Second)
	requireOnceEach(t, f)
	_, err = slurm.Cancel(ctx, f.dir)
	require.NoError(t, err)
}

// requireOnceEach checks that the folder holds every shard, whole, once, and nothing that was left half-way but by the killed task.
func requireOnceEach(t *testing.T, f shardFolder) {
	points := map[string]int{}
	for i := range f.n {
		data, err := os.ReadFile(filepath.Join(f.dir, "shards", strconv.Itoa(i)))
		require.NoError(t, err)
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			points[line]++
		}
	}
	require.Len(t, points, f.n*pointsPerShard)
	for point, n := range points {
		require.Equal(t, 1, n, "point %s", point)
	}
}
