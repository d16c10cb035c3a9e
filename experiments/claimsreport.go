package experiments

import (
	"fmt"
	"slices"
	"strings"

	"hidp/internal/durable"
	"hidp/results"
)

// yield writes the claims down.
func (g *grid) yield() (*yield, error) {
	claims, shifts := g.claims(), g.shifts()
	main, sensitivity, parts := g.claimTable(claims), g.shiftTable(shifts), g.partTable()
	name := g.e.Name
	fields := []string{"model", "strategy", "batch", "leader", "rate", "runtime", "input"}
	for _, q := range g.e.open {
		if q.Strategy != "" {
			fields = append(fields, q.Field)
		}
	}
	fields = append(fields, "option data", "option split", "option halo", "seed", "replication")
	return &yield{
		tables: []results.Table{main, sensitivity},
		files: []durable.Output{
			{Name: name + ".csv", Data: g.claimCSV(claims, shifts)},
			{Name: name + ".md", Data: []byte(g.markdown(claims, shifts, main, sensitivity, parts))},
			{Name: name + ".records.csv", Data: recordTable(fields, g.records[0])},
			{Name: name + ".throughput.csv", Data: recordTable(fields[1:], g.records[1])},
		},
		simulations: len(g.records[0]) + len(g.records[1]),
		platform:    g.e.base.Platform.Name,
	}, nil
}

// claimTable is the main table: one row per metric and reading.
func (g *grid) claimTable(claims []claim) results.Table {
	columns := []string{"metric", "reading"}
	for _, r := range g.e.rivals {
		columns = append(columns, "vs "+g.e.method(r).Label)
	}
	columns = append(columns, "mean", "published", "grid: min", "median", "max", "reached", "points")
	t := results.Table{Title: g.e.Title, Columns: columns, Right: columns[2:]}
	for _, c := range claims {
		row := []string{c.metric, c.reading}
		for i, change := range c.rivals {
			row = append(row, percentOr(change, c.ran[i]))
		}
		row = append(row, percentOr(c.mean, c.meanRan), results.Percent(c.claimed.Change))
		if c.choices > 0 {
			row = append(row, results.Percent(c.spread.Min), results.Percent(c.spread.Median), results.Percent(c.spread.Max), shareText(c.reached), fmt.Sprint(c.choices))
		} else {
			row = append(row, "–", "–", "–", "–", "–")
		}
		t.Add(row...)
	}
	return t
}

// shiftTable shows what each assumption does on its own.
func (g *grid) shiftTable(shifts []shift) results.Table {
	t := results.Table{Title: "One assumption changed at a time (" + g.e.readings[0].Name + ")", Columns: []string{"assumption", "value"}}
	for _, p := range g.e.published {
		t.Columns = append(t.Columns, p.Metric)
	}
	t.Right = t.Columns[2:]
	for _, s := range shifts {
		value := s.value
		if s.base {
			value += " (base)"
		}
		row := []string{s.question, value}
		for i, change := range s.changes {
			row = append(row, percentOr(change, s.ok[i]))
		}
		t.Add(row...)
	}
	return t
}

// partTable shows what the means of the base assumptions consist of.
func (g *grid) partTable() results.Table {
	t := results.Table{Title: "What the mean consists of (base assumptions, " + g.e.readings[0].Name + ")", Columns: []string{"part"}}
	for _, p := range g.e.published {
		t.Columns = append(t.Columns, p.Metric)
	}
	t.Right = t.Columns[1:]
	add := func(part string, of func(metric) (float64, bool)) {
		row := []string{part}
		for _, p := range g.e.published {
			change, ok := of(metricOf(p.Metric))
			row = append(row, percentOr(change, ok))
		}
		t.Add(row...)
	}
	add("geometric mean of the ratios instead of the arithmetic", g.geometric)
	for _, rival := range g.e.rivals {
		add("without "+g.e.method(rival).Label, func(m metric) (float64, bool) { return g.leaveOut(m, rival) })
	}
	for _, model := range g.models {
		add(model+" only", func(m metric) (float64, bool) {
			if m.name == "throughput" {
				return 0, false // measured on the mix
			}
			return g.byModel(m, model)
		})
	}
	return t
}

