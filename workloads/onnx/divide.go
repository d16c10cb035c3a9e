package onnx

import (
	"slices"

	"hidp/workloads"
)

// divider decides which layers can be computed in part. What it leaves to be split by Graph.Check, package submodel can cut.
type divider struct {
	m     *Model
	b     *workloads.Builder
	views Views
	maker map[string]int // the node that produces a tensor
}

// divide makes every layer opaque of which the file's nodes do not tell how some rows or channels are computed.
func divide(m *Model, b *workloads.Builder, nodes [][]int, views Views) {
	d := divider{m: m, b: b, views: views, maker: map[string]int{}}
	for i := range m.Nodes {
		for _, out := range m.Nodes[i].Outputs {
			d.maker[out] = i
		}
	}
	for i := range nodes {
		l := b.Layer(i)
		if d.parts(l) && !d.layer(i, nodes[i]) {
			l.Op, l.Window, l.Groups, l.Scale, l.Bilinear = workloads.OpOpaque, workloads.Window{}, 0, 0, false
		}
	}
}

// parts reports whether Graph.Check lets a layer be split by rows or channels.
func (d *divider) parts(l *workloads.Layer) bool {
	switch l.Op {
	case workloads.OpConv, workloads.OpLinear:
		return true
	case workloads.OpMaxPool, workloads.OpAvgPool, workloads.OpUpsample, workloads.OpAdd, workloads.OpMul, workloads.OpConcat, workloads.OpElementwise:
		return l.Out.H > 1
	case workloads.OpGlobalPool:
		return d.b.Layer(l.Inputs[0]).Out.H > 1
	}
	return false
}

// principals are the operators that do the proper work of layers that have one such node.
func principals(op workloads.Op) []string {
	switch op {
	case workloads.OpConv:
		return []string{"Conv"}
	case workloads.OpLinear:
		return []string{"Gemm", "MatMul"}
	case workloads.OpMaxPool:
		return []string{"MaxPool"}
	case workloads.OpAvgPool:
		return []string{"AveragePool"}
	case workloads.OpUpsample:
		return []string{"Resize", "Upsample"}
	case workloads.OpGlobalPool:
		return []string{"GlobalAveragePool", "AveragePool", "ReduceMean"}
	}
	return nil
}

// layer reports whether the nodes of layer i tell how a part of it is computed.
func (d *divider) layer(i int, nodes []int) bool {
	l := d.b.Layer(i)
	count := 0
	for _, n := range nodes {
		if slices.Contains(principals(l.Op), d.m.Nodes[n].OpType) {
			count++
		}
	}
	if count != min(1, len(principals(l.Op))) {
		return false
	}
	w := trace{divider: d, i: i, l: l, nodes: nodes, seen: map[string]bool{}}
	return w.known(d.m.Tensors[i])
}

// trace goes from the tensor of a layer back to the tensors of its inputs.
type trace struct {
	*divider
	i     int
	l     *workloads.Layer
	nodes []int
	seen  map[string]bool
}

// known reports whether a part of a tensor can be had of parts of the layer's inputs.
func (w *trace) known(name string) bool {
	if w.seen[name] {
		return true
	}
	w.seen[name] = true
	if v, ok := w.views.Last(name); name == "" || !ok || v.Constant {
		return true
	}
	for _, p := range w.l.Inputs {
		in := w.b.Layer(p).Out
		if v, ok := w.views.Of(name, p); ok && (in.H == 1 || v.Arrangement(in).Rows()) {
			return true
		}
	}
	n, at := w.own(name)
	if n == nil {
		return false
	}
	if slices.Contains(principals(w.l.Op), n.OpType) {
		return true
	}
	v := w.views[name][0]
	if own, ok := w.views.Of(name, w.i); ok {
		v = own
		if v.Axis(1, w.l.Out) < 0 || w.l.Out.H > 1 && !v.Arrangement(w.l.Out).Rows() {
			return false
		}
		if below, alias := w.views.Of(n.Inputs[0], w.i); alias && n.Rearranges() {
			return w.rearranged(n.Inputs[0], below)
		}
	}
	if w.l.Op == workloads.OpGlobalPool || !n.Rowwise(v) {
		return false
	}
	return !slices.ContainsFunc(w.m.Nodes[at].Inputs, func(in string) bool { return !w.known(in) })
}

// rearranged is known for a tensor that is only looked through: of what lies below its arrangements.
func (w *trace) rearranged(name string, v View) bool {
	for {
		n, _ := w.own(name)
		if n == nil || !n.Rearranges() {
			return !v.Scrambled && !v.Padded && w.known(name)
		}
		below, ok := w.views.Of(n.Inputs[0], w.i)
		if !ok {
			return w.known(name)
		}
		name, v = n.Inputs[0], below
	}
}

// own returns the node of the layer that makes a tensor, or nil.
func (w *trace) own(name string) (*Node, int) {
	if i, made := w.maker[name]; made && slices.Contains(w.nodes, i) {
		return &w.m.Nodes[i], i
	}
	return nil, 0
}
