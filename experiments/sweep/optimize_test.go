package sweep

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/experiments"
)

func problem(t testing.TB, text string) *Problem {
	t.Helper()
	p, err := ParseProblem(write(t, "problem.toml", "", "base.toml", small), []byte("scenario = \"base.toml\"\n"+text))
	require.NoError(t, err)
	return p
}

// boards asks for the cheapest board that is fast enough.
const boards = `
objective = "price"
subject_to = ['latency_p99 <= "60 ms"', "failed == 0"]

[[axis]]
field = "platform"
values = ["board:jetson-tx2", "board:jetson-nano", "board:raspberry-pi-5", "board:jetson-agx-orin"]

[[axis]]
field = "strategy.name"
name = "strategy"
values = ["single-gpu", "single-cpu"]

[replications]
count = 4

[prices]
jetson-tx2 = "399 USD"
jetson-nano = "149 USD"
raspberry-pi-5 = "80 USD"
jetson-agx-orin = "1999 USD"
`

// A candidate whose runs complete nothing is not the best because its latency is zero: it has none.
func TestLostRunsAreNotTheOptimum(t *testing.T) {
	for _, objective := range []string{"latency_p99", "energy_serving", "energy_platform", "2 * latency_mean"} {
		p, err := ParseProblem("opt.toml", []byte("objective = \""+objective+"\"\nruns = 8\n"+lost+"[replications]\ncount = 2\n"))
		require.NoError(t, err)
		o, err := Optimize(context.Background(), p, OptimizeOptions{})
		require.NoError(t, err)
		require.Equal(t, "100 s", o.Candidates[0].Settings[0].Text, objective)
		require.Greater(t, o.Candidates[0].Objective, 0.0)
		require.Contains(t, o.Candidates[1].Failure, "no request was completed")
		require.NotContains(t, o.Table().Text(false), "NaN")
	}
	_, err := ParseProblem("opt.toml", []byte("objective = \"energy_per_request\"\nruns = 8\n"+lost))
	require.ErrorContains(t, err, "write energy_serving")
}

func TestCheapestBoardThatIsFastEnough(t *testing.T) {
	p := problem(t, boards)
	require.Equal(t, Halving, p.Method)
	require.Equal(t, "USD", p.Currency)
	o, err := Optimize(context.Background(), p, OptimizeOptions{})
	require.NoError(t, err)
	require.True(t, o.Feasible)
	require.Equal(t, 8, o.Tried)

	best, price := "", 1e9 // by looking at all of them
	for _, a := range p.sweep.axes[0].values {
		for _, b := range p.sweep.axes[1].values {
			s, err := p.sweep.scenario([]setting{a, b})
			require.NoError(t, err)
			p99, failed := 0.0, int64(0)
			seed := uint64(7)
			for replication := range 4 {
				out, err := s.Run(context.Background(), experiments.Overrides{Seed: &seed, Replication: replication})
				require.NoError(t, err)
				p99 += out.Summary.Latency.P99 / 4
				failed += out.Summary.Failed
			}
			if x, err := p.price(s); err == nil && p99 <= 0.06 && failed == 0 && x < price {
				best, price = a.text, x
			}
		}
	}
	require.Equal(t, best, o.Candidates[0].Settings[0].Text)
	require.InDelta(t, price, o.Candidates[0].Objective, 0)
	require.Contains(t, o.Table().Text(false), best)
	text, err := p.Scenario(&o.Candidates[0])
	require.NoError(t, err)
	require.Contains(t, string(text), strconv.Quote(best))
}

const ranges = `
objective = "abs(batch - 7) + abs(latency_mean / latency_mean + log(load) - log(20) - 1)"
runs = 400

[[axis]]
field = "workload.batch"
name = "batch"
from = 1
to = 32

[[axis]]
field = "workload.arrivals.rate"
name = "load"
from = "1 /s"
to = "100 /s"
scale = "log"
`

func TestCMAFindsAKnownOptimum(t *testing.T) {
	p := problem(t, ranges)
	require.Equal(t, CMAES, p.Method)
	o, err := Optimize(context.Background(), p, OptimizeOptions{})
	require.NoError(t, err)
	require.Equal(t, "7", o.Candidates[0].Settings[0].Text)
	require.Less(t, o.Candidates[0].Objective, 0.1, "load is within 10 % of 20 /s")
}

