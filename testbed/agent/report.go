package agent

import (
	"time"

	"hidp/devices"
	"hidp/sim/trace"
)

// Report is what one node measured in a session, by its own clock.
type Report struct {
	Node string
	// Trace has the ops and phases of this node, the requests that it led, and the messages that it sent: these with Ready, and End,
	// when the receiver was known to have them.
	Trace         trace.Trace
	Arrivals      []Arrival
	Busy          []time.Duration // by cluster; a group counts apart from its members
	SentBytes     []int64         // by node
	ReceivedBytes []int64
	PeakMemory    int64 // most bytes of tensors held at one time
	LiveMemory    int64 // bytes of tensors that were not given up: 0 if all is well
	Lag           Lag
	Late          map[int64]map[int]time.Duration // the same by request and op: a compute op's result, a send op's message
	Lost          []string                        // nodes, in the order in which they were lost
}

// Lag is how much later than meant something happened, where there is a time that it was meant to happen at: results of workers that
// keep to a time, and messages of emulated networks. A large lag says that the machine is not up to the emulation.
type Lag struct {
	Max, Sum time.Duration
	Count    int64
}

func newReport(cfg *Config) Report {
	n := len(cfg.Platform.Nodes)
	return Report{Node: cfg.Platform.Nodes[cfg.Node].Name, Trace: trace.Trace{Limit: cfg.TraceLimit},
		Late: map[int64]map[int]time.Duration{}, Busy: make([]time.Duration, len(cfg.Workers)), SentBytes: make([]int64, n), ReceivedBytes: make([]int64, n)}
}

func (r *Report) noteLag(request int64, op int, d time.Duration) {
	if d > 0 {
		if r.Late[request] == nil {
			r.Late[request] = map[int]time.Duration{}
		}
		r.Late[request][op] = d
	}
	r.Lag.Max = max(r.Lag.Max, d)
	r.Lag.Sum += d
	r.Lag.Count++
}

// arrive notes an arrival within the limit of the trace.
func (r *Report) arrive(a Arrival) {
	if r.Trace.Limit > 0 && len(r.Arrivals) >= r.Trace.Limit {
		r.Trace.Lost++
		return
	}
	r.Arrivals = append(r.Arrivals, a)
}

// closePhase ends the phase that a request is in.
func (r *Runtime) closePhase(a *activity, now time.Duration) {
	if a.open {
		a.open = false
		r.report.Trace.AddPhase(trace.Phase{Request: a.id, Node: int32(r.cfg.Node), Name: a.phase.String(), Start: a.since, End: now})
	}
}

// Merge makes one trace of the reports of a session's nodes, by node of platform p; nil stands for a node that was lost. ahead, by
// node, is how far a node's clock is ahead of the one that the trace is to be in; nil means that all have the same. A message's
// first and last byte on the network are not measured but told from the model: the message cost after it was ready, and the latency
// and message cost before it arrived. A request ends when all nodes have done their part, as it does in a simulation.
func Merge(p *devices.Platform, plans []Plan, reports []*Report, ahead []time.Duration) *trace.Trace {
	m := merger{p: p, out: &trace.Trace{}, arrivals: map[arrivalKey]landed{}, shift: make([]time.Duration, len(p.Nodes)), end: map[int64]time.Duration{}}
	copy(m.shift, ahead)
	for _, x := range plans {
		m.out.Plans = append(m.out.Plans, x.Plan)
	}
	for j, r := range reports {
		if r != nil {
			m.index(j, r)
		}
	}
	for j, r := range reports {
		if r != nil {
			m.add(j, &r.Trace)
		}
	}
	m.orphans()
	for i := range m.out.Requests {
		x := &m.out.Requests[i]
		if x.Failed == "" {
			x.Finish = max(x.Finish, m.end[x.ID])
		}
	}
	m.out.Sort()
	return m.out
}

type arrivalKey struct {
	request int64
	op      int32
}

// landed is an arrival with the node that it was at.
type landed struct {
	Arrival
	to int
}

type merger struct {
	p        *devices.Platform
	out      *trace.Trace
	arrivals map[arrivalKey]landed // in the time of the trace; those that no sender claims are left in the end
	shift    []time.Duration
	end      map[int64]time.Duration // of the last phase of a request
}

// index takes in the arrivals and ends of a node.
func (m *merger) index(j int, r *Report) {
	for _, a := range r.Arrivals {
		a.At -= m.shift[j]
		a.Sent -= m.shift[a.From]
		m.arrivals[arrivalKey{a.Request, a.Op}] = landed{a, j}
	}
	for i := range r.Trace.Phases {
		x := &r.Trace.Phases[i]
		m.end[x.Request] = max(m.end[x.Request], x.End-m.shift[j])
	}
}

// add takes in the records of a node.
func (m *merger) add(j int, t *trace.Trace) {
	d := m.shift[j]
	m.out.Lost += t.Lost
	for _, x := range t.Computes {
		x.Ready, x.Start, x.End = x.Ready-d, x.Start-d, x.End-d
		m.out.AddCompute(x)
	}
	for _, x := range t.Phases {
		x.Start, x.End = x.Start-d, x.End-d
		m.out.AddPhase(x)
	}
	for _, x := range t.Requests {
		x.Arrival, x.Planned, x.Finish = x.Arrival-d, x.Planned-d, x.Finish-d
		m.out.AddRequest(x)
	}
	for _, x := range t.Transfers {
		x.Ready, x.End = x.Ready-d, x.End-d
		key := arrivalKey{x.Request, x.Op}
		if a, ok := m.arrivals[key]; ok {
			m.transfer(x, a.At)
			delete(m.arrivals, key)
		} else {
			x.Start, x.Arrive, x.Wasted = x.Ready, x.End, true
			m.out.AddTransfer(x)
		}
	}
}

// transfer adds a message that arrived.
func (m *merger) transfer(x trace.Transfer, arrive time.Duration) {
	x.Arrive, x.Wasted = arrive, false
	x.End = max(x.Ready, arrive-m.p.Network.Paths[x.From][x.To].Latency-m.p.Nodes[x.To].Message)
	x.Start = min(x.Ready+m.p.Nodes[x.From].Message, x.End)
	m.out.AddTransfer(x)
}

// orphans adds the messages whose senders have no report.
func (m *merger) orphans() {
	for _, a := range m.arrivals {
		m.transfer(trace.Transfer{Request: a.Request, Op: a.Op, From: a.From, To: int32(a.to), Bytes: a.Bytes, Ready: a.Sent}, a.At)
	}
}
