package onnx

import (
	"errors"
	"slices"

	"hidp/workloads"
)

// emit makes the graph called name of the drafts on which the outputs depend.
func (im *importer) emit(name string) (*workloads.Graph, error) {
	if err := im.join(); err != nil {
		return nil, err
	}
	live := make([]bool, len(im.drafts))
	live[len(live)-1] = true
	for i := len(live) - 1; i > 0; i-- {
		for _, in := range im.drafts[i].Inputs {
			live[in] = live[in] || live[i]
		}
	}
	if !live[0] {
		return nil, errors.New("nothing is computed from the input")
	}
	im.settleLearnt(live)
	b := workloads.NewBuilder(name, im.drafts[0].Out)
	im.finish(b.Layer(0), im.drafts[0], nil)
	index := make([]int, len(live)) // of drafts in the graph, -1 for those that are not there
	nodes := [][]int{nil}
	counted := map[*Tensor]bool{} // weights that several layers share count once
	im.m.Tensors = []string{im.drafts[0].tensor}
	for i, d := range im.drafts[1:] {
		if index[i+1] = -1; !live[i+1] {
			continue
		}
		inputs := make([]int, len(d.Inputs))
		for k, in := range d.Inputs {
			inputs[k] = index[in]
		}
		index[i+1] = build(b, d, inputs)
		im.finish(b.Layer(index[i+1]), d, counted)
		im.m.Tensors = append(im.m.Tensors, d.tensor)
		nodes = append(nodes, d.nodes)
	}
	im.views = im.show(index)
	divide(im.m, b, nodes, im.views)
	return b.Build()
}

// join makes the last draft the network's one output.
func (im *importer) join() error {
	var outputs []*value
	var layers []int
	for _, out := range im.m.Outputs {
		v, err := im.value(out.Name)
		if err != nil {
			return err
		}
		if v.constant {
			continue
		}
		im.whole(v)
		if v.layer > 0 && !slices.Contains(layers, v.layer) {
			outputs, layers = append(outputs, v), append(layers, v.layer)
		} else {
			im.drafts[v.layer].nodes = append(im.drafts[v.layer].nodes, v.via...)
		}
	}
	if len(outputs) == 0 {
		return errors.New("nothing is computed from the input")
	}
	if len(outputs) > 1 {
		n := int64(0)
		for _, v := range outputs {
			n += v.elements()
		}
		l := workloads.Layer{Name: "outputs", Op: workloads.OpOpaque, Out: shape([]int64{n}), Class: workloads.ClassElementwise, ElemBytes: 4}
		im.add(l, "", []int64{n}, Float, nil, outputs...)
		im.m.assume("the %d outputs are joined by a last layer that costs nothing", len(outputs))
		return nil
	}
	if outputs[0].scrambled { // the answer has its elements in the order of the file
		im.move(outputs[0])
	}
	layers[0] = outputs[0].layer
	d := im.drafts[layers[0]]
	d.nodes = append(d.nodes, outputs[0].via...)
	im.drafts = im.drafts[:layers[0]+1] // nothing after the output's layer is needed
	return nil
}

// build adds draft d to b, with the counts and classes that b gives its kind.
func build(b *workloads.Builder, d *draft, in []int) int {
	switch d.Op {
	case workloads.OpConv:
		return b.Conv(d.Name, in[0], workloads.Conv{Out: d.Out.C, Window: d.Window, Groups: d.Groups, Bias: d.Bias, Norm: d.Norm, Act: d.Act})
	case workloads.OpLinear:
		return b.Linear(d.Name, in[0], d.Out.C, d.Act)
	case workloads.OpMaxPool, workloads.OpAvgPool:
		return b.Pool(d.Name, d.Op, in[0], d.Window)
	case workloads.OpGlobalPool:
		return b.GlobalPool(d.Name, in[0])
	case workloads.OpAdd:
		return b.Sum(d.Name, d.Act, in...)
	case workloads.OpMul:
		return b.Mul(d.Name, in[0], in[1])
	case workloads.OpConcat:
		return b.Concat(d.Name, in...)
	}
	l := d.Layer
	l.Inputs = in
	return b.Add(l)
}

// finish completes layer l with what the file says of it.
func (im *importer) finish(l *workloads.Layer, d *draft, counted map[*Tensor]bool) {
	l.Name, l.ElemBytes = d.Name, d.ElemBytes
	l.Bias, l.Norm, l.Act = d.Bias, d.Norm, d.Act
	l.Params, l.WeightBytes = 0, 0
	for _, t := range d.weights {
		l.WeightBytes += t.Type.Size(t.values)
		if !counted[t] {
			counted[t] = true
			l.Params += t.values
		}
	}
	slices.Sort(d.nodes)
	d.nodes = slices.Compact(d.nodes)
	for _, i := range d.nodes {
		l.Nodes = append(l.Nodes, im.m.Nodes[i].ID)
	}
}
