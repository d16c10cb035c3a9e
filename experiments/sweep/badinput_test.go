package sweep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/durable"
	"hidp/internal/durable/faulty"
)

const axisRate = "[[axis]]\nfield = \"rate\"\n"

func TestBadSweepFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":     {"[[axis]]\nfield = \"workload.arrivals.rat\"\nvalues = [\"1 /s\"]", `sweep.toml:4: axis[0].values[0]: workload.arrivals.rat: (axis workload.arrivals.rat = 1 /s) unknown key (did you mean "rate"?)`},
		"unknown top field": {"[[axis]]\nfield = \"rte\"\nvalues = [\"1 Mbit/s\"]", `did you mean "rate"`},
		"field of no table": {"[[axis]]\nfield = \"rate.max\"\nvalues = [1]", "rate.max"},
		"no such element":   {"[[axis]]\nfield = \"fault[3].at\"\nvalues = [\"1 s\"]", "no element [3]"},
		"wrong unit":        {axisRate + `values = ["20 Mbit/s", "30 MB"]`, `sweep.toml:4: axis[0].values[1]: rate: (axis rate = 30 MB) "30 MB" is a size, not a network rate`},
		"no unit":           {axisRate + "from = 20\nto = 50\nsteps = 4", "needs a unit"},
		"unknown strategy":  {"[[axis]]\nfield = \"strategy.name\"\nvalues = [\"single-gpu\", \"single-gpo\"]", `did you mean "single-gpu"`},
		"mixed units":       {axisRate + `from = "20 Mbit/s"` + "\n" + `to = "5 ms"`, "another unit than from"},
		"one with unit":     {axisRate + `from = "20 Mbit/s"` + "\nto = 50", "has no unit, but from has"},
		"empty grid":        {axisRate + "values = []", "is empty; the sweep would have no points"},
		"no axis":           {"", "axis: is missing"},
		"empty range":       {axisRate + `from = "20 Mbit/s"` + "\n" + `to = "20 Mbit/s"` + "\nsteps = 3", "the range is empty"},
		"log from zero":     {"[[axis]]\nfield = \"workload.batch\"\nfrom = 0\nto = 9\nscale = \"log\"\nsteps = 3", "begins above 0"},
		"one step":          {"[[axis]]\nfield = \"workload.batch\"\nfrom = 1\nto = 9\nsteps = 1", "from 2 to"},
		"both kinds":        {axisRate + "values = [\"1 Mbit/s\"]\nfrom = \"1 Mbit/s\"", "and has both"},
		"neither kind":      {axisRate, "and has neither"},
		"sampling unsaid":   {"[[axis]]\nfield = \"workload.batch\"\nfrom = 1\nto = 9", "write steps for them, or [sample]"},
		"nothing to sample": {"[sample]\nmethod = \"random\"\npoints = 4\n[[axis]]\nfield = \"workload.batch\"\nvalues = [1]", "no axis to sample"},
		"unknown method":    {"[sample]\nmethod = \"latin\"\npoints = 4\n[[axis]]\nfield = \"workload.batch\"\nfrom = 1\nto = 4", "write one of latin-hypercube, random"},
		"huge hypercube":    {"[sample]\nmethod = \"latin-hypercube\"\npoints = 4000000000\n[[axis]]\nfield = \"workload.batch\"\nfrom = 1\nto = 4", "write at most 50000000"},
		"twice":             {axisRate + "values = [\"1 Mbit/s\"]\n" + axisRate + "values = [\"2 Mbit/s\"]", "has an axis already"},
		"one name":          {axisRate + "name = \"load\"\nvalues = [\"1 Mbit/s\"]\n[[axis]]\nfield = \"workload.batch\"\nname = \"load\"\nvalues = [1]", `name: "load" is the name of the axis over rate already; write another name`},
		"units":             {"constraints = [\"rate > '10 ms'\"]\n" + axisRate + "values = [\"1 Mbit/s\"]", "sweep.toml:2: constraints[0]: has a value in bit/s before and a value in s after >, which are of different kinds"},
		"below another":     {"[[axis]]\nfield = \"strategy\"\nvalues = [{name = \"single-gpu\"}]\n[[axis]]\nfield = \"strategy.name\"\nvalues = [\"single-gpu\"]", "has an axis already"},
		"value twice":       {"[[axis]]\nfield = \"workload.batch\"\nvalues = [1, 2, 1]", "listed already"},
		"taken name":        {"[[axis]]\nfield = \"workload.batch\"\nname = \"latency_p99\"\nvalues = [1]", "another column"},
		"astronomical":      {axes("workload.batch", "workload.requests", "seed", "workload.horizon"), "more than 10^18 combinations"},
		"constraint name":   {"constraints = [\"bach > 1\"]\n[[axis]]\nfield = \"workload.batch\"\nname = \"batch\"\nvalues = [1]", `sweep.toml:2: constraints[0]: has the unknown name "bach" (did you mean "batch"?)`},
		"constraint number": {"constraints = [\"batch + 1\"]\n[[axis]]\nfield = \"workload.batch\"\nname = \"batch\"\nvalues = [1]", "write a comparison"},
		"nothing left":      {"constraints = [\"batch > 1\"]\n[[axis]]\nfield = \"workload.batch\"\nname = \"batch\"\nvalues = [1]", "no point satisfies"},
		"replications":      {"[replications]\ncount = 0\n[[axis]]\nfield = \"workload.batch\"\nvalues = [1]", "replications.count: is 0"},
		"adaptive":          {"[replications]\nmin = 1\nmax = 0\nmetric = \"latency_p9\"\n[[axis]]\nfield = \"workload.batch\"\nvalues = [1]", "an interval needs at least 2 runs"},
		"seeds twice":       {"[replications]\ncount = 2\n[[axis]]\nfield = \"seed\"\nvalues = [1]", "have seeds of their own"},
		"unknown key":       {"[[axis]]\nfield = \"workload.batch\"\nvalue = [1]", `did you mean "values"`},
		"no path":           {"[[axis]]\nfield = \"a..b\"\nvalues = [1]", "is no path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, "sweep.toml", "scenario = \"base.toml\"\n"+c.text, "base.toml", small))
			require.ErrorContains(t, err, c.want)
			require.Contains(t, err.Error(), "sweep.toml")
		})
	}
}

