package slurm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseJobID(t *testing.T) {
	for out, want := range map[string][2]string{
		"12\n": {"12", ""}, "12;big\n": {"12", "big"}, "hello\nYou have 3 jobs\n77\n": {"77", ""}, "Submitted batch job 5 on cluster x\n": {"5", "x"},
		"99\ngoodbye\n": {"99", ""},
	} {
		job, cluster, err := parseJobID(out)
		require.NoError(t, err, out)
		require.Equal(t, want, [2]string{job, cluster}, out)
	}
	_, _, err := parseJobID("Welcome\n")
	require.EqualError(t, err, `sbatch: it answered "Welcome", which holds no job id`)
}

// Chunks hand out every shard once, in order, and task lists survive the way through a file.
func TestChunksLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.SliceOfN(rapid.IntRange(0, 1e6), 0, 200).Draw(t, "shards")
		n := rapid.IntRange(1, 50).Draw(t, "n")
		tasks := chunks(shards, n)
		read, err := parseTasks(taskLines(tasks))
		require.NoError(t, err)
		all := []int{}
		for i, list := range read {
			require.LessOrEqual(t, len(list), n)
			require.True(t, len(list) == n || i == len(read)-1, "only the last task is short")
			all = append(all, list...)
		}
		require.Equal(t, append([]int{}, shards...), all)
	})
	_, err := parseTasks([]byte("1 2\n3 x\n"))
	require.EqualError(t, err, `line 2: "x" is not the number of a shard`)
}

func TestPerTask(t *testing.T) {
	for _, c := range []struct {
		shard, chunk float64
		limit        time.Duration
		want         int
	}{{0, 30, 0, 1}, {40, 30, 0, 1}, {0.4, 30, 0, 75}, {7, 30, 0, 5}, {7, 30, 30 * time.Second, 2}, {20, 30, 30 * time.Second, 1}, {1e-12, 30, 0, 1e6}} {
		require.Equal(t, c.want, Options{ShardSeconds: c.shard, ChunkSeconds: c.chunk, Time: c.limit}.perTask(), "%v", c)
	}
}

// A task is in at most one of the states that the watch tells apart.
func TestTaskStates(t *testing.T) {
	for state, want := range map[string][2]bool{ // live, running
		"PENDING": {true, false}, "RUNNING": {true, true}, "SUSPENDED": {true, true}, "COMPLETING": {false, false}, "NODE_FAIL": {false, false},
		"REQUEUED": {true, false}, "CONFIGURING": {true, true}, "TIMEOUT": {false, false},
	} {
		task := Task{State: state}
		require.Equal(t, want, [2]bool{task.live(), task.running()}, state)
	}
	require.True(t, Task{State: "PENDING", Reason: "launch failed requeued held"}.stuck())
	require.False(t, Task{State: "PENDING", Reason: "JobHeldUser"}.stuck())
	require.Equal(t, "5_2", Task{Job: "5", Index: 2}.ID())
	require.Equal(t, "5", Task{Job: "5", Index: -1}.ID())
}

func TestEnvironmentDropsWhatChangesSqueue(t *testing.T) {
	got := environment([]string{"PATH=/bin", "SQUEUE_STATES=R", "SQUEUE_FORMAT=%i", "SLURM_CONF=/x", "SLURM_BITSTR_LEN=9"})
	require.Equal(t, []string{"PATH=/bin", "SLURM_CONF=/x", "SLURM_BITSTR_LEN=0", "LC_ALL=C"}, got)
}