// claimCSV is everything the tables show, one number per line.
func (g *grid) claimCSV(claims []claim, shifts []shift) []byte {
	t := results.Table{Columns: []string{"metric", "reading", "scope", "item", "value", "published", "reached"}}
	add := func(c claim, scope, item string, change float64, ok bool) {
		if !ok {
			t.Add(c.metric, c.reading, scope, item, "", results.Exact(c.claimed.Change), "")
			return
		}
		t.Add(c.metric, c.reading, scope, item, results.Exact(change), results.Exact(c.claimed.Change), fmt.Sprint(c.claimed.reached(change)))
	}
	for _, c := range claims {
		for i, r := range g.e.rivals {
			add(c, "base", r, c.rivals[i], c.ran[i])
		}
		add(c, "base", "mean of rivals", c.mean, c.meanRan)
		for item, x := range c.spreadItems() {
			add(c, "grid", item, x, c.choices > 0)
		}
		t.Add(c.metric, c.reading, "grid", "share of points that reach the published value", results.Exact(c.reached), results.Exact(c.claimed.Change), "")
		t.Add(c.metric, c.reading, "grid", "points", fmt.Sprint(c.choices), "", "")
	}
	for i, p := range g.e.published {
		c := claim{metric: p.Metric, reading: g.e.readings[0].Name, claimed: p}
		for _, s := range shifts {
			add(c, "one at a time: "+s.question, s.value, s.changes[i], s.ok[i])
		}
	}
	return t.CSV()
}

// spreadItems yields the names and values of the spread, in order.
func (c *claim) spreadItems() func(func(string, float64) bool) {
	return func(yield func(string, float64) bool) {
		_ = yield("min", c.spread.Min) && yield("median", c.spread.Median) && yield("max", c.spread.Max)
	}
}

// markdown is the report for people.
func (g *grid) markdown(claims []claim, shifts []shift, main, sensitivity, parts results.Table) string {
	var b strings.Builder
	para := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	para("# %s", g.e.Title)
	para("The abstract of the HiDP paper (DATE 2025, arXiv 2411.16086) states averages against “other relevant approaches”: %s. "+
		"Which approaches, networks and requests these are averages over is not known to us. Below they stand beside what this simulator gives, "+
		"once for every reading of what “data partitioning” splits. The base assumptions were written down before any number was computed "+
		"(docs/assumptions.md); what was changed in the program after results had been seen, and what that did, is listed there.", g.claimedText())
	para("## Result")
	for _, c := range claims {
		if c.reading == g.e.readings[0].Name {
			para("- %s", c.sentence())
		}
	}
	b.WriteString(untitled(main) + "\n")
	para("%s", g.caution(claims))
	para("%s", g.definitions(claims))
	para("## Which assumptions matter")
	for i, p := range g.e.published {
		para("- %s: %s.", p.Metric, moverText(movers(shifts, i)))
	}
	b.WriteString(untitled(sensitivity) + "\n")
	para("## %s", parts.Title)
	b.WriteString(untitled(parts) + "\n")
	para("The arithmetic mean of relative changes is dominated by the rival that is furthest away: a rate has no upper bound, so one " +
		"rival that ships much over a slow network makes the mean throughput gain look arbitrarily large. The rows above show what is left without each rival.")
	return b.String()
}

func untitled(t results.Table) string {
	t.Title = ""
	return t.Markdown()
}

func (g *grid) claimedText() string {
	var parts []string
	for _, p := range g.e.published {
		parts = append(parts, p.Metric+" "+results.Percent(p.Change))
	}
	return strings.Join(parts, ", ")
}

