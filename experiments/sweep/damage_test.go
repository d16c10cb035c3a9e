package sweep

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/durable"
	"hidp/internal/durable/faulty"
	"hidp/internal/sealed"
)

// few is a sweep of two points in two shards.
const few = "[[axis]]\nfield = \"workload.batch\"\nvalues = [1, 2]\n"

// began makes a complete folder of the sweep few and returns its rows.
func began(t *testing.T) (file, dir, rows string) {
	file = write(t, "sweep.toml", "scenario = \"base.toml\"\n"+few, "base.toml", small)
	dir = filepath.Join(t.TempDir(), "out")
	s, err := Load(file)
	require.NoError(t, err)
	_, err = Run(context.Background(), s, dir, Options{ShardSize: 1, Yes: true})
	require.NoError(t, err)
	return file, dir, rowsOf(t, dir)
}

func rowsOf(t *testing.T, dir string) string { return rowsOn(t, durable.Disk{}, dir) }

func rowsOn(t *testing.T, files durable.Files, dir string) string {
	out := filepath.Join(t.TempDir(), "m.csv")
	require.NoError(t, merge(files, dir, out))
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	return string(data)
}

func resume(file, dir string) error { return resumeOn(durable.Disk{}, file, dir) }

func resumeOn(files durable.Files, file, dir string) error {
	s, err := LoadIn(file, dir)
	if err == nil {
		_, err = Run(context.Background(), s, dir, Options{Jobs: 1, Resume: true, ShardSize: 1, Yes: true, Files: files})
	}
	return err
}

// A bit that flips in any byte of the manifest or of a shard is noticed by all that read it.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	_, dir, _ := began(t)
	m, err := ReadManifest(dir)
	require.NoError(t, err)
	for _, name := range []string{manifestName, shardName(1)} {
		whole, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		for i := range whole {
			spoilt := bytes.Clone(whole)
			spoilt[i] ^= 1 << (i % 8)
			if name == manifestName {
				_, err = parseManifest(dir, spoilt)
			} else {
				err = m.checkShard(1, spoilt)
			}
			require.Error(t, err, "%s, byte %d", name, i)
		}
	}
}

// What is damaged is named by verify, refused by merge, and made again by a run that resumes.
func TestDamageIsNamedAndMadeGood(t *testing.T) {
	file, dir, want := began(t)
	other, err := os.ReadFile(filepath.Join(dir, shardName(0)))
	require.NoError(t, err)

	for name, c := range map[string]struct {
		piece  string
		change func([]byte) []byte
	}{
		"flipped":       {shardName(1), func(b []byte) []byte { b[len(b)/3] ^= 1; return b }},
		"empty":         {shardName(1), func([]byte) []byte { return nil }},
		"cut":           {shardName(1), func(b []byte) []byte { return b[:len(b)-3] }},
		"another":       {shardName(1), func([]byte) []byte { return other }},
		"no Parquet":    {shardName(1), func([]byte) []byte { b := []byte("PAR1 " + sealed.Blank); sealed.Seal(b); return b }},
		"fewer points":  {manifestName, func(b []byte) []byte { return bytes.Replace(b, []byte(`"points": 2`), []byte(`"points": 1`), 1) }},
		"empty list":    {manifestName, func([]byte) []byte { return []byte("{}") }},
		"copied sweep":  {sweepName, func(b []byte) []byte { return bytes.Replace(b, []byte("2]"), []byte("3]"), 1) }},
		"copied scene":  {scenarioName, func(b []byte) []byte { return append(b, '\n') }},
		"missing sweep": {sweepName, nil},
	} {
		path := filepath.Join(dir, c.piece)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		if c.change == nil {
			require.NoError(t, os.Remove(path))
		} else {
			require.NoError(t, os.WriteFile(path, c.change(bytes.Clone(whole)), 0o644))
		}
		check, err := Verify(dir)
		require.NoError(t, err, name)
		require.Len(t, check.Damaged, 1, name)
		require.Contains(t, check.Damaged[0].Piece, filepath.Base(c.piece), name)
		if c.piece == manifestName || c.piece == shardName(1) {
			var damaged *DamagedError
			require.ErrorAs(t, Merge(dir, filepath.Join(t.TempDir(), "m.csv")), &damaged, name)
			require.Equal(t, path, damaged.Path, name)
		}
		require.NoError(t, resume(file, dir), name)
		require.Equal(t, want, rowsOf(t, dir), name)
		again, err := os.ReadFile(path)
		require.NoError(t, err)
		if c.piece != manifestName { // it holds how long a point took
			require.Equal(t, whole, again, name)
		}
		check, err = Verify(dir)
		require.NoError(t, err, name)
		require.Empty(t, check.Damaged, name)
		require.Equal(t, 2, check.Whole, name)
	}
}

