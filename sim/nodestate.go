package sim

import (
	"time"

	"hidp/devices"
	"hidp/internal/lines"
	"hidp/sim/node"
	"hidp/workloads"
)

// nodeState is a node of the truth at work.
type nodeState struct {
	spec    *devices.Node
	name    string
	machine *node.Machine
	owner   []part // by the machine's handles
	ops     []runningOp
	active  uint64    // clusters with an op
	mask    uint32    // physical clusters at work, as of the last change of speeds
	steady  bool      // neighbours do not slow each other: all speeds are 1
	fresh   bool      // an op was started and has no speed yet
	speeds  []float64 // by cluster and mask, if tabled
	dirty   bool
	lost    bool
	lostAt  time.Duration

	planner planner
	use     plannerUse
	serving serving

	sending []prepared // messages that are not on the network yet, in order; the first sent are gone
	sent    int

	busy     []time.Duration // by cluster
	flows    int             // transfers under way here
	flowing  time.Duration   // since when, if there are any
	nicBusy  time.Duration
	took     bool      // took part in a plan
	resident []weights // parameters held, by model as they were needed
	memory   int64
	peak     int64
	queued   []time.Duration // by cluster: believed work that is admitted and not done
}

// firstMemory is that of a node's lists while they are short. It lies together, for they are used together.
type firstMemory struct {
	machine  node.Machine
	owner    [8]part
	ops      [4]runningOp
	busy     [4]time.Duration
	queued   [4]time.Duration
	sending  [2]prepared
	resident [1]weights
}

func (n *nodeState) useFirst() {
	f := new(firstMemory)
	n.machine, n.owner, n.ops, n.busy, n.queued = &f.machine, f.owner[:0], f.ops[:0], f.busy[:0], f.queued[:0]
	n.sending, n.resident = f.sending[:0], f.resident[:0]
}

// part is whose part of a program a machine's handle stands for.
type part struct{ slot, index int32 }

// begin makes n the state of a node that has done nothing, in the memory that it has from an earlier run. The prefix goes before its
// name.
func (n *nodeState) begin(spec *devices.Node, prefix string, observed bool) {
	if n.machine == nil {
		n.useFirst()
	}
	n.machine.Reset(spec, observed)
	old, clusters := *n, len(spec.Clusters)
	*n = nodeState{spec: spec, name: prefix + spec.Name, machine: n.machine, owner: n.owner[:0], ops: lines.Resized(n.ops, clusters), busy: lines.Resized(n.busy, clusters),
		queued: lines.Resized(n.queued, clusters), sending: n.sending[:0], planner: planner{queue: n.planner.queue[:0]}, resident: n.resident[:0],
		use: plannerUse{cluster: plannerCluster(spec)}, serving: serving{gaps: n.serving.gaps[:0]}}
	clear(n.busy)
	clear(n.queued)
	for k := range n.ops {
		n.ops[k] = runningOp{slot: vacant}
	}
	if old.spec == spec {
		n.steady, n.speeds = old.steady, old.speeds
		return
	}
	n.steady, n.speeds = true, old.speeds[:0]
	for k := range spec.Clusters {
		for j := range spec.Physical {
			n.steady = n.steady && (spec.Clusters[k].Mask>>j&1 == 1 || spec.Keep[k][j] == 1)
		}
	}
}

// holds returns the record of a model's parameters, or nil if there is none.
func (n *nodeState) holds(g *workloads.Graph) *weights {
	for i := range n.resident {
		if n.resident[i].model == g {
			return &n.resident[i]
		}
	}
	return nil
}

// hold makes a record for a model, of whose parameters none is held.
func (n *nodeState) hold(g *workloads.Graph) *weights {
	k := len(n.resident)
	if k < cap(n.resident) {
		n.resident = n.resident[:k+1] // an earlier run may have left memory there
	} else {
		n.resident = append(n.resident, weights{})
	}
	w := &n.resident[k]
	w.model, w.boxes = g, lines.Resized(w.boxes, len(g.Layers))
	clear(w.boxes)
	return w
}
