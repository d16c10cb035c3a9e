package validation

import (
	"fmt"
	"strings"

	"hidp/results/plot"
	"hidp/results/timeline"
)

// timelines draws, for every model, the plan with the most nodes, the first of these in the matrix.
func (r *Report) timelines() ([]figure, error) {
	best := map[string]*comparison{}
	var models []string
	for _, c := range r.comparisons {
		name := c.row.Model
		if best[name] == nil {
			models = append(models, name)
		}
		if best[name] == nil || c.row.Nodes > best[name].row.Nodes {
			best[name] = c
		}
	}
	var out []figure
	for _, name := range models {
		c := best[name]
		f, err := c.timeline(r)
		if err != nil {
			return nil, err
		}
		out = append(out, figure{stem: "timeline-" + fileName(c.row.Model) + "-" + fileName(c.row.Strategy), Figure: f})
	}
	return out, nil
}

// timeline shows the request nearest to the median on every core cluster and link, simulated above and measured below.
func (c *comparison) timeline(r *Report) (plot.Figure, error) {
	drawn := func(name string, p phase) timeline.Request {
		return timeline.Request{Name: name, Trace: p.trace, ID: p.typical().ID, Plan: c.plan}
	}
	t, err := timeline.Draw(fmt.Sprintf("%s under %s", c.row.Model, c.row.Strategy), c.platform, drawn("simulated", c.simulated), drawn("measured", c.measured))
	if err != nil {
		return plot.Figure{}, err
	}
	return plot.Figure{Panels: []plot.Panel{t}, Height: t.Height(), Note: r.note("The requests whose latencies are nearest to the medians. " + timeline.Note)}, nil
}

// fileName keeps what is safe in the name of a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, name)
}