// axes are a million values for every field.
func axes(fields ...string) string {
	text := ""
	for _, f := range fields {
		text += "[[axis]]\nfield = \"" + f + "\"\nfrom = 1\nto = 1000000\nsteps = 1000000\n"
	}
	return text
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Load(write(t, "sweep.toml", `scenario = "base.toml"
[[axis]]
field = "network.rate"
values = ["20 Mbit/s"]
[[axis]]
field = "platform.rate"
values = ["20 Mbit/s"]
[[axis]]
field = "workload.arrivals.rate"
values = ["20 Mbit/s", "3 /s"]
[[axis]]
field = "workload.batch"
values = [1, "many", 0]
`, "base.toml", small))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 5)
	for i, want := range []string{"sweep.toml:4: axis[0].values[0]: network: ", "sweep.toml:6: axis[1].field: platform.rate: what should hold", "sweep.toml:10: axis[2].values[0]: workload.arrivals.rate: ",
		"sweep.toml:13: axis[3].values[1]: workload.batch: (axis workload.batch = many) is the text", "sweep.toml:13: axis[3].values[2]: workload.batch: (axis workload.batch = 0) is 0"} {
		require.Contains(t, lines[i], want)
	}
}

func TestFaultsOfTheScenarioStandInItsFile(t *testing.T) {
	_, err := Load(write(t, "sweep.toml", "scenario = \"base.toml\"\n"+axisRate+"values = [\"1 Mbit/s\"]",
		"base.toml", strings.ReplaceAll(small, "requests = 5", "requests = 5\nbach = 2")))
	require.ErrorContains(t, err, "base.toml:11: workload.bach: unknown key")
	_, err = Load(write(t, "sweep.toml", axisRate+"values = [\"1 Mbit/s\"]\n[scenario]\nplatform = \"paper-wlan\"\n[scenario.strategy]\nnam = \"hidp\""))
	require.ErrorContains(t, err, "sweep.toml:7: scenario.strategy.nam: unknown key")
	_, err = Load(write(t, "sweep.toml", "scenario = \"none.toml\"\n"+axisRate+"values = [\"1 Mbit/s\"]"))
	require.ErrorContains(t, err, "none.toml cannot be read")
	_, err = Load(filepath.Join(t.TempDir(), "none.toml"))
	require.ErrorContains(t, err, "cannot be read")
}

