package validation

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"hidp/results/plot"
	"hidp/sim/trace"
	"hidp/strategies"
)

// timelines draws, for every model, the plan with the most nodes, the first of these in the matrix.
func (r *Report) timelines() []figure {
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
		out = append(out, figure{stem: "timeline-" + fileName(c.row.Model) + "-" + fileName(c.row.Strategy), Figure: c.timeline(r)})
	}
	return out
}

// timeline shows the request nearest to the median on every core cluster and link, simulated above and measured below.
func (c *comparison) timeline(r *Report) plot.Figure {
	simulated, measured := c.lanes(c.simulated), c.lanes(c.measured)
	t := plot.Timeline{Title: fmt.Sprintf("%s under %s", c.row.Model, c.row.Strategy), XLabel: "time since arrival (ms)", ShadeLabel: "middle layer of the op",
		Marks: []plot.Reference{{Name: "simulated end", Value: latencyOf(c.simulated)}, {Name: "measured end", Value: latencyOf(c.measured)}}}
	for _, k := range c.resources() {
		t.Groups = append(t.Groups, plot.LaneGroup{Name: k.name(c), Lanes: []plot.Lane{{Name: "simulated", Bars: simulated[k]}, {Name: "measured", Bars: measured[k]}}})
	}
	return plot.Figure{Panels: []plot.Panel{t}, Height: t.Height(), Note: r.note("The requests whose latencies are nearest to the medians. Blue: layers on a core cluster; hatched: " +
		"tensors, from when the sender began to prepare them until the receiver had them.")}
}

func latencyOf(p phase) float64 {
	r := p.typical()
	return milliseconds(r.Finish - r.Arrival)
}

// resource is a core cluster of a node, or the way from one node to another.
type resource struct {
	send     bool
	from, to int // node and cluster, or two nodes
}

func (k resource) name(c *comparison) string {
	nodes := c.platform.Nodes
	if k.send {
		return nodes[k.from].Name + " → " + nodes[k.to].Name
	}
	return nodes[k.from].Name + " " + nodes[k.from].Clusters[k.to].Name
}

// resources lists what the plan uses: core clusters by node, then ways.
func (c *comparison) resources() []resource {
	var out []resource
	for i := range c.plan.Ops {
		if k := resourceOf(&c.plan.Ops[i]); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b resource) int {
		if a.send != b.send {
			if b.send {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	return out
}

func resourceOf(op *strategies.Op) resource {
	if op.Kind == strategies.Send {
		return resource{send: true, from: op.Node, to: op.To}
	}
	return resource{from: op.Node, to: op.Cluster}
}

// lanes returns the bars of a phase's typical request by resource.
func (c *comparison) lanes(p phase) map[resource][]plot.Bar {
	request := p.typical()
	out := map[resource][]plot.Bar{}
	for i := range p.trace.Computes {
		x := &p.trace.Computes[i]
		if x.Request == request.ID && int(x.Op) < len(c.plan.Ops) {
			op := &c.plan.Ops[x.Op]
			out[resourceOf(op)] = append(out[resourceOf(op)], plot.Bar{Start: milliseconds(x.Start - request.Arrival), End: milliseconds(x.End - request.Arrival),
				Shade: float64(op.Slice.From+op.Slice.To-1) / 2, Label: layers(op)})
		}
	}
	for i := range p.trace.Transfers {
		x := &p.trace.Transfers[i]
		if x.Request == request.ID && int(x.Op) < len(c.plan.Ops) {
			out[resourceOf(&c.plan.Ops[x.Op])] = append(out[resourceOf(&c.plan.Ops[x.Op])], transferBar(x, request))
		}
	}
	return out
}

func transferBar(x *trace.Transfer, r trace.Request) plot.Bar {
	return plot.Bar{Start: milliseconds(x.Ready - r.Arrival), End: milliseconds(max(x.Arrive, x.Ready) - r.Arrival), Shade: math.NaN(), Label: size(x.Bytes)}
}

// size writes bytes in three digits.
func size(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.3g kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.3g MB", float64(bytes)/1e6)
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
