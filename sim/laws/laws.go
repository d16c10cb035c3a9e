// Package laws checks what must hold of every run, whatever was run, from its trace alone: an independent reading of the model
// that shares no code with the simulator. Tests run it on every scenario they can think of.
//
// Reading order: laws.go, the list; order.go, causality and completeness; clusters.go, queueing and speeds; network.go, rates.
package laws

import (
	"fmt"
	"strings"
	"time"

	"hidp/devices"
	"hidp/sim/trace"
)

// Broken lists the laws that a trace breaks, one line each.
type Broken struct{ Lines []string }

// Error implements error.
func (b *Broken) Error() string { return strings.Join(b.Lines, "\n") }

// Check returns a *Broken if the trace of a run on platform p breaks a law, or nil. It needs a trace that lost no records, of a
// run without changes of network capacity; requests may have failed and nodes may have been lost.
func Check(t *trace.Trace, p *devices.Platform) error {
	c := &checker{t: t, p: p}
	c.index()
	c.complete()
	c.causal()
	c.phases()
	for j := range p.Nodes {
		c.queues(j)
		c.speeds(j)
	}
	c.messages()
	c.rates()
	if len(c.broken) > 0 {
		return &Broken{c.broken}
	}
	return nil
}

// most is how many lines are reported.
const most = 20

type checker struct {
	t      *trace.Trace
	p      *devices.Platform
	broken []string

	requests map[int64]*trace.Request
	ends     map[key]time.Duration // when an op of a request ended: its compute, or its arrival
	count    map[key]int           // how often it did
	latest   map[int64]time.Duration
}

type key struct {
	request int64
	op      int32
}

func (c *checker) brokenf(format string, args ...any) {
	if len(c.broken) < most {
		c.broken = append(c.broken, fmt.Sprintf(format, args...))
	}
}

// index gathers when the ops that were not wasted ended.
func (c *checker) index() {
	c.requests, c.ends, c.count = map[int64]*trace.Request{}, map[key]time.Duration{}, map[key]int{}
	c.latest = map[int64]time.Duration{}
	for i := range c.t.Requests {
		c.requests[c.t.Requests[i].ID] = &c.t.Requests[i]
	}
	note := func(request int64, op int32, end time.Duration, wasted bool) {
		if !wasted {
			c.ends[key{request, op}] = end
			c.count[key{request, op}]++
			c.latest[request] = max(c.latest[request], end)
		}
	}
	for i := range c.t.Computes {
		x := &c.t.Computes[i]
		note(x.Request, x.Op, x.End, x.Wasted)
	}
	for i := range c.t.Transfers {
		x := &c.t.Transfers[i]
		note(x.Request, x.Op, x.Arrive, x.Wasted)
	}
}
