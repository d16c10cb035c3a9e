package hidp

import (
	"fmt"

	"hidp/strategies/plan"
)

// choice keeps the candidate plan with the best forecast.
type choice struct {
	p         *planner
	objective string
	plan      *plan.Plan
	score     float64
	tight     string // why a candidate was refused
	seen      [][]stage
}

// try considers the plan of some stages, found in scope x, and then plans with better balanced shares.
func (c *choice) try(x scope, stages []stage) {
	if stages == nil || c.known(stages) {
		return
	}
	if score, ok := c.consider(x, stages); ok && score < c.score*hopeful {
		c.refine(x, stages, score)
	}
}

// hopeful is how much worse than the best plan so far a plan may be for its shares to be refined: refining has not been seen to gain
// a third.
const hopeful = 1.5

// consider forecasts the plan of some stages, keeps it if it is the best so far, and returns its score, or ok false if it does not
// fit.
func (c *choice) consider(x scope, stages []stage) (score float64, ok bool) {
	p, err := c.p.emit(stages, x.data.halo)
	if err != nil {
		c.tight = err.Error()
		return 0, false
	}
	for _, s := range plan.Shortages(p, c.p.r.Graph, c.p.b.Platform) {
		c.tight = fmt.Sprintf("node %s has %d kB of memory; what fits elsewhere leaves %d kB there", c.p.b.Platform.Nodes[s.Node].Name,
			s.Have>>10, s.Need.Total()>>10)
		return 0, false
	}
	score = c.forecast(p)
	if c.plan == nil || score < c.score {
		c.plan, c.score = p, score
	}
	return score, true
}

// known reports whether the same stages have been considered, and remembers them.
func (c *choice) known(stages []stage) bool {
	for _, s := range c.seen {
		if equal(s, stages) {
			return true
		}
	}
	c.seen = append(c.seen, stages)
	return false
}

func equal(a, b []stage) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].from != b[i].from || a[i].to != b[i].to || a[i].samples != b[i].samples || len(a[i].leaves) != len(b[i].leaves) {
			return false
		}
		for k := range a[i].leaves {
			if a[i].leaves[k] != b[i].leaves[k] {
				return false
			}
		}
	}
	return true
}

func (c *choice) forecast(p *plan.Plan) float64 {
	f := plan.Forecast(p, c.p.r.Graph, c.p.b)
	switch c.objective {
	case "energy":
		return f.Energy
	case "edp":
		return float64(f.Energy * f.Latency.Seconds())
	}
	return f.Latency.Seconds()
}

// answer returns the plan kept.
func (c *choice) answer() (*plan.Plan, error) {
	if c.plan == nil {
		reason := c.tight
		if reason == "" {
			reason = "no plan connects the nodes"
		}
		return nil, &plan.InfeasibleError{Reason: reason}
	}
	if w := c.p.c.warning; w != "" {
		c.plan.Warnings = append(c.plan.Warnings, w)
	}
	return c.plan, nil
}
