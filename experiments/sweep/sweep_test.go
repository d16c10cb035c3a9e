package sweep

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/experiments"
	"hidp/results/plot"
)

// small is a scenario whose run takes well below a millisecond.
const small = `
platform = "board:jetson-tx2"
seed = 7

[strategy]
name = "single-gpu"

[workload]
models = ["squeezenet1_1"]
requests = 5

[workload.arrivals]
kind = "poisson"
rate = "20 /s"
`

// write puts files into a new folder and returns the path of the first.
func write(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644))
	}
	return filepath.Join(dir, files[0])
}

// load reads a sweep over the small scenario.
func load(t testing.TB, text string) *Sweep {
	t.Helper()
	s, err := Load(write(t, "sweep.toml", "scenario = \"base.toml\"\n"+text, "base.toml", small))
	require.NoError(t, err)
	return s
}

// merged runs a sweep in a new folder and returns its rows as CSV and as Parquet.
func merged(t testing.TB, s *Sweep, o Options) (rows, parquet string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	_, err := Run(context.Background(), s, dir, o)
	require.NoError(t, err)
	return mergedFrom(t, dir)
}

func mergedFrom(t testing.TB, dir string) (rows, parquet string) {
	t.Helper()
	var out []string
	for _, name := range []string{"m.csv", "m.parquet"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, Merge(dir, path))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		out = append(out, string(data))
	}
	return out[0], out[1]
}

// table cuts CSV without quotes into rows by column name.
func table(t testing.TB, text string) []map[string]string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	header := strings.Split(lines[0], ",")
	var rows []map[string]string
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, x := range strings.SplitN(l, ",", len(header)) {
			row[header[i]] = x
		}
		rows = append(rows, row)
	}
	return rows
}

const grid = `
constraints = ['workload.batch <= 2 or load < "30 /s"']

[[axis]]
field = "workload.batch"
values = [1, 2, 4]

[[axis]]
field = "workload.arrivals.rate"
name = "load"
from = "10 /s"
to = "40 /s"
steps = 4

[replications]
count = 3
`

func TestGridInOrderWithPairedSeeds(t *testing.T) {
	s := load(t, grid)
	csv, _ := merged(t, s, Options{})
	rows := table(t, csv)
	require.Len(t, rows, (12-2)*3)
	require.Equal(t, []string{"1", "10", "0", "7"}, []string{rows[0]["workload.batch"], rows[0]["load"], rows[0]["replication"], rows[0]["seed"]})
	arrivals := map[string]string{} // replication and load fix the arrivals, whatever the batch
	for i, r := range rows {
		require.Empty(t, r["error"])
		require.False(t, r["workload.batch"] == "4" && (r["load"] == "30" || r["load"] == "40"), "row %d breaks the constraint", i)
		require.Equal(t, "5", r["completed"])
		require.Equal(t, []string{"7", fmt.Sprint(i % 3)}, []string{r["seed"], r["replication"]})
		if r["workload.batch"] == "1" {
			arrivals[r["replication"]+" "+r["load"]] = r["makespan"]
		}
	}
	require.Len(t, arrivals, 12)
}

func TestRowsAreRunsOfTheScenario(t *testing.T) {
	csv, _ := merged(t, load(t, grid), Options{})
	for _, r := range table(t, csv) {
		if r["load"] != "20" || r["workload.batch"] != "2" {
			continue
		}
		text := strings.ReplaceAll(strings.ReplaceAll(small, `"20 /s"`, `"20 /s" # as it is`), "requests = 5", "requests = 5\nbatch = 2")
		one, err := experiments.Parse("one.toml", []byte(text))
		require.NoError(t, err)
		replication, err := strconv.Atoi(r["replication"])
		require.NoError(t, err)
		out, err := one.Run(context.Background(), experiments.Overrides{Replication: replication})
		require.NoError(t, err)
		column := Column{Type: "float"}
		require.Equal(t, column.text(&cell{number: out.Summary.Latency.Mean}), r["latency_mean"])
		require.Equal(t, column.text(&cell{number: out.Summary.EnergyPlatform}), r["energy_platform"])
	}
}

