// Package chrometrace writes a trace in the Chrome Trace Event format (JSON), which https://ui.perfetto.dev and chrome://tracing
// open: one process per node, one thread per core cluster and per lane of the network interface, arrows for transfers, tracks
// for requests with their phases, counters for power and queue lengths.
//
// Format: "Trace Event Format", Google, docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. Times are in
// microseconds; the three decimals used here are nanoseconds.
//
// Reading order: write.go, the parts of the file; lanes.go, overlapping transfers side by side; counters.go; encode.go.
package chrometrace

import (
	"fmt"
	"io"
	"time"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// Write writes the trace of a run on platform p to w. The output is a pure function of both.
func Write(w io.Writer, t *trace.Trace, p *devices.Platform) error {
	e := newEncoder(w)
	x := &export{e: e, t: t, p: p, requests: map[int64]*trace.Request{}}
	for i := range t.Requests {
		x.requests[t.Requests[i].ID] = &t.Requests[i]
	}
	x.lanes = assignLanes(t, p)
	x.names()
	x.computes()
	x.transfers()
	x.life()
	for j := range p.Nodes {
		x.power(j)
		x.queue(j)
	}
	return e.close()
}

// export is a trace on its way into a file.
type export struct {
	e        *encoder
	t        *trace.Trace
	p        *devices.Platform
	requests map[int64]*trace.Request
	lanes    lanes
}

// names labels processes and threads.
func (x *export) names() {
	for j := range x.p.Nodes {
		n := &x.p.Nodes[j]
		name := n.Name
		if n.Board != "" {
			name = fmt.Sprintf("%s (%s, %s)", n.Name, n.Board, n.Runtime)
		}
		x.e.metadata("process_name", j, 0, name)
		x.e.sortIndex("process_sort_index", j, 0, j)
		for k := range n.Clusters {
			x.e.metadata("thread_name", j, x.cluster(k), n.Clusters[k].Name)
			x.e.sortIndex("thread_sort_index", j, x.cluster(k), k)
		}
		for l := range x.lanes.count[j] {
			x.e.metadata("thread_name", j, x.lane(j, l), fmt.Sprintf("network %d", l+1))
			x.e.sortIndex("thread_sort_index", j, x.lane(j, l), len(n.Clusters)+l)
		}
	}
}

// cluster and lane are the thread ids: clusters from 1, then the lanes of the network interface.
func (x *export) cluster(k int) int { return 1 + k }

func (x *export) lane(j, l int) int { return 1 + len(x.p.Nodes[j].Clusters) + l }

// op returns what the request's plan says of an op, or nil if the request's end was not traced.
func (x *export) op(request int64, op int32) (*plan.Plan, *plan.Op) {
	r := x.requests[request]
	if r == nil || r.Plan < 0 {
		return nil, nil
	}
	plan := x.t.Plans[r.Plan]
	return plan, &plan.Ops[op]
}

func (x *export) computes() {
	for i := range x.t.Computes {
		c := &x.t.Computes[i]
		name := fmt.Sprintf("op %d", c.Op)
		x.e.begin("X", int(c.Node), x.cluster(int(c.Cluster)), c.Start)
		x.e.duration(c.End - c.Start)
		plan, op := x.op(c.Request, c.Op)
		if op != nil {
			name = fmt.Sprintf("%s layers %d-%d", plan.Model, op.Slice.From, op.Slice.To-1)
			if op.Slice.To == op.Slice.From+1 {
				name = fmt.Sprintf("%s layer %d", plan.Model, op.Slice.From)
			}
		}
		if c.Wasted {
			name += " (wasted)"
		}
		x.e.text("cat", "compute")
		x.e.text("name", name)
		x.e.openArgs()
		x.e.integer("request", c.Request)
		x.e.integer("op", int64(c.Op))
		if op != nil {
			x.e.text("box", op.Slice.Out.String())
		}
		x.e.text("work", c.Work.String())
		x.e.text("waited", (c.Start - c.Ready).String())
		x.e.closeArgs()
		x.e.end()
	}
}

// transfers are a slice at the sender while bytes flow, one at the receiver until the message has arrived, and an arrow.
func (x *export) transfers() {
	for i := range x.t.Transfers {
		m := &x.t.Transfers[i]
		name := fmt.Sprintf("to %s", x.p.Nodes[m.To].Name)
		from := x.lane(int(m.From), x.lanes.send[i])
		to := x.lane(int(m.To), x.lanes.receive[i])
		x.transfer(m, name, int(m.From), from, m.Start, m.End)
		x.transfer(m, fmt.Sprintf("from %s", x.p.Nodes[m.From].Name), int(m.To), to, m.Start, m.Arrive)
		if !m.Wasted {
			x.e.arrow("s", i, int(m.From), from, m.Start)
			x.e.arrow("f", i, int(m.To), to, max(m.Start, m.Arrive-1)) // just inside its slice, or it binds to nothing
		}
	}
}

func (x *export) transfer(m *trace.Transfer, name string, pid, tid int, start, end time.Duration) {
	x.e.begin("X", pid, tid, start)
	x.e.duration(end - start)
	if m.Wasted {
		name += " (cut off)"
	}
	x.e.text("cat", "transfer")
	x.e.text("name", name)
	x.e.openArgs()
	x.e.integer("request", m.Request)
	x.e.integer("op", int64(m.Op))
	x.e.integer("bytes", m.Bytes)
	if _, op := x.op(m.Request, m.Op); op != nil {
		x.e.integer("layer", int64(op.Part.Layer))
		x.e.text("box", op.Part.Box.String())
	}
	x.e.closeArgs()
	x.e.end()
}

// life is a track per request with its phases on it, at the leader and at every follower. Ends come last: of events of one moment
// viewers keep the order, and the request must be the outermost.
func (x *export) life() {
	for i := range x.t.Requests {
		r := &x.t.Requests[i]
		x.e.async("b", int(r.Leader), r.ID, x.title(r), r.Arrival, r.Failed)
	}
	for i := range x.t.Phases {
		if p := &x.t.Phases[i]; p.End > p.Start {
			x.e.async("b", int(p.Node), p.Request, p.Name, p.Start, "")
			x.e.async("e", int(p.Node), p.Request, p.Name, p.End, "")
		}
	}
	for i := range x.t.Requests {
		r := &x.t.Requests[i]
		x.e.async("e", int(r.Leader), r.ID, x.title(r), r.Finish, "")
	}
}

func (x *export) title(r *trace.Request) string {
	if r.Plan < 0 {
		return fmt.Sprintf("request %d", r.ID)
	}
	return fmt.Sprintf("request %d %s", r.ID, x.t.Plans[r.Plan].Model)
}
