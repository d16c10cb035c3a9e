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
}

// part is whose part of a program a machine's handle stands for.
type part struct{ slot, index int32 }

func newNodeState(spec *devices.Node, observed bool) nodeState {
	n := nodeState{spec: spec, machine: node.New(spec, observed), ops: make([]runningOp, len(spec.Clusters)), steady: true,
		busy: make([]time.Duration, len(spec.Clusters)), queued: make([]time.Duration, len(spec.Clusters)),
		resident: map[*workloads.Graph]*weights{}}
	for k := range spec.Clusters {
		n.ops[k].slot = vacant
		for j := range spec.Physical {
			n.steady = n.steady && (spec.Clusters[k].Mask>>j&1 == 1 || spec.Keep[k][j] == 1)
		}
	}
	return n
}