// Sweeps under neighbouring seeds share no run: their requests never come at the same times.
func TestNeighbouringSeedsShareNoRun(t *testing.T) {
	text := "[[axis]]\nfield = \"workload.batch\"\nvalues = [1]\n[replications]\ncount = 20\n"
	seen := map[string]bool{}
	for _, seed := range []string{"1", "2"} {
		csv, _ := merged(t, load(t, "seed = "+seed+"\n"+text), Options{})
		for _, r := range table(t, csv) {
			require.Equal(t, seed, r["seed"])
			require.False(t, seen[r["makespan"]], "replication %s of seed %s was there before", r["replication"], seed)
			seen[r["makespan"]] = true
		}
	}
	require.Len(t, seen, 40)
}

// A run in which nothing is completed has no latency and no serving energy: the cells are null, and figures leave the point out.
func TestRunsThatCompleteNothingHaveNullCells(t *testing.T) {
	s, err := Parse("lost.toml", []byte(lost+"[replications]\ncount = 2\n"))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "out")
	_, err = Run(context.Background(), s, dir, Options{})
	require.NoError(t, err)
	csv, _ := mergedFrom(t, dir)
	rows := table(t, csv)
	require.Len(t, rows, 4)
	for i, r := range rows {
		require.Empty(t, r["error"])
		for _, name := range []string{"latency_mean", "latency_p99", "energy_serving", "planning_time"} {
			require.Equal(t, i < 2, r[name] == "", "%s in row %d", name, i)
		}
		require.NotEmpty(t, r["energy_platform"])
	}
	f, err := Figure(dir, PlotSpec{Kind: "line", X: "at", Y: "latency_mean"})
	require.NoError(t, err)
	require.Len(t, f.Panels[0].(plot.Lines).Curves[0].X, 1)
	require.Contains(t, f.Note, "2 runs that completed nothing left out")
	_, err = Figure(dir, PlotSpec{Kind: "line", X: "at", Y: "latency_mean", Where: "latency_mean <= 1 and completed == 0"})
	require.ErrorContains(t, err, "nothing to draw")
}

// lost loses the leader before or after it serves its requests.
const lost = `
[scenario]
platform = "paper-wlan-2"
[scenario.strategy]
name = "single-best"
[scenario.workload]
models = ["squeezenet1_1"]
requests = 3
[scenario.workload.arrivals]
kind = "periodic"
interval = "100 ms"
[[scenario.fault]]
node = "jetson-tx2"
at = "1 s"
[[axis]]
field = "fault[0].at"
name = "at"
values = ["1 ms", "100 s"]
`

// Databases take names that differ only in case for one.
func TestAxisNamesThatDifferInCaseOnly(t *testing.T) {
	for name, column := range map[string]string{"Latency_Mean": "latency_mean", "Seed": "seed", "Point": "point", "ERROR": "error", "latency_mean": "latency_mean"} {
		_, err := Parse("s.toml", []byte(strings.Replace(lost, `name = "at"`, "name = \""+name+"\"", 1)))
		require.ErrorContains(t, err, "is the name of another column, "+column, name)
	}
	_, err := Parse("s.toml", []byte(lost+"[[axis]]\nfield = \"workload.batch\"\nname = \"AT\"\nvalues = [1, 2]\n"))
	require.ErrorContains(t, err, "is the name of the axis over")
}

func TestRowsDoNotDependOnWorkersAndShards(t *testing.T) {
	for _, text := range []string{grid, sampled} {
		wantRows, wantBytes := merged(t, load(t, text), Options{Jobs: 1, ShardSize: 1000})
		for _, o := range []Options{{Jobs: 3, ShardSize: 1}, {Jobs: 2, ShardSize: 5}, {}} {
			rows, bytes := merged(t, load(t, text), o)
			require.Equal(t, wantRows, rows)
			require.Equal(t, wantBytes, bytes)
		}
	}
}

