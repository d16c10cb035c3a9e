package calibration

import (
	"hidp/devices/dnns"
	"hidp/workloads"
)

// TableOf returns the layers of a graph as a table has them. Layer i of the graph is layer i-1 of the table, for the
// input is none; activations that runtimes compute in a kernel of their own stay with the layer that they follow (see
// GraphCounts).
func TableOf(g *workloads.Graph) *dnns.Network {
	n := &dnns.Network{Name: g.Name}
	for i := 1; i < len(g.Layers); i++ {
		n.Layers = append(n.Layers, tableLayer(g, i))
	}
	return n
}

var tableClasses = [workloads.NumClasses]dnns.Class{workloads.ClassConv3x3: dnns.Conv3x3,
	workloads.ClassConvKxK: dnns.ConvKxK,
	workloads.ClassConv1x1: dnns.Conv1x1, workloads.ClassDepthwise: dnns.Depthwise, workloads.ClassGrouped: dnns.Grouped,
	workloads.ClassFC: dnns.FC, workloads.ClassElementwise: dnns.Elementwise}

var tableOps = map[workloads.Op]string{workloads.OpConv: "conv", workloads.OpConvTranspose: "deconv",
	workloads.OpLinear:  "fc",
	workloads.OpMaxPool: "maxpool", workloads.OpAvgPool: "avgpool", workloads.OpGlobalPool: "gap",
	workloads.OpUpsample: "resize"}

func tableLayer(g *workloads.Graph, i int) dnns.Layer {
	l := &g.Layers[i]
	op, ok := tableOps[l.Op]
	if !ok {
		op = l.Op.String()
	}
	t := dnns.Layer{Op: op, Class: tableClasses[l.Class], OutChannels: l.Out.C, OutRows: l.Out.H, OutColumns: l.Out.W,
		KernelRows: max(1, l.Window.KH), KernelColumns: max(1, l.Window.KW), Stride: max(1, l.Window.SH), Groups: max(1,
			l.Groups),
		MACs: l.MACs, Weights: l.WeightBytes / bytesPerElement, Outputs: l.Out.Elements(), BatchNorm: l.Norm &&
			l.Op == workloads.OpConv}
	for _, in := range l.Inputs {
		t.Inputs += g.Layers[in].Out.Elements()
	}
	if len(l.Inputs) > 0 {
		in := g.Layers[l.Inputs[0]].Out
		t.InChannels, t.InRows, t.InColumns = max(1, in.C), in.H, in.W
	}
	if l.Act != workloads.NoAct {
		t.Activation = "act"
	}
	return t
}

// apart says which activations are a layer of their own in tables: runtimes fuse those that are a comparison.
func apart(a workloads.Activation) bool {
	switch a {
	case workloads.NoAct, workloads.ReLU, workloads.ReLU6, workloads.LeakyReLU:
		return false
	}
	return true
}

// GraphCounts returns the counts of the layers of a graph by their index, that of the input included, without the
// inference.
func GraphCounts(g *workloads.Graph, s Style) []Counts {
	table := TableOf(g)
	out := make([]Counts, len(g.Layers))
	for i := range table.Layers {
		l := &table.Layers[i]
		if s.Whole || !apart(g.Layers[i+1].Act) {
			out[i+1] = LayerCounts(l, s)
			continue
		}
		l.Activation = ""
		out[i+1] = LayerCounts(l, s)
		own := LayerCounts(&dnns.Layer{Op: "swish", Class: dnns.Elementwise, OutRows: l.OutRows, OutColumns: l.OutColumns,
			OutChannels: l.OutChannels, InChannels: l.OutChannels, Inputs: l.Outputs, Outputs: l.Outputs}, s)
		out[i+1].add(&own)
	}
	return out
}

// Total sums the counts of layers and adds one inference.
func Total(layers []Counts) (total Counts) {
	for i := range layers {
		total.add(&layers[i])
	}
	total[Invoke]++
	return total
}
