package sim

import (
	"time"

	"hidp/sim/engine"
	"hidp/sim/flow"
)

// transfer is a message under way.
type transfer struct {
	slot, op int32
	from, to int32
	gen      uint32
	stage    stage
	flow     flow.FlowID
	ready    time.Duration
	start    time.Duration
	end      time.Duration
}

// stage is how far a message has come.
type stage uint8

const (
	idle      stage = iota // the place is free
	preparing              // the sender's message cost
	flowing                // bytes on the network
	arriving               // latency and the receiver's message cost
)

// send begins to move the tensor of a send op.
func (s *simulation) send(slot, op int32) {
	t := s.newTransfer()
	c := &s.requests[slot].prog.ops[op]
	x := &s.transfers[t]
	x.slot, x.op, x.from, x.to, x.stage, x.ready = slot, op, c.from, c.to, preparing, s.now
	x.start, x.end = s.now, s.now
	if c.before > 0 {
		s.eng.Schedule(engine.Event{At: s.now + c.before, Kind: evSend, A: t, Gen: x.gen})
		return
	}
	s.startFlow(t)
}

func (s *simulation) newTransfer() int32 {
	if k := len(s.freeTransfer); k > 0 {
		t := s.freeTransfer[k-1]
		s.freeTransfer = s.freeTransfer[:k-1]
		return t
	}
	s.transfers = append(s.transfers, transfer{})
	return int32(len(s.transfers) - 1)
}

func (s *simulation) freeTransferSlot(t int32) {
	x := &s.transfers[t]
	x.stage = idle
	x.gen++
	s.freeTransfer = append(s.freeTransfer, t)
}

// startFlow puts the bytes of a message on the network.
func (s *simulation) startFlow(t int32) {
	x := &s.transfers[t]
	c := &s.requests[x.slot].prog.ops[x.op]
	x.stage, x.start = flowing, s.now
	x.flow = s.net.Start(s.now, flow.Transfer{Bytes: c.bytes, Path: c.path})
	for int(x.flow) >= len(s.owner) {
		s.owner = append(s.owner, 0)
	}
	s.owner[x.flow] = t
	s.nodes[x.from].flowStarts(s.now)
	s.nodes[x.to].flowStarts(s.now)
	s.netDirty = true
}

// finishFlow ends the flow that completes now, if there is one; its message is on the last stretch. Of several that complete at this instant the
// others follow with events of their own, for asking the network again right away would share its capacity twice.
func (s *simulation) finishFlow() {
	s.netDirty = true
	at, id, ok := s.net.NextCompletion()
	if !ok || at != s.now {
		return
	}
	s.net.Finish(s.now, id)
	t := s.owner[id]
	s.offNetwork(t)
	x := &s.transfers[t]
	x.stage = arriving
	c := &s.requests[x.slot].prog.ops[x.op]
	delay := c.after
	if c.jitter > 0 {
		delay += s.noise.exponential(x.from, x.to, c.jitter)
	}
	if delay == 0 {
		s.deliver(t)
		return
	}
	s.eng.Schedule(engine.Event{At: s.now + delay, Kind: evArrive, A: t, Gen: x.gen})
}

// offNetwork notes that a message uses the network no longer.
func (s *simulation) offNetwork(t int32) {
	x := &s.transfers[t]
	x.end = s.now
	s.nodes[x.from].flowEnds(s.now)
	s.nodes[x.to].flowEnds(s.now)
}

// deliver hands a tensor to its receiver.
func (s *simulation) deliver(t int32) {
	x := &s.transfers[t]
	r := &s.requests[x.slot]
	s.nodes[x.to].machine.TensorArrived(r.handles[r.prog.Routes[x.op].End], int(x.op))
	s.touch(x.to)
	s.noteTransfer(x, false)
	s.freeTransferSlot(t)
}

// cancel takes a message off the network for good.
func (s *simulation) cancel(t int32) {
	x := &s.transfers[t]
	if x.stage == flowing {
		s.net.Cancel(s.now, x.flow)
		s.offNetwork(t)
		s.netDirty = true
	}
	s.noteTransfer(x, true)
	s.freeTransferSlot(t)
}

// scheduleNetwork sees to it that an event comes no later than the next completion of a flow. When completions move away the
// event that waits is kept; it then finds nothing complete and asks again.
func (s *simulation) scheduleNetwork() {
	at, _, ok := s.net.NextCompletion()
	if !ok || at >= s.netAt {
		return
	}
	s.netAt = at
	s.netGen++
	s.eng.Schedule(engine.Event{At: at, Kind: evNetwork, Gen: s.netGen})
}

// flowStarts and flowEnds keep account of the time with at least one transfer under way at a node.
func (n *nodeState) flowStarts(now time.Duration) {
	if n.flows == 0 {
		n.flowing = now
	}
	n.flows++
}

func (n *nodeState) flowEnds(now time.Duration) {
	if n.flows--; n.flows == 0 && !n.lost {
		n.nicBusy += now - n.flowing
	}
}
