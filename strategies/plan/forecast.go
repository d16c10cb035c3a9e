package plan

import (
	"fmt"
	"math"
	"time"

	"hidp/devices"
	"hidp/workloads"
)

// Prediction is what a belief expects of one request's plan on a platform that does nothing else but its backlog.
type Prediction struct {
	Latency time.Duration
	Energy  float64 // joules of the participating nodes over the latency: idle, busy clusters, transfers
}

// Forecast predicts plan p of graph g under belief b. It walks the plan as a fluid: clusters serve their queues first come first
// served and slow each other down, transfers share links max-min fairly, and time jumps from one completion to the next. It is
// deliberately naive, all rates anew at every step, so that it can serve as the oracle of the event-driven simulator.
// Jitter is left out. It panics on plans that Validate rejects.
func Forecast(p *Plan, g *workloads.Graph, b *Belief) Prediction {
	f := newForecast(p, b.Costs(g), b)
	for f.left > 0 {
		f.startQueued()
		f.step()
	}
	return f.prediction()
}

// stage is how far an op has come.
type stage uint8

const (
	waiting  stage = iota
	queued         // compute: in its clusters' queues
	running        // compute
	sending        // send: the sender's message cost, until due
	flowing        // send: bytes on the network
	arriving       // send: latency and the receiver's message cost, until due
	done
)

type forecastOp struct {
	stage     stage
	waits     int     // ops it still waits for
	remaining float64 // running: nanoseconds at full speed; flowing: bytes
	rate      float64 // running: speed; flowing: bytes per nanosecond
	due       float64 // sending, arriving
}

type forecast struct {
	p      *Plan
	c      *devices.Costs
	ops    []forecastOp
	next   [][]int // successors
	queues [][][]int
	busy   []uint32
	idleAt [][]float64 // end of the backlog of every physical cluster
	active []int       // ops in a stage between running and arriving, ascending
	left   int
	now    float64
	joules float64
	nic    []float64 // per node, time with a transfer under way
	seen   []int     // per node, the last account that counted its transfers
	stamp  int
}

func newForecast(p *Plan, c *devices.Costs, b *Belief) *forecast {
	n := len(c.Platform.Nodes)
	f := &forecast{p: p, c: c, ops: make([]forecastOp, len(p.Ops)), next: make([][]int, len(p.Ops)), queues: make([][][]int, n),
		busy: make([]uint32, n), idleAt: make([][]float64, n), left: len(p.Ops), nic: make([]float64, n), seen: make([]int, n)}
	for j := range f.queues {
		f.queues[j] = make([][]int, c.Platform.Nodes[j].Physical)
		f.idleAt[j] = make([]float64, c.Platform.Nodes[j].Physical)
		for k := range f.idleAt[j] {
			f.idleAt[j][k] = float64(b.Queued(j, k))
		}
	}
	for i := range p.Ops {
		f.ops[i].waits = len(p.Ops[i].After)
		for _, a := range p.Ops[i].After {
			f.next[a] = append(f.next[a], i)
		}
	}
	for i := range p.Ops {
		if f.ops[i].waits == 0 {
			f.ready(i)
		}
	}
	return f
}

// ready queues a compute op on its clusters or begins a send.
func (f *forecast) ready(i int) {
	op := &f.p.Ops[i]
	if op.Kind == Send {
		f.ops[i].stage = sending
		f.ops[i].due = f.now + float64(f.c.Platform.Nodes[op.Node].Message)
		f.activate(i)
		return
	}
	f.ops[i].stage = queued
	for k := range f.queues[op.Node] {
		if f.mask(op)&(1<<k) != 0 {
			f.queues[op.Node][k] = append(f.queues[op.Node][k], i)
		}
	}
}

func (f *forecast) mask(op *Op) uint32 { return f.c.Platform.Nodes[op.Node].Clusters[op.Cluster].Mask }

func (f *forecast) activate(i int) {
	f.active = append(f.active, i)
	for k := len(f.active) - 1; k > 0 && f.active[k-1] > i; k-- {
		f.active[k], f.active[k-1] = f.active[k-1], f.active[k]
	}
}

// startQueued starts every compute op that heads all its clusters' queues while they are free.
func (f *forecast) startQueued() {
	for j := range f.queues {
		for k := range f.queues[j] {
			if len(f.queues[j][k]) > 0 {
				f.tryStart(j, f.queues[j][k][0])
			}
		}
	}
}

func (f *forecast) tryStart(j, i int) {
	mask := f.mask(&f.p.Ops[i])
	if f.ops[i].stage != queued || f.busyMask(j)&mask != 0 {
		return
	}
	for k, q := range f.queues[j] {
		if mask&(1<<k) != 0 && q[0] != i {
			return
		}
	}
	for k := range f.queues[j] {
		if mask&(1<<k) != 0 {
			f.queues[j][k] = f.queues[j][k][1:]
		}
	}
	f.busy[j] |= mask
	f.ops[i].stage = running
	f.ops[i].remaining = float64(f.p.ComputeTime(f.c, i))
	f.activate(i)
}

// busyMask returns the clusters of node j at work, on the plan or on the backlog.
func (f *forecast) busyMask(j int) uint32 {
	mask := f.busy[j]
	for k, until := range f.idleAt[j] {
		if until > f.now {
			mask |= 1 << k
		}
	}
	return mask
}