const tiny = "[[axis]]\nfield = \"workload.batch\"\nvalues = [1, 2, 4]\n"

func TestFoldersThatDoNotFit(t *testing.T) {
	s := load(t, tiny)
	dir := t.TempDir()
	_, err := Run(context.Background(), s, dir, Options{ShardSize: 1})
	require.NoError(t, err)
	var folder *FolderError
	_, err = Run(context.Background(), s, dir, Options{})
	require.ErrorAs(t, err, &folder)
	require.ErrorContains(t, err, "add --resume")
	_, err = Run(context.Background(), load(t, grid), dir, Options{Resume: true})
	require.ErrorAs(t, err, &folder)
	require.ErrorContains(t, err, "holds another sweep")
	_, err = Run(context.Background(), s, dir, Options{Resume: true})
	require.NoError(t, err, "nothing is left to do")
	require.ErrorContains(t, ExecShard(context.Background(), dir, 3), "there are 3, from 0")
	require.ErrorContains(t, Merge(dir, filepath.Join(dir, "m.xlsx")), "neither .parquet nor .csv")

	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "thesis.tex"), nil, 0o644))
	_, err = Run(context.Background(), s, foreign, Options{})
	require.ErrorContains(t, err, "there is thesis.tex")
}

func TestWhatAnInterruptedBeginningLeftIsNoObstacle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out [1]*")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "shards"), 0o755))
	for _, name := range []string{".manifest.json.123.new", "sweep.toml", ".scenario.toml.77.new", "shards/.000001.parquet.5.new"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o644))
	}
	_, err := Run(context.Background(), load(t, tiny), dir, Options{})
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 4, "manifest, sweep, scenario, shards")
	require.NoFileExists(t, filepath.Join(dir, "shards/.000001.parquet.5.new"))
}

func TestShardsThatDoNotBelong(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for dir, text := range map[string]string{one: tiny, other: "seed = 9\n" + tiny} {
		_, err := Run(context.Background(), load(t, text), dir, Options{ShardSize: 1})
		require.NoError(t, err)
	}
	out := filepath.Join(t.TempDir(), "m.parquet")
	swap := func(from string) {
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(one, shardName(1)), data, 0o644))
	}
	swap(filepath.Join(other, shardName(1)))
	require.ErrorContains(t, Merge(one, out), "is of another sweep")
	swap(filepath.Join(one, shardName(0)))
	require.ErrorContains(t, Merge(one, out), "is of another shard")
	swap(filepath.Join(one, manifestName))
	require.ErrorContains(t, Merge(one, out), "is no whole Parquet file")
	require.NoError(t, os.Remove(filepath.Join(one, shardName(1))))
	err := Merge(one, out)
	var incomplete *IncompleteError
	require.ErrorAs(t, err, &incomplete)
	require.ErrorContains(t, err, "1 of 3 shards are missing (the first is 1)")
	require.NoFileExists(t, out)
}

func TestOtherVersionsAndInputsAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := write(t, "sweep.toml", "scenario = \"base.toml\"\n"+tiny, "base.toml",
		strings.ReplaceAll(strings.ReplaceAll(small, `"poisson"`, `"trace"`), `rate = "20 /s"`, `file = "t.csv"`), "t.csv", "time_s,model\n0,squeezenet1_1\n")
	s, err := Load(path)
	require.NoError(t, err)
	m, err := Prepare(context.Background(), s, dir, Options{})
	require.NoError(t, err)
	require.Contains(t, m.Inputs, "t.csv")
	require.NoError(t, ExecShard(context.Background(), dir, 0))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "inputs", "t.csv"), []byte("time_s,model\n1,squeezenet1_1\n"), 0o644))
	require.ErrorContains(t, ExecShard(context.Background(), dir, 1), "another content of "+filepath.Join(dir, "inputs", "t.csv"))
	m.Version = "v0"
	require.NoError(t, m.write(store{dir, durable.Disk{}}))
	require.ErrorContains(t, ExecShard(context.Background(), dir, 1), `version "v0"`)
}

func TestLargeSweepsNeedConfirmation(t *testing.T) {
	s := load(t, "[[axis]]\nfield = \"workload.batch\"\nfrom = 1\nto = 60000\nsteps = 60000\n[[axis]]\nfield = \"seed\"\nfrom = 1\nto = 100000\nsteps = 100000\n")
	dir := filepath.Join(t.TempDir(), "out")
	_, err := Run(context.Background(), s, dir, Options{})
	var confirm *ConfirmError
	require.ErrorAs(t, err, &confirm)
	require.ErrorContains(t, err, "add --yes")
	require.Equal(t, int64(6e9), confirm.Estimate.Points)
	require.NoDirExists(t, dir)
	m, err := Prepare(context.Background(), s, dir, Options{Yes: true})
	require.NoError(t, err)
	require.Less(t, m.Shards(), mostShards+1)
}

func TestReadOnlyFolder(t *testing.T) {
	parent := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(parent, "file"), nil, 0o644))
	_, err := Run(context.Background(), load(t, tiny), filepath.Join(parent, "file", "out"), Options{})
	require.ErrorContains(t, err, "file")
	if os.Geteuid() == 0 {
		return // root may write anywhere
	}
	require.NoError(t, os.Chmod(parent, 0o555))
	_, err = Run(context.Background(), load(t, tiny), filepath.Join(parent, "out"), Options{})
	require.ErrorContains(t, err, "choose a folder that you may write to")
}

func TestCancelledSweepKeepsWhatIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	s := load(t, strings.ReplaceAll(grid, "count = 3", "count = 200"))
	m, err := Prepare(ctx, s, dir, Options{ShardSize: 1})
	require.NoError(t, err)
	require.NoError(t, ExecShard(ctx, dir, 0))
	cancel()
	require.ErrorIs(t, ExecShard(ctx, dir, 1), context.Canceled)
	_, err = Run(ctx, s, dir, Options{Resume: true})
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
	state, err := Status(dir)
	require.NoError(t, err)
	require.Equal(t, []int{1, m.Shards() - 1}, []int{state.Done, len(state.Missing)})
	entries, err := os.ReadDir(filepath.Join(dir, "shards"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
}

func TestFullDiskLosesNothing(t *testing.T) {
	dir := t.TempDir()
	s := load(t, tiny)
	_, err := Prepare(context.Background(), s, dir, Options{ShardSize: 1})
	require.NoError(t, err)
	require.NoError(t, ExecShard(context.Background(), dir, 0))
	disk, err := faulty.New(dir, faulty.Fault{At: 2, Kind: faulty.Full}) // the write after the file was opened
	require.NoError(t, err)
	_, err = Run(context.Background(), s, dir, Options{Resume: true, Files: disk})
	require.ErrorContains(t, err, "no space left on device; free some space and try again; then go on with --resume")
	entries, err := os.ReadDir(filepath.Join(dir, "shards"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "the part that was written is gone")
	_, err = Run(context.Background(), s, dir, Options{Resume: true})
	require.NoError(t, err)
	rows, _ := mergedFrom(t, dir)
	want, _ := merged(t, s, Options{})
	require.Equal(t, want, rows)
}
