package laws

import (
	"slices"
	"time"

	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// complete: a request that did not fail had every op of its plan executed exactly once, and finished with the last of them; no
// request ends before it is planned, nor is planned before it arrives.
func (c *checker) complete() {
	for i := range c.t.Requests {
		r := &c.t.Requests[i]
		if r.Arrival > r.Planned || r.Planned > r.Finish {
			c.brokenf("request %d: arrived at %v, planned at %v, finished at %v", r.ID, r.Arrival, r.Planned, r.Finish)
		}
		if r.Failed != "" {
			continue
		}
		for op := range c.t.Plans[r.Plan].Ops {
			if n := c.count[key{r.ID, int32(op)}]; n != 1 {
				c.brokenf("request %d: op %d was executed %d times", r.ID, op, n)
			}
		}
		if c.latest[r.ID] != r.Finish {
			c.brokenf("request %d: finished at %v, its last op at %v", r.ID, r.Finish, c.latest[r.ID])
		}
	}
}

// causal: an op becomes ready at the very moment when the last of the ops it waits for ends, starts no earlier, and ends no
// earlier than that; each where its plan says.
func (c *checker) causal() {
	for i := range c.t.Computes {
		x := &c.t.Computes[i]
		if x.Start < x.Ready || x.End < x.Start {
			c.brokenf("request %d op %d: ready at %v, started at %v, ended at %v", x.Request, x.Op, x.Ready, x.Start, x.End)
		}
		if op := c.ready(x.Request, x.Op, x.Ready); op != nil && (op.Kind != plan.Compute || op.Node != int(x.Node) || op.Cluster != int(x.Cluster)) {
			c.brokenf("request %d op %d: ran on cluster %d of node %d, against its plan", x.Request, x.Op, x.Cluster, x.Node)
		}
	}
	for i := range c.t.Transfers {
		x := &c.t.Transfers[i]
		if x.Start < x.Ready || x.End < x.Start || x.Arrive < x.End {
			c.brokenf("request %d op %d: ready at %v, on the network from %v to %v, arrived at %v", x.Request, x.Op, x.Ready, x.Start, x.End, x.Arrive)
		}
		if op := c.ready(x.Request, x.Op, x.Ready); op != nil && (op.Kind != plan.Send || op.Node != int(x.From) || op.To != int(x.To)) {
			c.brokenf("request %d op %d: sent from node %d to %d, against its plan", x.Request, x.Op, x.From, x.To)
		}
	}
}

// ready checks when an op became ready and returns what its plan says of it, or nil if the request has not ended.
func (c *checker) ready(request int64, op int32, ready time.Duration) *plan.Op {
	r := c.requests[request]
	if r == nil {
		return nil
	}
	o := &c.t.Plans[r.Plan].Ops[op]
	want := r.Planned
	for _, a := range o.After {
		end, ok := c.ends[key{request, int32(a)}]
		if !ok {
			c.brokenf("request %d op %d: began although op %d was not done", request, op, a)
		}
		want = max(want, end)
	}
	if ready != want {
		c.brokenf("request %d op %d: ready at %v, what it waits for ended at %v", request, op, ready, want)
	}
	return o
}

// phases: on every node the phases of a request follow each other without gap or overlap; the leader's begin with its arrival and
// end no later than it does.
func (c *checker) phases() {
	type place struct {
		request int64
		node    int32
	}
	lists := map[place][]trace.Phase{}
	for _, p := range c.t.Phases {
		at := place{p.Request, p.Node}
		lists[at] = append(lists[at], p)
	}
	for _, p := range c.t.Phases {
		at := place{p.Request, p.Node}
		list := lists[at]
		delete(lists, at)
		r := c.requests[at.request]
		if list == nil || r == nil {
			continue
		}
		slices.SortStableFunc(list, func(a, b trace.Phase) int { return int(a.Start - b.Start) })
		for i := 1; i < len(list); i++ {
			if list[i].Start != list[i-1].End {
				c.brokenf("request %d node %d: %s ends at %v, %s begins at %v", at.request, at.node, list[i-1].Name, list[i-1].End, list[i].Name, list[i].Start)
			}
		}
		if at.node == r.Leader && (list[0].Start != r.Arrival || list[len(list)-1].End > r.Finish) {
			c.brokenf("request %d: its leader's phases are not within its life", at.request)
		}
	}
}