func TestHalvingFindsAKnownOptimum(t *testing.T) {
	p := problem(t, strings.Replace(strings.Replace(ranges, "runs = 400", "runs = 600\nmethod = \"successive-halving\"", 1), "to = 32", "to = 32\nsteps = 32", 1))
	o, err := Optimize(context.Background(), p, OptimizeOptions{})
	require.NoError(t, err)
	require.LessOrEqual(t, o.Runs, 600)
	require.Less(t, o.Candidates[0].Objective, 1.5)
}

func TestTheOptimumDoesNotDependOnWorkers(t *testing.T) {
	for _, text := range []string{boards, ranges} {
		var want []Candidate
		for _, jobs := range []int{1, 2, 5} {
			o, err := Optimize(context.Background(), problem(t, text), OptimizeOptions{Jobs: jobs})
			require.NoError(t, err)
			if want == nil {
				want = o.Candidates
			}
			require.Equal(t, want, o.Candidates)
		}
	}
}

func TestLimitsThatNobodyKeeps(t *testing.T) {
	o, err := Optimize(context.Background(), problem(t, strings.ReplaceAll(boards, "60 ms", "1 us")), OptimizeOptions{})
	require.NoError(t, err)
	require.False(t, o.Feasible)
	require.Equal(t, "board:jetson-agx-orin", o.Candidates[0].Settings[0].Text, "the nearest is the fastest")
	require.Contains(t, o.Table().Text(false), "No candidate keeps all limits")
	_, err = Optimize(context.Background(), problem(t, `
objective = "price"
[[axis]]
field = "workload.batch"
values = [1, 2]
[prices]
jetson-nano = 149
`), OptimizeOptions{})
	require.ErrorContains(t, err, "has none for the board jetson-tx2")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, text := range []string{boards, ranges} {
		_, err = Optimize(ctx, problem(t, text), OptimizeOptions{})
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestHalvingKeepsItsBudget(t *testing.T) {
	p := problem(t, ranges)
	rapid.Check(t, func(t *rapid.T) {
		q := *p
		q.Runs = rapid.IntRange(1, 5000).Draw(t, "runs")
		s := &search{problem: &q}
		full := rapid.IntRange(1, 50).Draw(t, "full")
		n := s.entrants(1, 3, full)
		require.GreaterOrEqual(t, n, 1)
		if n > 1 {
			require.LessOrEqual(t, n, q.Runs)
		}
	})
}

func TestMirrorStaysInTheUnitInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		m := mirror(x)
		require.True(t, m >= 0 && m < 1)
		if x >= 0 && x < 1 {
			require.InDelta(t, x, m, 0)
		}
	})
}

func TestBadProblems(t *testing.T) {
	axis := "\n[[axis]]\nfield = \"workload.batch\"\nfrom = 1\nto = 4\n"
	for name, c := range map[string]struct{ text, want string }{
		"objective missing": {axis, "objective: is missing"},
		"objective unknown": {`objective = "latency_p98"` + axis, `did you mean "latency_p95"`},
		"price unknown":     {`objective = "price"` + axis, `unknown name "price"`},
		"truth":             {`objective = "failed == 0"` + axis, "write a number"},
		"limit":             {"objective = \"failed\"\nsubject_to = [\"failed\"]" + axis, "write a comparison"},
		"goal":              {"objective = \"failed\"\ngoal = \"minimise\"" + axis, `did you mean "minimize"`},
		"method":            {"objective = \"failed\"\nmethod = \"cmaes\"" + axis, `did you mean "cma-es"`},
		"method and steps":  {"objective = \"failed\"\nmethod = \"cma-es\"" + axis + "steps = 4", "has a list or steps"},
		"runs":              {"objective = \"failed\"\nruns = 0" + axis, "from 1 to"},
		"sample":            {"objective = \"failed\"\n[sample]\nmethod = \"random\"\npoints = 4" + axis, "write runs = 500"},
		"seed":              {"objective = \"failed\"\n[[axis]]\nfield = \"seed\"\nvalues = [1, 2]", "good luck"},
		"currencies":        {"objective = \"price\"" + axis + "[prices]\na = \"3 USD\"\nb = \"4 EUR\"", "one currency"},
		"price":             {"objective = \"price\"" + axis + "[prices]\na = \"cheap\"", "is no price"},
		"negative price":    {"objective = \"price\"" + axis + "[prices]\na = -3", "write zero or more"},
		"width":             {"objective = \"failed\"\n[replications]\nmin = 2\nmax = 4\nmetric = \"failed\"\nwidth = \"3 %\"" + axis, "in sweeps only"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadProblem(write(t, "problem.toml", "scenario = \"base.toml\"\n"+c.text, "base.toml", small))
			require.ErrorContains(t, err, c.want)
		})
	}
}
