package agent

import (
	"context"
	"math"
	"math/bits"
	"sync"
	"time"

	"hidp/devices"
	"hidp/testbed/wire"
)

// Pacer knows which core clusters of an emulated node are at work, how fast each can be beside the others (devices.Node.Speed), and
// when the op of each is to end. A Runtime keeps it up to date; Pace and Modelled workers of the same node hold their results by it.
type Pacer struct {
	clock wire.Clock
	node  *devices.Node
	alone bool

	mu   sync.Mutex
	busy uint32
	ops  []pacedOp // by cluster
}

// pacedOp is an op under way.
type pacedOp struct {
	active bool
	known  bool    // its work is known
	left   float64 // nanoseconds of work as of since; negative, what is done, as long as the work is not known
	speed  float64 // share of the speed alone
	since  time.Duration
	due    time.Duration // once the work is known
	moved  func()        // breaks off the sleep until due
}

// NewPacer returns the pacer of a node. If alone is set, clusters do not slow each other: on machines where emulated clusters slow
// each other in reality.
func NewPacer(clock wire.Clock, node *devices.Node, alone bool) *Pacer {
	return &Pacer{clock: clock, node: node, alone: alone, ops: make([]pacedOp, len(node.Clusters))}
}

// Busy says which physical clusters are at work from a time on.
func (p *Pacer) Busy(mask uint32, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if mask == p.busy {
		return
	}
	p.busy = mask
	for k := range p.ops {
		o := &p.ops[k]
		if !o.active || p.speed(k) == o.speed {
			continue
		}
		o.advance(now)
		o.speed = p.speed(k)
		o.due = now + ceilNanoseconds(o.left/o.speed)
		if o.moved != nil {
			o.moved()
		}
	}
}

func (p *Pacer) speed(k int) float64 {
	if p.alone || bits.OnesCount32(p.busy) < 2 {
		return 1
	}
	return p.node.Speed(k, p.busy)
}

// advance books the work done until now. The arithmetic is the simulator's, to the bit.
func (o *pacedOp) advance(now time.Duration) {
	o.left -= float64(o.speed * float64(now-o.since))
	if o.known {
		o.left = math.Max(0, o.left)
	}
	o.since = now
}

// ceilNanoseconds rounds up, but for what float rounding may have added to a whole number.
func ceilNanoseconds(ns float64) time.Duration { return time.Duration(math.Ceil(ns - 1e-3)) }

