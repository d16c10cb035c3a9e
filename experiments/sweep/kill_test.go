package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for the program: with these variables it carries out a sweep and nothing else.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SWEEP_TEST_DIR"); dir != "" {
		s, err := Load(os.Getenv("SWEEP_TEST_FILE"))
		if err == nil {
			_, err = Run(context.Background(), s, dir, Options{Jobs: 2, ShardSize: 7, Resume: true, Yes: true})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const killed = `scenario = "base.toml"
[[axis]]
field = "workload.batch"
from = 1
to = 60
steps = 60

[[axis]]
field = "workload.arrivals.rate"
from = "10 /s"
to = "40 /s"
steps = 50

[replications]
count = 2
`

func TestKilledAtAnyMomentTheSweepLosesAndRepeatsNothing(t *testing.T) {
	file := write(t, "sweep.toml", killed, "base.toml", small)
	s, err := Load(file)
	require.NoError(t, err)
	wantRows, wantBytes := merged(t, s, Options{})

	const kills = 20
	longest, before := 2*publishEvery, 0 // on a busy machine a process may take that long to begin
	start := time.Now()                  // a slow machine gets the time it takes to hit a sweep under way once
	more := func(n, began int) bool {
		if began == 0 {
			return time.Since(start) < 3*time.Minute
		}
		return n < kills && time.Since(start) < 15*time.Second
	}
	random := rand.New(rand.NewPCG(1, 2))
	finished, began := 0, 0
	dir := filepath.Join(t.TempDir(), "0")
	for n := 0; more(n, began); {
		done := carryOut(t, file, dir, time.Duration(random.Int64N(int64(longest))))
		if done {
			finished++
			checkFolder(t, dir, wantRows, wantBytes)
			dir = filepath.Join(t.TempDir(), fmt.Sprint(finished))
			continue
		}
		n++
		state, err := Status(dir)
		if err == nil && state.Done > 0 && len(state.Missing) > 0 {
			began++
		}
		if err != nil || state.Done == before {
			longest += longest / 2
		} else {
			before = state.Done
		}
	}
	require.Positive(t, began, "no kill hit a sweep under way")
	require.True(t, carryOut(t, file, dir, time.Minute))
	checkFolder(t, dir, wantRows, wantBytes)
}

// carryOut starts a process that carries the sweep on and kills it after a while. It reports whether the process ended by itself.
func carryOut(t *testing.T, file, dir string, after time.Duration) bool {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "SWEEP_TEST_FILE="+file, "SWEEP_TEST_DIR="+dir)
	c.Stderr = os.Stderr
	require.NoError(t, c.Start())
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() }) // it may have ended
	defer timer.Stop()
	err := c.Wait()
	if err != nil {
		require.Equal(t, "signal: killed", err.Error())
	}
	return err == nil
}

func checkFolder(t *testing.T, dir, wantRows, wantBytes string) {
	rows, bytes := mergedFrom(t, dir)
	require.Equal(t, wantRows, rows)
	require.True(t, wantBytes == bytes, "the merged Parquet file differs")
	entries, err := os.ReadDir(filepath.Join(dir, "shards"))
	require.NoError(t, err)
	require.Len(t, entries, (3000+6)/7, "temporary files are left")
}

func TestTheSameShardTwiceAtOnceIsTheSame(t *testing.T) {
	dir := t.TempDir()
	_, err := Prepare(context.Background(), load(t, grid), dir, Options{ShardSize: 4, Yes: true})
	require.NoError(t, err)
	errs := make(chan error)
	for i := range 9 {
		go func() { errs <- ExecShard(context.Background(), dir, i%3) }()
	}
	for range 9 {
		require.NoError(t, <-errs)
	}
	rows, bytes := mergedFrom(t, dir)
	wantRows, wantBytes := merged(t, load(t, grid), Options{})
	require.Equal(t, wantRows, rows)
	require.Equal(t, wantBytes, bytes)

	in := t.TempDir() // by one worker, one after the other
	_, err = Run(context.Background(), load(t, grid), in, Options{Jobs: 1, ShardSize: 4})
	require.NoError(t, err)
	for i := range 3 {
		want, err := os.ReadFile(filepath.Join(dir, shardName(i)))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(in, shardName(i)))
		require.NoError(t, err)
		require.True(t, string(want) == string(got), "shard %d", i)
	}

	shard := filepath.Join(dir, shardName(1))
	first, err := os.ReadFile(shard)
	require.NoError(t, err)
	require.NoError(t, os.Remove(shard))
	require.NoError(t, ExecShard(context.Background(), dir, 1))
	again, err := os.ReadFile(shard)
	require.NoError(t, err)
	require.Equal(t, first, again)
}
