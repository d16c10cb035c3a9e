package plan

import (
	"fmt"
	"strings"

	"hidp/devices"
	"hidp/internal/strict"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// InvalidError lists what is wrong with a plan, each fault naming its op: the first faults, and how many there are besides.
type InvalidError struct {
	Faults []string
	More   int
}

// Error implements error.
func (e *InvalidError) Error() string {
	text := strings.Join(e.Faults, "\n")
	if e.More > 0 {
		text += fmt.Sprintf("\n… and %d more", e.More)
	}
	return text
}

// Validate checks that plan p for graph g fits platform t: ops name existing nodes, clusters and connected pairs, wait only for
// earlier ops, find every part they read on their node once the ops they wait for are done, the leader ends up with the whole
// output, and memory suffices. It returns a *InvalidError with all faults, or nil.
func Validate(p *Plan, g *workloads.Graph, t *devices.Platform) error {
	v := validate(p, g, t)
	if len(v.faults) == 0 {
		for _, s := range Shortages(p, g, t) {
			v.faultf("plan: node %s needs %d MB for weights and %d MB for activations but has %d MB", t.Nodes[s.Node].Name,
				s.Need.Weights>>20, s.Need.Activations>>20, s.Have>>20)
		}
	}
	return v.err()
}

// Sound is Validate but for memory, for executors to whom a lack of memory is a fault of its own kind.
func Sound(p *Plan, g *workloads.Graph, t *devices.Platform) error { return validate(p, g, t).err() }

func validate(p *Plan, g *workloads.Graph, t *devices.Platform) *validator {
	v := &validator{p: p, g: g, t: t}
	if v.header() {
		v.ops()
		v.output()
	}
	return v
}

func (v *validator) err() error {
	if len(v.faults) == 0 {
		return nil
	}
	return &InvalidError{v.faults, v.more}
}

type validator struct {
	p      *Plan
	g      *workloads.Graph
	t      *devices.Platform
	held   holdings
	past   [][]uint64 // per op, the set of its ancestors
	faults []string
	more   int // faults that are only counted
}

func (v *validator) faultf(format string, args ...any) {
	if len(v.faults) == strict.MostKept {
		v.more++
		return
	}
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

func (v *validator) header() bool {
	p := v.p
	if p.Graph != v.g.Fingerprint() {
		v.faultf("plan: made for another version of model %s (fingerprint %016x, the model has %016x)", p.Model, p.Graph, v.g.Fingerprint())
	}
	if p.Leader < 0 || p.Leader >= len(v.t.Nodes) {
		v.faultf("plan: leader %d is not one of the platform's %d nodes", p.Leader, len(v.t.Nodes))
	}
	if p.Batch < 1 {
		v.faultf("plan: batch %d must be at least 1", p.Batch)
	}
	if n := len(p.Ops); n == 0 || n > MostOps {
		v.faultf("plan: has %d ops; must be from 1 to %d", n, MostOps)
	}
	return len(v.faults) == 0
}

func (v *validator) ops() {
	v.held = newHoldings(v.g, v.p.Leader, v.p.Batch)
	v.past = make([][]uint64, len(v.p.Ops))
	words := (len(v.p.Ops) + 63) / 64
	backing := make([]uint64, words*len(v.p.Ops))
	for i := range v.p.Ops {
		op := &v.p.Ops[i]
		v.past[i] = backing[i*words : (i+1)*words]
		for _, a := range op.After {
			if a < 0 || a >= i {
				v.faultf("op %d: waits for op %d, which is not an earlier op", i, a)
				continue
			}
			for w, b := range v.past[a] {
				v.past[i][w] |= b
			}
			v.past[i][a/64] |= 1 << (a % 64)
			if at := v.p.Ops[a].End(); at != op.Node {
				v.faultf("op %d: waits for op %d, which ends on another node: nothing tells node %d of it", i, a, op.Node)
			}
		}
		if op.Node < 0 || op.Node >= len(v.t.Nodes) {
			v.faultf("op %d: node %d is not one of the platform's %d nodes", i, op.Node, len(v.t.Nodes))
			continue
		}
		switch op.Kind {
		case Compute:
			v.compute(i, op)
		case Send:
			v.send(i, op)
		default:
			v.faultf("op %d: kind %d is neither compute nor send", i, op.Kind)
		}
	}
}

func (v *validator) compute(i int, op *Op) {
	if op.Cluster < 0 || op.Cluster >= len(v.t.Nodes[op.Node].Clusters) {
		v.faultf("op %d: node %s has no cluster %d", i, v.t.Nodes[op.Node].Name, op.Cluster)
	}
	if err := v.g.Check(op.Slice, v.p.Batch); err != nil {
		v.faultf("op %d: %v", i, err)
		return
	}
	for _, need := range v.g.Work(op.Slice).Inputs {
		v.require(i, op.Node, need, "reads")
	}
	for _, out := range v.g.Outputs(op.Slice) {
		v.held.add(out.Layer, holding{node: op.Node, box: out.Box, op: i})
	}
}

func (v *validator) send(i int, op *Op) {
	if op.To < 0 || op.To >= len(v.t.Nodes) || op.To == op.Node {
		v.faultf("op %d: sends to node %d, which is not another node of the platform", i, op.To)
		return
	}
	if !v.t.Network.Connected(op.Node, op.To) {
		v.faultf("op %d: node %s has no connection to node %s", i, v.t.Nodes[op.Node].Name, v.t.Nodes[op.To].Name)
	}
	if l := op.Part.Layer; l < 0 || l >= len(v.g.Layers) {
		v.faultf("op %d: sends layer %d of a graph of %d", i, l, len(v.g.Layers))
		return
	}
	if full := v.g.Full(op.Part.Layer, v.p.Batch); op.Part.Box.Empty() || !full.Contains(&op.Part.Box) {
		v.faultf("op %d: sends an empty part or one outside layer %d's tensor", i, op.Part.Layer)
		return
	}
	if err := v.g.Splits(op.Part); err != nil {
		v.faultf("op %d: %v", i, err)
		return
	}
	v.require(i, op.Node, op.Part, "sends")
	v.held.add(op.Part.Layer, holding{node: op.To, box: op.Part.Box, op: i, sent: true})
}

// require checks that the ops before op i have put the part on node j.
func (v *validator) require(i, j int, need workloads.Part, verb string) {
	missing := []tensor.Box{need.Box}
	for _, h := range v.held[need.Layer] {
		if h.node == j && (h.op < 0 || v.past[i][h.op/64]&(1<<(h.op%64)) != 0) {
			missing = subtract(missing, &h.box)
		}
	}
	if len(missing) > 0 {
		v.faultf("op %d: %s layer %d (%s) %s on node %s, but no op it waits for puts them there", i, verb,
			need.Layer, v.g.Layers[need.Layer].Name, v.g.Describe(workloads.Part{Layer: need.Layer, Box: missing[0]}), v.t.Nodes[j].Name)
	}
}

func (v *validator) output() {
	out := v.g.Output()
	missing := []tensor.Box{v.g.Full(out, v.p.Batch)}
	for _, h := range v.held[out] {
		if h.node == v.p.Leader {
			missing = subtract(missing, &h.box)
		}
	}
	if len(missing) > 0 {
		v.faultf("plan: the leader %s never gets %s of the output", v.t.Nodes[v.p.Leader].Name,
			v.g.Describe(workloads.Part{Layer: out, Box: missing[0]}))
	}
}