const sampled = `
[[axis]]
field = "workload.arrivals.rate"
name = "load"
from = "1 /s"
to = "100 /s"
scale = "log"

[[axis]]
field = "workload.batch"
values = [1, 2, 4, 8]
sample = true

[[axis]]
field = "strategy.name"
values = ["single-gpu", "single-cpu"]

[sample]
method = "latin-hypercube"
points = 40
`

func TestLatinHypercubeHitsEveryStratumOnce(t *testing.T) {
	s := load(t, sampled)
	p := newSpace(s)
	settings, batches, hit := make([]setting, 3), map[float64]int{}, map[int]bool{}
	for i := range int64(40) {
		p.settings(2*i, settings, nil)
		place := math.Log(settings[0].value) / math.Log(100)
		hit[int(40*place)] = true
		batches[settings[1].value]++
		first := settings[0].text
		p.settings(2*i+1, settings, nil)
		require.Equal(t, first, settings[0].text, "strategies meet the same samples")
	}
	require.Len(t, hit, 40)
	require.Equal(t, map[float64]int{1: 10, 2: 10, 4: 10, 8: 10}, batches)
}

func TestRandomSamplesAreSpreadAndRepeatable(t *testing.T) {
	text := strings.ReplaceAll(strings.ReplaceAll(sampled, "latin-hypercube", "random"), "points = 40", "points = 4000")
	a, b := newSpace(load(t, text)), newSpace(load(t, "seed = 8\n"+text))
	x, y := make([]setting, 3), make([]setting, 3)
	mean, same := 0.0, 0
	for i := range int64(4000) {
		a.settings(2*i, x, nil)
		b.settings(2*i, y, nil)
		mean += math.Log(x[0].value) / math.Log(100) / 4000
		if x[0].text == y[0].text {
			same++
		}
	}
	require.InDelta(t, 0.5, mean, 0.02, "of 4000 uniform places; 4 standard errors")
	require.Less(t, same, 5, "another seed, other samples")
	a.settings(17, x, nil)
	newSpace(load(t, text)).settings(17, y, nil)
	require.Equal(t, x, y)
}

func TestReplicationsStopWhenTheIntervalIsNarrow(t *testing.T) {
	csv, _ := merged(t, load(t, `
[[axis]]
field = "workload.arrivals.rate"
values = ["0.1 /s", "200 /s"]

[replications]
min = 3
max = 40
metric = "latency_mean"
width = "10 %"
`), Options{})
	runs := map[string]int{}
	for _, r := range table(t, csv) {
		runs[r["workload.arrivals.rate"]]++
	}
	require.Equal(t, 3, runs["0.1"], "without queueing all runs are alike")
	require.Greater(t, runs["200"], 3)
}

func TestFailuresAreRowsAndTheRestGoesOn(t *testing.T) {
	csv, _ := merged(t, load(t, `
[[axis]]
field = "platform"
values = ["board:jetson-tx2", "paper-wlan"]

[[axis]]
field = "leader"
values = ["jetson-tx2", "jetson-nano"]
`), Options{})
	rows := table(t, csv)
	require.Len(t, rows, 4)
	require.Empty(t, rows[0]["error"])
	require.Contains(t, rows[1]["error"], "jetson-nano")
	require.Empty(t, rows[1]["latency_mean"])
	require.Empty(t, rows[3]["error"])
}

func TestListsAndTablesAsValues(t *testing.T) {
	csv, _ := merged(t, load(t, `
[[axis]]
field = "workload.models"
values = [["squeezenet1_1"], ["squeezenet1_1", "mobilenet_v2"]]

[[axis]]
field = "strategy"
values = [{name = "single-gpu"}, {name = "single-cpu"}]
labels = ["gpu", "cpu"]
`), Options{})
	rows := table(t, csv)
	require.Len(t, rows, 4)
	require.Equal(t, "squeezenet1_1+mobilenet_v2", rows[3]["workload.models"])
	require.Equal(t, "cpu", rows[3]["strategy"])
}
