package flow

import (
	"fmt"
	"time"

	"hidp/internal/lines"
)

// FinishNext ends a flow that is complete at time now and returns it; ok is false
// when there is none. It does what NextCompletion and Finish do, but leaves the rates
// to be computed when all flows are ended that complete together.
func (n *Network) FinishNext(now time.Duration) (id FlowID, ok bool) {
	n.advance(now)
	if len(n.pending) == 0 || n.pending[0].at > now {
		return 0, false
	}
	if who := n.pending[0].who; who < 0 {
		return n.finishFirst(now, ^who), true
	}
	id = FlowID(n.pending[0].who)
	n.end(now, id, true)
	return id, true
}

// Finish ends a flow that is complete at time now. To end another flow is a bug of
// the caller and panics.
func (n *Network) Finish(now time.Duration, id FlowID) {
	n.advance(now)
	if !n.complete(now, id) {
		n.settleRates()
		if !n.complete(now, id) {
			panic(fmt.Sprintf("flow: flow %d finished at %v with %v bytes left", id, now, n.Remaining(now, id)))
		}
	}
	n.end(now, id, true)
}

func (n *Network) complete(now time.Duration, id FlowID) bool {
	f := n.flow(id)
	if f.pooled {
		p := &n.resources[f.path[0].Resource].pool
		return p.completion(p.tag(id)) <= now
	}
	return f.completes <= now
}

// Cancel ends a flow before its time. What it has moved so far stays counted.
func (n *Network) Cancel(now time.Duration, id FlowID) {
	n.advance(now)
	n.flow(id)
	n.end(now, id, false)
}

func (n *Network) end(now time.Duration, id FlowID, complete bool) {
	f := &n.flows[id]
	if f.pooled {
		n.leave(now, id, complete)
	} else {
		delivered := f.bytes
		if !complete {
			f.settle(now)
			delivered -= f.left
		}
		for _, h := range f.path {
			n.resources[h.Resource].carried += float64(delivered * h.Weight)
		}
		n.detach(id)
		n.remove(f.place)
	}
	f.active, f.path = false, nil
	n.freeIDs = lines.Append(n.freeIDs, id)
}
