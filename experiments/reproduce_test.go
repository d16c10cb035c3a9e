package experiments

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
)

func content(t *testing.T, dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}

// The number of workers changes no byte of any file; progress counts every simulation.
func TestReproduceIsDeterministic(t *testing.T) {
	var dirs []map[string]string
	for jobs := 1; jobs <= 2; jobs++ {
		dir := filepath.Join(t.TempDir(), "out")
		last, total := 0, 0
		r, err := Reproduce(context.Background(), []string{"fig5"}, Options{Out: dir, Seed: 5, Jobs: jobs, Quick: true, Version: "test",
			Progress: func(_ string, done, of int) {
				require.Equal(t, last+1, done)
				last, total = done, of
			}})
		require.NoError(t, err)
		require.Equal(t, total, last)
		require.Equal(t, r.Simulations, total)
		require.NotEmpty(t, r.Text(0, false))
		dirs = append(dirs, content(t, dir))
	}
	require.Equal(t, dirs[0], dirs[1])
	for _, name := range []string{"fig5.csv", "fig5.svg", "fig5.png", "fig5.pdf", "fig5.records.csv", "manifest.json"} {
		require.NotEmpty(t, dirs[0][name], name)
	}
	require.Len(t, dirs[0], 6)
	require.Contains(t, dirs[0]["manifest.json"], `"command": "hidp reproduce fig5 --seed 5 --quick"`)
}

func TestReproduceRefusesBeforeItRuns(t *testing.T) {
	_, err := Reproduce(context.Background(), []string{"fig6x"}, Options{Out: t.TempDir()})
	require.ErrorContains(t, err, `no experiment "fig6x"`)
	_, err = Reproduce(context.Background(), []string{"fig55"}, Options{Out: t.TempDir()})
	require.ErrorContains(t, err, `did you mean "fig5"?`)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	ran := false
	_, err = Reproduce(context.Background(), nil, Options{Out: filepath.Join(file, "out"), Progress: func(string, int, int) { ran = true }})
	require.ErrorContains(t, err, "is not a folder")
	require.False(t, ran)
	require.Len(t, content(t, dir), 1)
}

// An interrupt in the middle leaves nothing behind, not even the folder.
func TestInterruptLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := filepath.Join(t.TempDir(), "out")
	_, err := Reproduce(ctx, []string{"fig5"}, Options{Out: dir, Seed: 1, Jobs: 2, Quick: true, Progress: func(_ string, done, _ int) {
		if done == 10 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.NoDirExists(t, dir)
}

func TestEveryExperimentIsInTheCatalogue(t *testing.T) {
	found, err := filepath.Glob("*.toml")
	require.NoError(t, err)
	require.Len(t, Names(), len(found))
	for _, name := range Names() {
		e, err := Get(name)
		require.NoError(t, err)
		require.Equal(t, name, e.Name)
		require.NotEmpty(t, e.Title)
	}
}

func TestExperimentFaults(t *testing.T) {
	data, err := os.ReadFile("fig5.toml")
	require.NoError(t, err)
	_, err = parseExperiment("x.toml", append(data, []byte("[[published]]\nmetric = \"latncy\"\nchange = 1\nsource = \"s\"\n")...))
	require.ErrorContains(t, err, `published[2].metric: is "latncy" (did you mean "latency"?)`)
	_, err = parseExperiment("x.toml", append([]byte("foo = 1\n"), data...))
	require.ErrorContains(t, err, `x.toml:1: foo: unknown key`)
	_, err = parseExperiment("x.toml", append(data, []byte("[[method]]\nlabel = \"x\"\nstrategy = \"moddn\"\n")...))
	require.ErrorContains(t, err, `did you mean "modnn"?`)
}

// Points of equal values are simulated once and reported as often as asked for.
func TestPointsAreSimulatedOnce(t *testing.T) {
	e, err := Get("fig5")
	require.NoError(t, err)
	v := Values{"strategy": "single-gpu", "model": "vgg19", "seed": "1"}
	total := 0
	b := newBench(e.base)
	records, err := runAll(context.Background(), []task{{b, v}, {b, v.with(Values{"leader": "jetson-nano"})}, {b, v}}, 2, func(_, n int) { total = n })
	require.NoError(t, err)
	require.Equal(t, 2, total)
	require.Equal(t, records[0], records[2])
	require.Greater(t, records[1].Latency, records[0].Latency)
	for _, bad := range []Values{{"leader": "x"}, {"rate": "3"}, {"input": "int4"}, {"model": "x"}, {"colour": "red"}, {"batch": "0"}, {"runtime": "x"}, {"seed": "-1"}, {"option x": "1"}, {"strategy": "x"}} {
		_, err := runAll(context.Background(), []task{{b, bad}}, 1, nil)
		require.Error(t, err, "%v", bad)
	}
}

// A network too large for the only board is a result, not an error.
func TestInfeasiblePointsAreRecords(t *testing.T) {
	s, err := Parse("x.toml", []byte(head))
	require.NoError(t, err)
	small := *s.Platform
	small.Nodes = append(small.Nodes[:0:0], small.Nodes...)
	for i := range small.Nodes {
		small.Nodes[i].Memory = 1 << 20
	}
	s.Platform = &small
	r, err := measure(context.Background(), s)
	require.NoError(t, err)
	require.NotEmpty(t, r.Failed)
}

// Every field that a point sets reaches the scenario, and the base stays what it was.
func TestFieldsOfPoints(t *testing.T) {
	e, err := Get("fig5")
	require.NoError(t, err)
	b := newBench(e.base)
	s, err := b.scenario(Values{"leader": "raspberry-pi-5", "rate": "300 Mbit/s", "jitter": "2 ms", "runtime": "pytorch/fp32", "belief_error": "5 %",
		"model": "resnet18", "input": "uint8", "batch": "4", "strategy": "modnn", "option sync": "once", "seed": "9", "replication": "2"})
	require.NoError(t, err)
	require.Equal(t, "raspberry-pi-5", s.Platform.Nodes[s.Platform.Leader].Name)
	require.Equal(t, "pytorch/fp32", s.Platform.Nodes[0].Runtime)
	require.Equal(t, 300e6/8, s.Platform.Network.Resources[0].Capacity)
	require.Equal(t, 2*time.Millisecond, s.Platform.Network.Paths[0][1].Jitter)
	require.Equal(t, 0.05, s.BeliefError)
	require.Equal(t, []string{"resnet18"}, s.ModelNames())
	require.Equal(t, 1, s.Models[0].Layers[0].ElemBytes)
	require.Equal(t, 4, s.Batch)
	require.Equal(t, strategies.Options{"sync": "once"}, s.Options)
	require.Equal(t, uint64(9), s.Seed)
	require.Equal(t, 2, s.Replication)
	plain, err := b.scenario(Values{})
	require.NoError(t, err)
	require.Equal(t, e.base.Platform, plain.Platform)
	require.Equal(t, e.base.ModelNames(), plain.ModelNames())
	require.Empty(t, e.base.Options)
}

func TestProductRunsTheLastAxisFastest(t *testing.T) {
	got := product(Axis{"a", []string{"1", "2"}}, Axis{"b", []string{"x", "y"}})
	require.Equal(t, []Values{{"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "2", "b": "x"}, {"a": "2", "b": "y"}}, got)
}
