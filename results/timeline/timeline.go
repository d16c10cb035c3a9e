// Package timeline draws requests of traces on the core clusters and the ways between nodes that their plans use.
package timeline

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"hidp/devices"
	"hidp/results/plot"
	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// Request is one request of a trace, and what its lanes are called where several requests are drawn.
type Request struct {
	Name  string
	Trace *trace.Trace
	ID    int64
	Plan  *plan.Plan // nil: the one that the trace names
}

// Note says what the drawing's colours mean.
const Note = "Blue: layers on a core cluster; hatched: tensors, from when the sender began to prepare them until the receiver had them."

// Draw returns the timeline of requests on one platform: a group of lanes for every core cluster and way that one of them uses, a
// lane for every request. Time counts from each request's arrival.
func Draw(title string, p *devices.Platform, requests ...Request) (plot.Timeline, error) {
	t := plot.Timeline{Title: title, XLabel: "time since arrival (ms)", ShadeLabel: "middle layer of the op"}
	if len(requests) == 0 {
		return t, errors.New("timeline: no request to draw")
	}
	var all []resource
	lanes := make([]map[resource][]plot.Bar, len(requests))
	for i, r := range requests {
		q, plan, err := r.find()
		if err != nil {
			return t, err
		}
		mark := "end"
		if len(requests) > 1 {
			mark = r.Name + " end"
		}
		t.Marks = append(t.Marks, plot.Reference{Name: mark, Value: milliseconds(q.Finish - q.Arrival)})
		lanes[i] = bars(r.Trace, q, plan)
		for k := range plan.Ops {
			all = append(all, resourceOf(&plan.Ops[k]))
		}
	}
	slices.SortFunc(all, func(a, b resource) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	for _, k := range slices.Compact(all) {
		group := plot.LaneGroup{Name: k.name(p)}
		for i, r := range requests {
			name := r.Name
			if len(requests) == 1 {
				name = ""
			}
			group.Lanes = append(group.Lanes, plot.Lane{Name: name, Bars: lanes[i][k]})
		}
		t.Groups = append(t.Groups, group)
	}
	return t, nil
}

// find returns the request's record and its plan.
func (r Request) find() (*trace.Request, *plan.Plan, error) {
	i := slices.IndexFunc(r.Trace.Requests, func(q trace.Request) bool { return q.ID == r.ID })
	if i < 0 || r.Plan == nil && r.Trace.Requests[i].Plan < 0 {
		return nil, nil, fmt.Errorf("timeline: the trace has no plan of request %d", r.ID)
	}
	q := &r.Trace.Requests[i]
	if r.Plan != nil {
		return q, r.Plan, nil
	}
	return q, r.Trace.Plans[q.Plan], nil
}

// resource is a core cluster of a node, or the way from one node to another.
type resource struct {
	kind     plan.Kind // of the ops that it serves: clusters come before ways
	from, to int       // node and cluster, or two nodes
}

func resourceOf(op *plan.Op) resource {
	if op.Kind == plan.Send {
		return resource{op.Kind, op.Node, op.To}
	}
	return resource{op.Kind, op.Node, op.Cluster}
}

func (k resource) name(p *devices.Platform) string {
	if k.kind == plan.Send {
		return p.Nodes[k.from].Name + " → " + p.Nodes[k.to].Name
	}
	return p.Nodes[k.from].Name + " " + p.Nodes[k.from].Clusters[k.to].Name
}

// bars returns the bars of a request by resource.
func bars(tr *trace.Trace, q *trace.Request, p *plan.Plan) map[resource][]plot.Bar {
	out := map[resource][]plot.Bar{}
	add := func(op *plan.Op, b plot.Bar) { out[resourceOf(op)] = append(out[resourceOf(op)], b) }
	for i := range tr.Computes {
		x := &tr.Computes[i]
		if x.Request == q.ID && int(x.Op) < len(p.Ops) {
			op := &p.Ops[x.Op]
			add(op, plot.Bar{Start: milliseconds(x.Start - q.Arrival), End: milliseconds(x.End - q.Arrival),
				Shade: float64(op.Slice.From+op.Slice.To-1) / 2, Label: Layers(op)})
		}
	}
	for i := range tr.Transfers {
		x := &tr.Transfers[i]
		if x.Request == q.ID && int(x.Op) < len(p.Ops) {
			add(&p.Ops[x.Op], plot.Bar{Start: milliseconds(x.Ready - q.Arrival), End: milliseconds(max(x.Arrive, x.Ready) - q.Arrival),
				Shade: math.NaN(), Label: size(x.Bytes)})
		}
	}
	return out
}

// Layers names the layers that an op computes by their numbers.
func Layers(op *plan.Op) string {
	if op.Slice.To == op.Slice.From+1 {
		return fmt.Sprint(op.Slice.From)
	}
	return fmt.Sprintf("%d–%d", op.Slice.From, op.Slice.To-1)
}

// size writes bytes in three digits.
func size(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.3g kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.3g MB", float64(bytes)/1e6)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
