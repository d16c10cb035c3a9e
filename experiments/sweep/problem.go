package sweep

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hidp/experiments"
	"hidp/internal/input"
	"hidp/internal/strict"
)

// problemFile is the TOML of an optimization: a sweep whose axes are searched instead of enumerated.
type problemFile struct {
	sweepFile
	Objective string         `toml:"objective,required"`
	Goal      string         `toml:"goal"`       // "minimize" or "maximize"
	SubjectTo []string       `toml:"subject_to"` // comparisons of metrics
	Method    string         `toml:"method"`
	Runs      int            `toml:"runs"`   // simulations to spend
	Prices    map[string]any `toml:"prices"` // by board: 399, or "399 USD"
}

// The methods of Optimize.
const (
	CMAES   = "cma-es"
	Halving = "successive-halving"
)

// Problem is an optimization, checked and ready. It is immutable.
type Problem struct {
	Name     string
	Method   string // CMAES or Halving
	Runs     int
	Currency string // of prices; empty: none given

	sweep     *Sweep
	objective *expression
	sign      float64 // 1: minimize
	limits    []*expression
	prices    map[string]float64
}

// priceName is the sum of the prices of a platform's boards in expressions.
const priceName = "price"

// LoadProblem reads an optimization file. Its axes are as in a sweep file, ranges without steps included; objective and subject_to
// speak of metrics (means over the replications), of axes, and of price. All faults are reported at once.
func LoadProblem(path string) (*Problem, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return ParseProblem(path, data)
}

// ParseProblem is LoadProblem of the content of the file at path.
func ParseProblem(path string, data []byte) (*Problem, error) {
	var f problemFile
	problems, _ := strict.Parse(path, data, &f)
	s := &Sweep{source: sourceOf(path, data)}
	baseErr := s.read(problems, &f.sweepFile)
	s.sampling = sampling{method: "random", points: 1}
	if f.Sample != nil {
		problems.Faultf("sample", "does not go with an objective; write runs = 500 instead")
	}
	if s.repeat.metric >= 0 {
		problems.Faultf("replications", "stop at a width in sweeps only; write count")
	}
	if s.ownSeeds() {
		problems.Faultf("axis", "over seed would search for good luck; write replications.count")
	}
	p := &Problem{Name: s.Name, sweep: s, sign: 1}
	f.readGoal(problems, p)
	f.readPrices(problems, p)
	f.readExpressions(problems, p)
	if err := s.finish(problems, baseErr, true); err != nil {
		return nil, err
	}
	return p, nil
}

func (f *problemFile) readGoal(at *strict.Problems, p *Problem) {
	goals, methods := []string{"minimize", "maximize"}, []string{CMAES, Halving}
	switch f.Goal {
	case "", "minimize":
	case "maximize":
		p.sign = -1
	default:
		at.Faultf("goal", "is %q%s; write minimize or maximize", f.Goal, strict.Suggest(f.Goal, goals))
	}
	p.Runs = f.Runs
	if !at.Has("runs") {
		p.Runs = 500
	}
	const most = 10_000_000
	if p.Runs < 1 || p.Runs > most {
		at.Faultf("runs", "is %d; write a number of simulations from 1 to %d", p.Runs, most)
	}
	listed := slices.IndexFunc(p.sweep.axes, func(a axis) bool { return a.span == nil || len(a.values) > 0 })
	switch p.Method = f.Method; {
	case f.Method == "" && listed < 0:
		p.Method = CMAES
	case f.Method == "":
		p.Method = Halving
	case !slices.Contains(methods, f.Method):
		at.Faultf("method", "is %q%s; write one of %s", f.Method, strict.Suggest(f.Method, methods), joined(methods))
	case f.Method == CMAES && listed >= 0:
		at.Faultf("method", "cma-es searches ranges, and the axis over %s has a list or steps; write from and to alone, or method = %q",
			p.sweep.axes[listed].field, Halving)
	}
}

func (f *problemFile) readPrices(at *strict.Problems, p *Problem) {
	p.prices = map[string]float64{}
	for _, board := range slices.Sorted(maps.Keys(f.Prices)) {
		key := strict.Key("prices", board)
		currency := ""
		switch x := f.Prices[board].(type) {
		case int64:
			p.prices[board] = float64(x)
		case float64:
			p.prices[board] = x
		case string:
			amount, word, _ := strings.Cut(strings.TrimSpace(x), " ")
			price, err := strconv.ParseFloat(amount, 64)
			if err != nil {
				at.Faultf(key, "%q is no price; write 399 or \"399 USD\"", x)
			}
			p.prices[board], currency = price, strings.TrimSpace(word)
		default:
			at.Faultf(key, "is no price; write 399 or \"399 USD\"")
		}
		if !(p.prices[board] >= 0) {
			at.Faultf(key, "%v is no price; write zero or more", p.prices[board])
		}
		if len(p.prices) > 1 && currency != p.Currency {
			at.Faultf(key, "is in %q and others are in %q; write all prices in one currency", currency, p.Currency)
		}
		p.Currency = currency
	}
}

func (f *problemFile) readExpressions(at *strict.Problems, p *Problem) {
	known := p.names()
	e, err := compile(f.Objective, known)
	switch {
	case err != nil:
		at.Faultf("objective", "%v", err)
	case e.root.kind != aNumber:
		at.Faultf("objective", "is %s; write a number such as energy_serving", e.root.kind)
	}
	p.objective = e
	for i, text := range f.SubjectTo {
		key := strict.Index("subject_to", i)
		e, err := compile(text, known)
		switch {
		case err != nil:
			at.Faultf(key, "%v", err)
		case e.root.kind != aTruth:
			at.Faultf(key, "is %s; write a comparison such as %q", e.root.kind, `latency_p99 <= "100 ms"`)
		default:
			p.limits = append(p.limits, e)
		}
	}
}

// names lists what expressions may speak of: metrics, axes, and the price if there are prices.
func (p *Problem) names() (known []variable) {
	for _, m := range metrics() {
		known = append(known, variable{m.Name, aNumber, unitOf(m.Unit)})
	}
	known = append(known, p.sweep.axisNames()...)
	if len(p.prices) > 0 {
		known = append(known, variable{priceName, aNumber, p.Currency})
	}
	return known
}

// price sums the prices of a platform's boards.
func (p *Problem) price(s *experiments.Scenario) (float64, error) {
	sum := 0.0
	for i := range s.Platform.Nodes {
		x, ok := p.prices[s.Platform.Nodes[i].Board]
		if !ok {
			return 0, &SpecError{fmt.Sprintf("%s: [prices] has none for the board %s; add it", p.sweep.source.path, s.Platform.Nodes[i].Board)}
		}
		sum += x
	}
	return sum, nil
}
