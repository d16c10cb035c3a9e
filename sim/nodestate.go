package sim

import (
	"time"

	"hidp/devices"
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

	sending []prepared // messages that are not on the network yet, in order; the first sent are gone
	sent    int

	busy     []time.Duration // by cluster
	flows    int             // transfers under way here
	flowing  time.Duration   // since when, if there are any
	nicBusy  time.Duration
	took     bool                          // took part in a plan
	resident map[*workloads.Graph]*weights // parameters held
	memory   int64
	peak     int64
	queued   []time.Duration // by cluster: believed work that is admitted and not done
	idle     []*weights      // memory for resident
}

// part is whose part of a program a machine's handle stands for.
type part struct{ slot, index int32 }

// begin makes n the state of a node that has done nothing, in the memory that it has from an earlier run. The prefix goes before its
// name.
func (n *nodeState) begin(spec *devices.Node, prefix string, observed bool) {
	if n.machine == nil {
		n.machine, n.resident = new(node.Machine), map[*workloads.Graph]*weights{}
	}
	n.machine.Reset(spec, observed)
	for _, w := range n.resident {
		n.idle = append(n.idle, w)
	}
	clear(n.resident)
	old, clusters := *n, len(spec.Clusters)
	*n = nodeState{spec: spec, name: prefix + spec.Name, machine: n.machine, owner: n.owner[:0], ops: resized(n.ops, clusters), busy: resized(n.busy, clusters),
		queued: resized(n.queued, clusters), sending: n.sending[:0], planner: planner{queue: n.planner.queue[:0]}, resident: n.resident, idle: n.idle}
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

// newWeights returns a record of parameters of which none is held.
func (n *nodeState) newWeights(layers int) *weights {
	var w *weights
	if k := len(n.idle); k > 0 {
		w, n.idle = n.idle[k-1], n.idle[:k-1]
	} else {
		w = new(weights)
	}
	w.channels = resized(w.channels, layers)
	clear(w.channels)
	return w
}
