package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"hidp/devices"
	"hidp/sim/node"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// Config is what a session of one node is made of. It is only read; Transport and Workers belong to the session.
type Config struct {
	Platform *devices.Platform
	Node     int // index in Platform
	Plans    []Plan
	Workers  []Worker // by cluster, groups included
	CPUs     [][]int  // by cluster: logical CPUs that its thread is pinned to; nil: not pinned
	Pacer    *Pacer   // that the workers hold their results by, if they do
	// Transport joins the nodes by the names that Platform gives them. The runtime closes it. It may be nil on a platform of one.
	Transport wire.Transport
	Clock     wire.Clock
	// Emulated nodes count from when things were due, where this machine wakes up later: see Runtime.happens. Real ones count by the clock.
	Emulated bool
	// Memory is what tensors are assembled in. It may be nil.
	Memory *inference.Memory
	// Hollow sessions hold and move no tensors: what is left is the protocol. Emulated networks are charged the plan's bytes.
	Hollow bool
	// Most is the number of requests under way above which messages for further ones are refused; 0 means 4096.
	Most       int
	TraceLimit int // records of each kind to keep; 0: all

	// Finished and Failed are told how requests end: Finished at the leader, with the network's output (nothing if hollow), Failed
	// at every node that finds out by itself. Lost is told that another node is gone, whether requests under way need it or not: of
	// requests that were not announced to a node it cannot know. The three are called one at a time and may call the runtime,
	// except Close.
	Finished func(request int64, output inference.Tensor)
	Failed   func(request int64, why error)
	Lost     func(node string, why error)
}

// check returns all faults of the configuration that do not lie in the plans.
func (c *Config) check() error {
	if c.Platform == nil || c.Clock == nil || c.Node < 0 || c.Node >= len(c.Platform.Nodes) {
		return errors.New("agent: a session needs a clock, a platform and one of its nodes")
	}
	var errs []error
	n := &c.Platform.Nodes[c.Node]
	if len(c.Workers) != len(n.Clusters) {
		errs = append(errs, fmt.Errorf("agent: %d workers for the %d clusters of node %s", len(c.Workers), len(n.Clusters), n.Name))
	}
	if c.CPUs != nil && len(c.CPUs) != len(n.Clusters) {
		errs = append(errs, fmt.Errorf("agent: CPUs of %d clusters, node %s has %d", len(c.CPUs), n.Name, len(n.Clusters)))
	}
	if c.Transport == nil && len(c.Platform.Nodes) > 1 {
		errs = append(errs, errors.New("agent: a session of several nodes needs a transport"))
	}
	if len(c.Plans) > maxPlans {
		errs = append(errs, fmt.Errorf("agent: %d plans; a session has at most %d", len(c.Plans), maxPlans))
	}
	return errors.Join(errs...)
}

// Runtime is a node at work in a session. Make it with Start. Its methods may be called at the same time.
type Runtime struct {
	cfg     Config
	spec    *devices.Node
	recipes []*recipe
	index   map[string]int // nodes by name
	memory  memory
	notes   *notes
	tasks   []chan *Task  // by cluster
	errands []chan func() // by cluster: what else is done on its thread
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup // everything but the notes
	once    sync.Once      // of Close

	mu      sync.Mutex
	machine *node.Machine
	now     time.Duration // of what the machine was told last, see happens
	owner   []*activity   // by handle
	live    map[int64]*activity
	ended   map[int64]bool
	lost    map[int]error
	actions []node.Action
	closed  bool
	report  Report
}

// activity is a request under way.
type activity struct {
	id      int64
	recipe  *recipe
	handle  node.Handle
	shelf   *shelf
	dropped bool
	arrival time.Duration
	queued  map[int32]time.Duration // by op
	phase   node.Phase
	since   time.Duration
	open    bool // in a phase
}

// Start begins a session. It ends with Close; ctx ends the work of the session early, but Close is needed all the same. The error
// lists what is wrong with the configuration and the plans: *plan.InvalidError, *node.PlanError, *OutOfMemoryError; or why a
// thread cannot be pinned.
func Start(ctx context.Context, cfg Config) (*Runtime, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	r := &Runtime{cfg: cfg, spec: &cfg.Platform.Nodes[cfg.Node], index: map[string]int{}, live: map[int64]*activity{}, ended: map[int64]bool{}, lost: map[int]error{}}
	if r.cfg.Most == 0 {
		r.cfg.Most = 4096
	}
	var errs []error
	for i, p := range cfg.Plans {
		recipe, err := newRecipe(i, p, cfg.Node, cfg.Platform)
		r.recipes = append(r.recipes, recipe)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for j := range cfg.Platform.Nodes {
		r.index[cfg.Platform.Nodes[j].Name] = j
	}
	r.machine = node.New(r.spec, true)
	r.report = newReport(&cfg)
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.notes = newNotes()
	if err := r.hire(); err != nil {
		r.Close()
		return nil, err
	}
	if cfg.Transport != nil {
		r.running.Go(r.receive)
	}
	context.AfterFunc(r.ctx, r.abandon)
	return r, nil
}

// Close ends the session and returns what was measured. Ops that a worker cannot break off are waited for. Further calls return
// the same.
func (r *Runtime) Close() *Report {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		for _, c := range r.tasks {
			close(c)
		}
		r.mu.Unlock()
		r.cancel()
		if r.cfg.Transport != nil {
			_ = r.cfg.Transport.Close() // whatever is wrong with it, it is not in use any more
		}
		r.running.Wait()
		r.notes.close()
		r.mu.Lock()
		defer r.mu.Unlock()
		now := r.cfg.Clock.Now()
		for _, a := range r.live {
			r.closePhase(a, now)
			a.shelf.empty()
		}
		r.report.LiveMemory, r.report.PeakMemory = r.memory.live, r.memory.peak
	})
	return &r.report
}

// abandon fails what is under way when the session's context ends.
func (r *Runtime) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.happens(0)
	for _, id := range slices.Sorted(maps.Keys(r.live)) {
		r.fail(r.live[id], context.Cause(r.ctx))
	}
	r.act()
}

// Live returns the number of requests under way here.
func (r *Runtime) Live() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.live)
}

// notes calls functions one after the other, in the order in which they come, on a goroutine of its own.
type notes struct {
	mu     sync.Mutex
	some   sync.Cond
	calls  []func()
	closed bool
	done   chan struct{}
}

func newNotes() *notes {
	n := &notes{done: make(chan struct{})}
	n.some.L = &n.mu
	go n.loop()
	return n
}

func (n *notes) add(call func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, call)
	n.some.Signal()
}

func (n *notes) loop() {
	defer close(n.done)
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		for len(n.calls) == 0 && !n.closed {
			n.some.Wait()
		}
		calls := n.calls
		n.calls = nil
		if len(calls) == 0 {
			return
		}
		n.mu.Unlock()
		for _, call := range calls {
			call()
		}
		n.mu.Lock()
	}
}

// close makes the calls that are left and ends the goroutine.
func (n *notes) close() {
	n.mu.Lock()
	n.closed = true
	n.some.Signal()
	n.mu.Unlock()
	<-n.done
}
