package sim

import (
	"time"

	"hidp/internal/lines"
	"hidp/sim/engine"
	"hidp/sim/flow"
	"hidp/sim/node"
)

// transfer is a message under way.
type transfer struct {
	slot, op int32
	from, to int32
	gen      uint32
	stage    stage
	flow     flow.FlowID
	receiver node.Handle // of the request on the receiver's machine
	cost     *opCost     // of the op
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
	x := &s.transfers[t]
	x.slot, x.op = slot, op
	s.bind(x)
	c := x.cost
	x.from, x.to, x.stage, x.ready = c.from, c.to, preparing, s.now
	if s.cfg.Fleet != nil {
		at := &s.sites[s.requests[slot].site]
		x.from, x.to = at.nodes[c.from], at.nodes[c.to]
	}
	x.start, x.end = s.now, s.now
	if c.before > 0 {
		s.prepare(t, s.now+c.before)
		return
	}
	s.startFlow(t)
}

// bind sets what follows from a transfer's request and op.
func (s *simulation) bind(x *transfer) {
	r := &s.requests[x.slot]
	x.cost = &r.prog.ops[x.op]
	x.receiver = r.handles[x.cost.end]
}

// prepared is a message that is on its way through its sender.
type prepared struct {
	at       time.Duration // when it is ready for the network
	transfer int32
	gen      uint32
}

// prepare lets the message cost of the sender pass. That is the same for all messages of a node, so they become ready in the
// order in which they are sent, and those that are sent together, with one event.
func (s *simulation) prepare(t int32, at time.Duration) {
	x := &s.transfers[t]
	n := &s.nodes[x.from]
	if k := len(n.sending); k == 0 || n.sending[k-1].at != at {
		s.eng.Schedule(engine.Event{At: at, What: engine.What{Kind: evSend, A: x.from}})
	}
	n.sending = append(n.sending, prepared{at, t, x.gen})
}

// startPrepared puts the messages that are ready on the network.
func (s *simulation) startPrepared(n *nodeState) {
	for n.sent < len(n.sending) && n.sending[n.sent].at == s.now {
		p := n.sending[n.sent]
		n.sent++
		if s.transfers[p.transfer].gen == p.gen {
			s.startFlow(p.transfer)
		}
	}
	if n.sent == len(n.sending) {
		n.sending, n.sent = n.sending[:0], 0
	} else if n.sent > len(n.sending)/2 { // when it never is empty
		n.sending, n.sent = n.sending[:copy(n.sending, n.sending[n.sent:])], 0
	}
}

func (s *simulation) newTransfer() int32 {
	if k := len(s.freeTransfer); k > 0 {
		t := s.freeTransfer[k-1]
		s.freeTransfer = s.freeTransfer[:k-1]
		return t
	}
	s.transfers = lines.Append(s.transfers, transfer{})
	return int32(len(s.transfers) - 1)
}

func (s *simulation) freeTransferSlot(t int32) {
	x := &s.transfers[t]
	x.stage = idle
	x.gen++
	s.freeTransfer = lines.Append(s.freeTransfer, t)
}

// startFlow puts the bytes of a message on the network.
func (s *simulation) startFlow(t int32) {
	x := &s.transfers[t]
	c := x.cost
	x.stage, x.start = flowing, s.now
	x.flow = s.net.Start(s.now, flow.Transfer{Bytes: c.bytes, Path: s.route(x)})
	if k := int(x.flow); k < len(s.owner) {
		s.owner[k] = t
	} else {
		s.owner = lines.Append(s.owner, t) // flows are named one after the other
	}
	s.nodes[x.from].flowStarts(s.now)
	s.nodes[x.to].flowStarts(s.now)
	s.netDirty = true
}

// finishFlows ends the flows that complete now; their messages are on the last stretch.
func (s *simulation) finishFlows() {
	for {
		id, ok := s.net.FinishNext(s.now)
		if !ok {
			break
		}
		s.completions++
		s.land(s.owner[id])
	}
	s.netDirty = true
}

// land lets the latency and the receiver's message cost pass.
func (s *simulation) land(t int32) {
	s.offNetwork(t)
	x := &s.transfers[t]
	x.stage = arriving
	delay := x.cost.after
	if x.cost.jitter > 0 {
		at := &s.sites[s.requests[x.slot].site]
		delay += at.noise.exponential(x.cost.from, x.cost.to, x.cost.jitter)
	}
	if delay == 0 {
		s.deliver(t)
		return
	}
	s.eng.Schedule(engine.Event{At: s.now + delay, What: engine.What{Kind: evArrive, A: t, Gen: x.gen}})
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
	if s.nodes[x.to].machine.TensorArrived(x.receiver, int(x.op)) {
		s.touch(x.to)
	}
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