// begin notes that an op starts on cluster k; start 0 means now.
func (p *Pacer) begin(k int, start time.Duration) {
	if start == 0 {
		start = p.clock.Now()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &p.ops[k]
	o.active, o.known, o.left, o.speed, o.since = true, false, 0, p.speed(k), start
}

// end returns when the op that began on cluster k has done the given work: the time that it was to end at, and the lag, how much later it
// was computed here.
func (p *Pacer) end(ctx context.Context, k int, work float64) (ended, lag time.Duration, err error) {
	p.mu.Lock()
	o := &p.ops[k]
	now := p.clock.Now()
	computed := now
	o.advance(now)
	o.known = true
	o.left += work
	o.due = now + ceilNanoseconds(o.left/o.speed) // in the past if the work itself took longer
	for now < o.due && ctx.Err() == nil {
		now = p.sleep(ctx, o)
	}
	o.active = false
	ended = max(o.due, computed)
	lag = ended - o.due
	p.mu.Unlock()
	return ended, lag, ctx.Err()
}

// sleep waits until an op is due, or that time is moved, with the pacer unlocked meanwhile. It returns the time.
func (p *Pacer) sleep(ctx context.Context, o *pacedOp) time.Duration {
	due := o.due
	ctx, o.moved = context.WithCancel(ctx)
	defer o.moved()
	p.mu.Unlock()
	_ = p.clock.Sleep(ctx, due) // the caller looks at the clock and at its context
	p.mu.Lock()
	return p.clock.Now()
}

// Modelled is a worker that computes nothing: it takes the time that a cost model says and answers zeros. With it a run differs
// from the simulation by what the agents, the machine and the network add.
type Modelled struct {
	Costs []func(op int) time.Duration // by plan: what an op takes on an otherwise idle node
	Pacer *Pacer

	zeros []float32
}

// Run implements Worker.
func (m *Modelled) Run(ctx context.Context, t *Task) (Done, error) { return run(ctx, m, t) }

func (m *Modelled) begin(t *Task) { m.Pacer.begin(t.Cluster, t.start) }

func (m *Modelled) compute(_ context.Context, t *Task) (Done, error) {
	d := Done{Work: m.Costs[t.Plan](t.Op)}
	if !t.Hollow {
		d.Outputs, m.zeros = blank(t, m.zeros)
	}
	return d, nil
}

func (m *Modelled) hold(ctx context.Context, t *Task, d *Done, err error) error {
	return hold(ctx, m.Pacer, t, d, err)
}

// run does a task on the calling thread.
func run(ctx context.Context, w pacedWorker, t *Task) (Done, error) {
	w.begin(t)
	d, err := w.compute(ctx, t)
	return d, w.hold(ctx, t, &d, err)
}

// hold waits until the work of a task is done there where it is emulated. One that failed is not waited for.
func hold(ctx context.Context, p *Pacer, t *Task, d *Done, failed error) (err error) {
	work := float64(d.Work)
	if failed != nil {
		work = 0
	}
	if d.ended, d.Lag, err = p.end(ctx, t.Cluster, work); failed != nil {
		return failed
	}
	return err
}

// Pace is a worker that takes the time of a slower cluster: it lets another worker do the work at once and holds the result until
// the work would be done there, which is Slowdown times the processor time that it took here. It is faithful as long as the work
// itself is done by then: the sum of 1/slowdown over all clusters that are emulated on a machine must stay below its cores.
type Pace struct {
	Worker   Worker
	Slowdown float64 // ≥ 1
	Pacer    *Pacer
	// CPU returns the processor time that the calling thread has used. Nil means ThreadCPU.
	CPU func() time.Duration
	// Others returns the threads that compute an op together with the calling one (see Spawned). Nil means none. The time that the
	// work takes is then that of the thread that had most to do: with a processor each, all wait for it where the work is
	// divided once; where it is divided anew for every operator and badly, it takes a little longer than that.
	Others func(plan, op int) []int

	spent map[planOp]time.Duration // processor time of each op, the last time; nil until the thread has its share of a processor
}

// Run implements Worker.
func (p *Pace) Run(ctx context.Context, t *Task) (Done, error) { return run(ctx, p, t) }

func (p *Pace) begin(t *Task) { p.Pacer.begin(t.Cluster, t.start) }

func (p *Pace) compute(ctx context.Context, t *Task) (Done, error) {
	if p.spent == nil {
		if err := share(p.Slowdown); err != nil {
			return Done{}, err
		}
		p.spent = map[planOp]time.Duration{}
	}
	op := planOp{t.Plan, t.Op}
	if last, known := p.spent[op]; known {
		expect(last)
	} else {
		expect(longestTurn)
	}
	m := p.meter(t)
	m.start()
	d, err := p.Worker.Run(ctx, t)
	spent := m.stop()
	p.spent[op] = spent
	d.Work = time.Duration(float64(p.Slowdown * float64(spent)))
	return d, err
}

func (p *Pace) hold(ctx context.Context, t *Task, d *Done, err error) error {
	return hold(ctx, p.Pacer, t, d, err)
}

// The shortest and the longest turns that a thread which computes has on a CPU before others (see expect).
const (
	shortestTurn = 100 * time.Microsecond // what the kernel takes
	longestTurn  = 3 * time.Millisecond
)

// planOp is an op of one of the session's plans.
type planOp struct{ plan, op int }

// meter measures the processor time of a task.
type meter struct {
	cpu    func() time.Duration // of the calling thread
	others []int
	before []time.Duration // of the others, then of the calling thread
}

func (p *Pace) meter(t *Task) *meter {
	m := &meter{cpu: p.CPU}
	if m.cpu == nil {
		m.cpu = ThreadCPU
	}
	if p.Others != nil {
		m.others = p.Others(t.Plan, t.Op)
	}
	return m
}

func (m *meter) read() []time.Duration {
	at := make([]time.Duration, 0, len(m.others)+1)
	for _, thread := range m.others {
		at = append(at, threadCPU(thread))
	}
	return append(at, m.cpu())
}

func (m *meter) start() { m.before = m.read() }

// stop returns what the busiest thread has used since start.
func (m *meter) stop() time.Duration {
	var most time.Duration
	for i, now := range m.read() {
		most = max(most, now-m.before[i])
	}
	return most
}
