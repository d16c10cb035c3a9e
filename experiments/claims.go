package experiments

import (
	"fmt"
	"slices"
	"strings"

	"hidp/results"
)

// pairs returns the records of the subject and of each of the rivals under a reading and a choice: per model for lone requests,
// one for the mix in the closed loop. ok is false where the grid does not hold them.
func (g *grid) pairs(m metric, r reading, c choice, rivals ...string) (pairs [][2]Record, ok bool) {
	records, models := g.lone, g.models
	if m.name == "throughput" {
		records, models = g.loop, []string{""}
	}
	for _, model := range models {
		subject, ok := records[g.point(r, c, g.e.subject, model).key()]
		if !ok {
			return nil, false
		}
		for _, rival := range rivals {
			other, ok := records[g.point(r, c, rival, model).key()]
			if !ok {
				return nil, false
			}
			pairs = append(pairs, [2]Record{subject, other})
		}
	}
	return pairs, true
}

// change returns the mean change against the rivals, and how many of the pairs could not run. ok is false where none could, or
// where the grid does not hold the choice.
func (g *grid) change(m metric, r reading, c choice, rivals ...string) (change float64, missing int, ok bool) {
	pairs, held := g.pairs(m, r, c, rivals...)
	change, n := m.meanChange(pairs)
	return change, len(pairs) - n, held && n > 0
}

// claim is a published change beside ours: per rival and over all under the base assumptions, and over the grid.
type claim struct {
	reading string
	metric  string
	claimed published
	rivals  []float64 // by rival; NaN-free: see ran
	ran     []bool
	mean    float64
	meanRan bool
	spread  results.Spread // over the choices
	reached float64        // share of the choices where the published change is reached
	choices int
	missing int // choices in which some pair could not run and is left out of the mean
}

// claims evaluates every published change under every reading.
func (g *grid) claims() []claim {
	var all []claim
	for _, p := range g.e.published {
		m := metricOf(p.Metric)
		for _, r := range g.e.readings {
			c := claim{reading: r.Name, metric: p.Metric, claimed: p}
			for _, rival := range g.e.rivals {
				change, _, ok := g.change(m, r, g.base(), rival)
				c.rivals, c.ran = append(c.rivals, change), append(c.ran, ok)
			}
			c.mean, _, c.meanRan = g.change(m, r, g.base(), g.e.rivals...)
			g.over(&c, m, r)
			all = append(all, c)
		}
	}
	return all
}

// over fills in the grid's part of a claim.
func (g *grid) over(c *claim, m metric, r reading) {
	var sample []float64
	reached := 0
	choices := g.choices()
	if m.name == "throughput" {
		choices = nil // measured for the first reading only
		if r.Name == g.e.readings[0].Name {
			choices = append([]choice{g.base()}, g.variations()...)
		}
	}
	for _, x := range choices {
		change, missing, ok := g.change(m, r, x, g.e.rivals...)
		if !ok {
			continue
		}
		sample = append(sample, change)
		if missing > 0 {
			c.missing++
		}
		if c.claimed.reached(change) {
			reached++
		}
	}
	if c.choices = len(sample); c.choices > 0 {
		c.spread, c.reached = results.Spreads(sample), float64(reached)/float64(len(sample))
	}
}

// shift is what one assumption does on its own: the mean change of every published metric with one question answered otherwise.
type shift struct {
	question, value string
	base            bool
	changes         []float64 // by published metric
	ok              []bool
}

// shifts answers each question in turn, under the first reading; every question begins with its base value.
func (g *grid) shifts() []shift {
	var all []shift
	for q := range g.e.open {
		for x, value := range g.values(q) {
			c := g.base()
			c[q] = x
			s := shift{question: g.e.open[q].Name, value: value, base: x == 0}
			for _, p := range g.e.published {
				change, _, ok := g.change(metricOf(p.Metric), g.e.readings[0], c, g.e.rivals...)
				s.changes, s.ok = append(s.changes, change), append(s.ok, ok)
			}
			all = append(all, s)
		}
	}
	return all
}

// mover is a question by how far its answers move a metric apart.
type mover struct {
	question string
	span     float64
}

// movers ranks the questions by the span of the i-th published metric over their answers, largest first.
func movers(shifts []shift, i int) []mover {
	var all []mover
	var lo, hi float64
	for k, s := range shifts {
		if k == 0 || s.question != shifts[k-1].question {
			all = append(all, mover{question: s.question})
			lo, hi = s.changes[i], s.changes[i]
		}
		if s.ok[i] {
			lo, hi = min(lo, s.changes[i]), max(hi, s.changes[i])
		}
		all[len(all)-1].span = hi - lo
	}
	slices.SortStableFunc(all, func(a, b mover) int {
		switch {
		case a.span > b.span:
			return -1
		case a.span < b.span:
			return 1
		}
		return strings.Compare(a.question, b.question)
	})
	return all
}

// geometric returns the change by the geometric mean of the ratios under the base assumptions and the first reading.
func (g *grid) geometric(m metric) (float64, bool) {
	pairs, ok := g.pairs(m, g.e.readings[0], g.base(), g.e.rivals...)
	var ratios []float64
	for _, p := range pairs {
		if change, ran := m.change(p[0], p[1]); ran {
			ratios = append(ratios, 1+change)
		}
	}
	mean, err := results.GeometricMean(ratios)
	return mean - 1, ok && err == nil
}

// leaveOut returns the mean change under the base assumptions and the first reading without one rival.
func (g *grid) leaveOut(m metric, rival string) (float64, bool) {
	rest := slices.DeleteFunc(slices.Clone(g.e.rivals), func(s string) bool { return s == rival })
	change, _, ok := g.change(m, g.e.readings[0], g.base(), rest...)
	return change, ok
}

// byModel returns the mean change over the rivals for one model under the base assumptions and the first reading.
func (g *grid) byModel(m metric, model string) (float64, bool) {
	one := *g
	one.models = []string{model}
	change, _, ok := one.change(m, g.e.readings[0], g.base(), g.e.rivals...)
	return change, ok
}

func percentOr(change float64, ok bool) string {
	if !ok {
		return "–"
	}
	return results.Percent(change)
}

func shareText(share float64) string { return fmt.Sprintf("%.0f %%", float64(100*share)) }
