package fleet

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/durable"
	"hidp/internal/durable/faulty"
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
		requireWhole(t, d, folder) // what was cut off must not stay before the lines that follow
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
	manifest := filepath.Join(folder, manifestName)
	held, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(manifest, bytes.Replace(held, []byte(`"seed": `), []byte(`"seed": 1`), 1), 0o644))
	require.ErrorContains(t, run(d, true), "fleet.json is damaged; remove that file and resume")
	require.NoError(t, os.WriteFile(manifest, []byte(`{"format": 1}`), 0o644))
	require.ErrorContains(t, run(d, true), "was written by an older program, without checksums")
	require.NoError(t, os.WriteFile(manifest, held, 0o644))
	require.NoError(t, os.Remove(log))
	require.NoError(t, os.Mkdir(log, 0o755))
	require.ErrorContains(t, run(d, true), "cannot read the run's folder")
}

// Lines that are not as they were written, or are another run's, do not count. The sites are simulated anew, and the user is told.
func TestDamagedLinesOfTheLogAreMadeAnew(t *testing.T) {
	d, folder, foreign := open(t), t.TempDir(), t.TempDir()
	want := output(finish(t, d, Options{Folder: folder}))
	finish(t, d.WithSeed(1), Options{Folder: foreign})
	path := filepath.Join(folder, logName)
	log, err := os.ReadFile(path)
	require.NoError(t, err)
	others, err := os.ReadFile(filepath.Join(foreign, logName))
	require.NoError(t, err)
	lines := bytes.SplitAfter(log, []byte("\n"))
	digit := bytes.Replace(lines[1], []byte(`"completed":`), []byte(`"completed":1`), 1)
	require.NotEqual(t, lines[1], digit)
	for name, line := range map[string][]byte{"null": []byte("null\n"), "nothing": []byte("\n"), "nonsense": []byte("nonsense\n"), "a digit": digit,
		"another run": bytes.SplitAfter(others, []byte("\n"))[1]} {
		require.NoError(t, os.WriteFile(path, slices.Concat(lines[0], line, slices.Concat(lines[2:]...)), 0o644))
		var told []string
		r := finish(t, d, Options{Folder: folder, Resume: true, Warn: func(text string) { told = append(told, text) }})
		require.Equal(t, want, output(r), name)
		require.Len(t, told, 1, name)
		require.Contains(t, told[0], "lines 2; their sites are simulated anew", name)
		requireWhole(t, d, folder)
	}
}

// requireWhole demands that the log is a whole line for each site and nothing else.
func requireWhole(t *testing.T, d *Description, folder string) {
	c := &checkpoint{path: filepath.Join(folder, logName), run: string(d.manifest())}
	done, whole, err := c.read(d.Sites(), nil)
	require.NoError(t, err)
	require.Nil(t, whole, "all of the log is as it was written")
	require.Len(t, done, d.Sites())
}

// A bit that flips in any byte of the log takes its line away, or nothing. The last line may be taken for one that was cut off.
func TestEveryFlippedBitOfTheLogIsNoticed(t *testing.T) {
	d, folder := open(t), t.TempDir()
	finish(t, d, Options{Folder: folder})
	c := &checkpoint{path: filepath.Join(folder, logName), run: string(d.manifest())}
	log, err := os.ReadFile(c.path)
	require.NoError(t, err)
	lines := bytes.SplitAfter(log, []byte("\n"))
	for k, line := range lines[:2] { // the others differ in nothing
		for i := range line[:len(line)-1] {
			spoilt := bytes.Clone(line)
			spoilt[i] ^= 1 << (i % 8)
			_, err := c.parse(spoilt, d.Sites())
			require.Error(t, err, "line %d, byte %d", k+1, i)
		}
	}
	spoilt := bytes.Clone(log)
	spoilt[len(lines[0])-1] ^= 1 // two lines become one
	require.NoError(t, os.WriteFile(c.path, spoilt, 0o644))
	done, whole, err := c.read(d.Sites(), nil)
	require.NoError(t, err)
	require.Len(t, done, d.Sites()-2)
	require.Equal(t, slices.Concat(lines[2:]...), whole)
}

// Whatever fails, and whenever the process or the machine stops, a run that resumes ends with the undisturbed results, and with a log
// that holds nothing else.
func TestAFleetSurvivesFaultsAtEveryCall(t *testing.T) {
	d := open(t).Sized(4).WithRequests(20)
	want := output(finish(t, d, Options{}))
	faulty.Trial{
		Do: func(files durable.Files, root string) error {
			_, err := Run(context.Background(), d, Options{Folder: filepath.Join(root, "run"), Files: files})
			return err
		},
		After: func(t *testing.T, root string, _ faulty.Fault, told error) {
			folder := filepath.Join(root, "run")
			if told == nil {
				requireWhole(t, d, folder)
			}
			healthy, err := faulty.New(root, faulty.Fault{}) // a real disk would wait for each sync
			require.NoError(t, err)
			require.Equal(t, want, output(finish(t, d, Options{Folder: folder, Resume: true, Files: healthy})))
			requireWhole(t, d, folder)
		},
	}.Run(t)
}