// sentence says plainly how our mean stands to the published one.
func (c *claim) sentence() string {
	if !c.meanRan {
		return fmt.Sprintf("**%s**: cannot be computed under the base assumptions.", c.metric)
	}
	text := fmt.Sprintf("**%s**: published %s, here %s under the base assumptions (%s): %s", c.metric, results.Percent(c.claimed.Change),
		results.Percent(c.mean), c.reading, distance(c.claimed, c.mean))
	if c.choices > 0 {
		text += fmt.Sprintf(" Over %d combinations of the assumptions looked at, %s to %s, median %s; %s of them reach the published value",
			c.choices, results.Percent(c.spread.Min), results.Percent(c.spread.Max), results.Percent(c.spread.Median), shareText(c.reached))
		return text + "."
	}
	return text
}

// distance words the gap between ours and the published change, in percentage points.
func distance(p published, ours float64) string {
	gap := float64(100 * (ours - p.Change))
	points := fmt.Sprintf("%.1f percentage points", max(gap, -gap))
	const near, far = 5, 25
	switch {
	case p.reached(ours) && max(gap, -gap) > far:
		return "**far more than published**, by " + points + "."
	case gap < near && gap > -near:
		return "within " + points + "."
	case p.reached(ours):
		return "a larger effect than published, by " + points + "."
	}
	return "**a smaller effect than published**, by " + points + "."
}

func moverText(all []mover) string {
	var parts []string
	for i, m := range all[:min(3, len(all))] {
		what := "then " + m.question
		if i == 0 {
			what = m.question + " moves it most"
		}
		parts = append(parts, fmt.Sprintf("%s (%.1f percentage points between its values)", what, float64(100*m.span)))
	}
	return strings.Join(parts, ", ")
}

// caution says what a mean close to the published one is worth, from how far the rivals are apart.
func (g *grid) caution(claims []claim) string {
	var parts []string
	for _, c := range claims {
		if c.reading != g.e.readings[0].Name || len(c.rivals) == 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s from %s to %s", c.metric, results.Percent(slices.Min(c.rivals)), results.Percent(slices.Max(c.rivals))))
	}
	return "A mean near the published one confirms little: the rivals lie far apart (" + strings.Join(parts, "; ") +
		"), and how the paper ported each of them to these boards is not known. A mean far from it refutes as little."
}

// definitions says what the numbers mean.
func (g *grid) definitions(claims []claim) string {
	var questions []string
	points := 1
	for q := range g.e.open {
		points *= len(g.values(q))
		questions = append(questions, fmt.Sprintf("%s (%s)", g.e.open[q].Name, strings.Join(g.values(q), ", ")))
	}
	missing := 0
	for _, c := range claims {
		missing += c.missing
	}
	horizon := g.e.saturated(g.quick).Limit.Horizon
	return fmt.Sprintf("Change: %s/rival − 1, per rival and per DNN (%s), arithmetic mean. Latency and energy: one request, nothing queued, no jitter, energy of the boards "+
		"that take part, planning not charged; every strategy with its own default objective (HiDP: latency, so its energy is what follows from that); strategies that are random themselves are averaged over %d seeds. Throughput: a closed loop of %d clients, each repeating one of the DNNs, "+
		"each client with one request outstanding, requests completed in %g s.\n\n"+
		"Grid: all %d combinations of %s, for latency and energy. For throughput the grid is coarser: every reading under the base assumptions, and the first reading with one assumption "+
		"changed at a time. Where a strategy cannot run (a network does not fit a board), its pairs are left out of the mean; this happened in %d combinations of the table above. "+
		"“Reached” is the share of combinations with at least the published effect. With halos ignored the strategies do not compute the network's own answer; OmniBoost partitions no data, so only the size of the batch matters to it.",
		g.e.method(g.e.subject).Label, strings.Join(g.models, ", "), len(g.seeds), g.e.throughput.Clients, horizon.Seconds(), points, strings.Join(questions, "; "), missing)
}
