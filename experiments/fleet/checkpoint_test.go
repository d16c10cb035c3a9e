package fleet

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a crash leaves of the log, the run goes on to the same bytes as if nothing had happened, and repeats no site that the log
// holds.
func TestResumeAfterACrashAtAnyByte(t *testing.T) {
	d := open(t)
	want := output(finish(t, d, Options{}))
	folder := t.TempDir()
	require.Equal(t, want, output(finish(t, d, Options{Jobs: 2, Folder: folder})))
	log, err := os.ReadFile(filepath.Join(folder, logName))
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 12 {
		cut := log[:rng.IntN(len(log)+1)]
		require.NoError(t, os.WriteFile(filepath.Join(folder, logName), cut, 0o644))
		whole := bytes.Count(cut, []byte("\n"))
		ran := -1
		r := finish(t, d, Options{Jobs: 2, Folder: folder, Resume: true, Progress: func(p Progress) { ran = max(ran, p.SitesDone-whole) }})
		require.Equal(t, want, output(r))
		require.Equal(t, 9-whole, max(0, ran))
	}
}

func TestResumeAfterInterrupts(t *testing.T) {
	d, folder := open(t), t.TempDir()
	stopAfter(t, d, Options{Jobs: 2, Folder: folder}, 2)
	stopAfter(t, d, Options{Folder: folder, Resume: true}, 5)
	require.Equal(t, output(finish(t, d, Options{})), output(finish(t, d, Options{Folder: folder, Resume: true})))
}

func TestFoldersOfOthers(t *testing.T) {
	d, folder := open(t), t.TempDir()
	finish(t, d, Options{Folder: folder})
	run := func(d *Description, resume bool) error {
		_, err := Run(context.Background(), d, Options{Folder: folder, Resume: resume})
		return err
	}
	require.ErrorContains(t, run(d, false), "holds a run already")
	for _, other := range []*Description{d.WithSeed(1), d.WithRequests(10), d.Sized(8)} {
		require.ErrorContains(t, run(other, true), "belongs to another run")
	}
	require.NoError(t, run(d, true))
	log := filepath.Join(folder, logName)
	for text, want := range map[string]string{"nonsense\n": ":1: is no site", "{\"site\":99}\n": ":1: is no site", "{\"site\":1,\"bins\":\"!\"}\n": "site 1: the histogram is damaged"} {
		require.NoError(t, os.WriteFile(log, []byte(text), 0o644))
		require.ErrorContains(t, run(d, true), want)
	}
	require.NoError(t, os.Remove(log))
	require.NoError(t, os.Mkdir(log, 0o755))
	require.ErrorContains(t, run(d, true), "cannot read the run's folder")
}