func TestDamagedInputsAreCopiedAgain(t *testing.T) {
	scene := "platform = \"board:jetson-tx2\"\nseed = 7\n[strategy]\nname = \"single-gpu\"\n[workload]\nmodels = [\"squeezenet1_1\"]\n" +
		"[workload.arrivals]\nkind = \"trace\"\nfile = \"t.csv\"\n"
	file := write(t, "sweep.toml", "scenario = \"base.toml\"\n"+few, "base.toml", scene, "t.csv", "time_s,model\n0,squeezenet1_1\n")
	dir := filepath.Join(t.TempDir(), "out")
	s, err := Load(file)
	require.NoError(t, err)
	_, err = Run(context.Background(), s, dir, Options{ShardSize: 1, Yes: true})
	require.NoError(t, err)
	copied := filepath.Join(dir, "inputs", "t.csv")
	require.NoError(t, os.WriteFile(copied, []byte("time_s,model\n1,squeezenet1_1\n"), 0o644))
	check, err := Verify(dir)
	require.NoError(t, err)
	require.Equal(t, []Damage{{"inputs/t.csv", "is not what the sweep was begun with", -1}}, check.Damaged)
	require.NoError(t, resume(file, dir))
	check, err = Verify(dir)
	require.NoError(t, err)
	require.Empty(t, check.Damaged)

	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "t.csv"), []byte("time_s,model\n2,squeezenet1_1\n"), 0o644))
	require.NoError(t, os.Remove(copied))
	require.ErrorContains(t, resume(file, dir), "cannot be read", "the original has changed: it must not take the copy's place")
}

// Whatever fails, and whenever the process or the machine stops, what is there is whole, and a run that resumes ends with the
// undisturbed bytes.
func TestASweepSurvivesFaultsAtEveryCall(t *testing.T) {
	file, undisturbed, want := began(t)
	s, err := Load(file)
	require.NoError(t, err)
	shard, err := os.ReadFile(filepath.Join(undisturbed, shardName(1)))
	require.NoError(t, err)
	faulty.Trial{
		Do: func(files durable.Files, root string) error {
			_, err := Run(context.Background(), s, filepath.Join(root, "out"), Options{Jobs: 1, ShardSize: 1, Yes: true, Files: files})
			return err
		},
		After: func(t *testing.T, root string, _ faulty.Fault, told error) {
			dir := filepath.Join(root, "out")
			if _, err := os.Stat(filepath.Join(dir, manifestName)); err == nil {
				check, err := Verify(dir)
				require.NoError(t, err)
				require.Empty(t, check.Damaged)
				require.True(t, told != nil || check.Whole == 2, "the sweep said that all was well")
			} else {
				require.Error(t, told)
			}
			healthy, err := faulty.New(root, faulty.Fault{}) // a real disk would wait for each sync
			require.NoError(t, err)
			require.NoError(t, resumeOn(healthy, file, dir))
			require.Equal(t, want, rowsOn(t, healthy, dir))
			got, err := os.ReadFile(filepath.Join(dir, shardName(1)))
			require.NoError(t, err)
			require.True(t, bytes.Equal(shard, got))
		},
	}.Run(t)
}

// A merged file is there whole or not at all.
func TestAMergeSurvivesFaultsAtEveryCall(t *testing.T) {
	_, dir, want := began(t)
	faulty.Trial{
		Do: func(files durable.Files, root string) error { return merge(files, dir, filepath.Join(root, "m.csv")) },
		After: func(t *testing.T, root string, _ faulty.Fault, told error) {
			got, err := os.ReadFile(filepath.Join(root, "m.csv"))
			require.True(t, err == nil && string(got) == want || told != nil && os.IsNotExist(err))
		},
	}.Run(t)
}

// What another build computed does not count.
func TestShardsOfAnotherBuildDoNotCount(t *testing.T) {
	file, dir, want := began(t)
	m, err := ReadManifest(dir)
	require.NoError(t, err)
	ours := m.Version
	m.Version += " and changed"
	s, err := LoadIn(file, dir)
	require.NoError(t, err)
	e := newEvaluator(s)
	var out bytes.Buffer
	require.NoError(t, e.worker().writeShard(context.Background(), &out, m, 1, func(int64, int64) {}))
	sealed.Seal(out.Bytes())
	require.NoError(t, os.WriteFile(filepath.Join(dir, shardName(1)), out.Bytes(), 0o644))
	require.ErrorContains(t, Merge(dir, filepath.Join(t.TempDir(), "m.csv")), "is of another version of the program")
	state, err := Status(dir)
	require.NoError(t, err)
	require.Equal(t, []int{1}, state.Missing)
	require.NoError(t, resume(file, dir))
	require.Equal(t, want, rowsOf(t, dir))

	m.Version = ours + " and changed"
	require.NoError(t, m.write(store{dir, durable.Disk{}}))
	require.ErrorContains(t, resume(file, dir), "was begun by version")
}