// step sets all rates, jumps to the next completion and finishes what is complete there.
func (f *forecast) step() {
	f.shareNetwork()
	until := math.Inf(1)
	for _, i := range f.active {
		op := &f.ops[i]
		end := op.due
		if op.stage == running {
			at := &f.p.Ops[i]
			op.rate = f.c.Platform.Nodes[at.Node].Speed(at.Cluster, f.busyMask(at.Node))
		}
		if op.stage == running || op.stage == flowing {
			end = f.now + op.remaining/op.rate
		}
		until = math.Min(until, end)
	}
	for j := range f.idleAt {
		for _, end := range f.idleAt[j] {
			if end > f.now {
				until = math.Min(until, end)
			}
		}
	}
	if math.IsInf(until, 1) {
		panic(fmt.Sprintf("plan: plan of %s for %s cannot finish: %d ops wait for ever", f.p.Strategy, f.p.Model, f.left))
	}
	f.advance(until)
}

// resolution is the part of a nanosecond (or byte) below which an op counts as complete: float rounding, nothing physical.
const resolution = 1e-3

func (f *forecast) advance(until float64) {
	dt := until - f.now
	f.account(dt)
	f.now = until
	finished := f.active[:0:0]
	for _, i := range f.active {
		op := &f.ops[i]
		switch op.stage {
		case running, flowing:
			op.remaining -= float64(dt * op.rate)
			if op.remaining <= resolution {
				finished = append(finished, i)
			}
		default:
			if op.due <= f.now+resolution {
				finished = append(finished, i)
			}
		}
	}
	for _, i := range finished {
		f.finish(i)
	}
}

// account adds the energy of dt nanoseconds in the present state.
func (f *forecast) account(dt float64) {
	f.stamp++
	for _, i := range f.active {
		op := &f.p.Ops[i]
		switch f.ops[i].stage {
		case running:
			f.joules += float64(f.c.Platform.Nodes[op.Node].Clusters[op.Cluster].ActivePower * dt * 1e-9)
		case flowing:
			for _, j := range [2]int{op.Node, op.To} {
				if f.seen[j] != f.stamp {
					f.seen[j] = f.stamp
					f.nic[j] += dt
				}
			}
		}
	}
}

// finish moves op i to its next stage.
func (f *forecast) finish(i int) {
	op, at := &f.ops[i], &f.p.Ops[i]
	net := &f.c.Platform.Network
	switch op.stage {
	case sending:
		op.stage, op.remaining = flowing, float64(at.Bytes(f.c.Graph))
		return
	case flowing:
		op.stage = arriving
		op.due = f.now + float64(net.Paths[at.Node][at.To].Latency+f.c.Platform.Nodes[at.To].Message)
		return
	case running:
		f.busy[at.Node] &^= f.mask(at)
	}
	op.stage = done
	f.left--
	for k, a := range f.active {
		if a == i {
			f.active = append(f.active[:k], f.active[k+1:]...)
			break
		}
	}
	for _, s := range f.next[i] {
		if f.ops[s].waits--; f.ops[s].waits == 0 {
			f.ready(s)
		}
	}
}

// shareNetwork gives every flowing op its max-min fair rate by progressive filling: the resource with the lowest fair level
// fixes its flows, and so on with what is left.
func (f *forecast) shareNetwork() {
	var flows []int
	for _, i := range f.active {
		if f.ops[i].stage == flowing {
			f.ops[i].rate = 0
			flows = append(flows, i)
		}
	}
	if len(flows) == 0 {
		return
	}
	net := &f.c.Platform.Network
	left := make([]float64, len(net.Resources))
	for r := range left {
		left[r] = net.Resources[r].Capacity * 1e-9
	}
	for len(flows) > 0 {
		tight, level := f.tightest(flows, left)
		rest := flows[:0:0]
		for _, i := range flows {
			hops := net.Paths[f.p.Ops[i].Node][f.p.Ops[i].To].Hops
			if !crosses(hops, tight) {
				rest = append(rest, i)
				continue
			}
			f.ops[i].rate = level
			for _, h := range hops {
				left[h.Resource] = math.Max(0, left[h.Resource]-float64(level*h.Weight))
			}
		}
		flows = rest
	}
}

// tightest returns the resource with the lowest rate per flow among those that flows use.
func (f *forecast) tightest(flows []int, left []float64) (int, float64) {
	net := &f.c.Platform.Network
	demand := make([]float64, len(left))
	for _, i := range flows {
		for _, h := range net.Paths[f.p.Ops[i].Node][f.p.Ops[i].To].Hops {
			demand[h.Resource] += h.Weight
		}
	}
	best, level := -1, math.Inf(1)
	for r, d := range demand {
		if d > 0 && left[r]/d < level {
			best, level = r, left[r]/d
		}
	}
	return best, level
}

func crosses(hops []devices.Hop, resource int) bool {
	for _, h := range hops {
		if h.Resource == resource {
			return true
		}
	}
	return false
}

func (f *forecast) prediction() Prediction {
	energy := f.joules
	for j, in := range f.p.Nodes(len(f.nic)) {
		if in {
			n := &f.c.Platform.Nodes[j]
			energy += float64(n.IdlePower*f.now*1e-9) + float64(n.NICPower*f.nic[j]*1e-9)
		}
	}
	return Prediction{Latency: time.Duration(math.Round(f.now)), Energy: energy}
}
