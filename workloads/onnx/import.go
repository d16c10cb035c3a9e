package onnx

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"hidp/workloads"
)

// node is an operator application during the import: one of the file's, or several that were rewritten to one.
type node struct {
	*Node        // whose attributes count
	fn    string // the operator, which is Node.op() unless rewritten
	in    []string
	out   []string
	ids   []int // indices of the nodes it stands for, ascending
	data  bool  // the outputs depend on what it computes, not only on its shape
}

// importer turns a Model into drafts of layers.
type importer struct {
	m      *Model
	file   io.ReaderAt
	layout Layout // of images, as the user says
	nodes  []*node
	uses   map[string]int // readers of each tensor; the network's outputs have at least two
	values map[string]*value
	drafts []*draft
	table  map[string]operator
	weight map[string]*Tensor
	learnt map[string][]int // arguments that are parameters, by operator

	stated   map[string]*Port   // what the file says of tensors
	named    map[string]int64   // dimensions of inputs that have a name in the file
	reshaped string             // why what the file states of shapes does not hold, if it does not
	folded   int64              // values of constants looked at so far
	moved    map[string][]value // what tensors showed before a layer of its own arranged them anew
	views    Views              // what tensors show in the end
}

func newImporter(m *Model, file io.ReaderAt, sorted []int, layout Layout) *importer {
	im := &importer{m: m, file: file, layout: layout, values: map[string]*value{}, table: operators(), learnt: learntArguments(),
		weight: map[string]*Tensor{}, moved: map[string][]value{}}
	for i := range m.Weights {
		im.weight[m.Weights[i].Name] = &m.Weights[i]
	}
	live, data := alive(m, sorted, false), alive(m, sorted, true)
	for _, i := range sorted {
		if n := &m.Nodes[i]; live[i] {
			im.nodes = append(im.nodes, &node{Node: n, fn: n.op(), in: slices.Clone(n.Inputs), out: n.Outputs, ids: []int{i}, data: data[i]})
		}
	}
	return im
}

// run makes the drafts.
func (im *importer) run() error {
	im.rewrite()
	im.countUses(false)
	im.feed()
	for _, n := range im.nodes {
		if err := im.node(n); err != nil {
			if im.m.batch > 1 {
				return fmt.Errorf("%v: %w (the batch of %d that the file fixes is taken as 1)", n.Node, err, im.m.batch)
			}
			return fmt.Errorf("%v: %w", n.Node, err)
		}
	}
	return nil
}

// unsupported reports all operators that are not known and cannot be executed whole.
func (im *importer) unsupported() error {
	type refused struct {
		node  *Node
		why   string
		count int
	}
	all := map[string]*refused{}
	for _, n := range im.nodes {
		if _, ok := im.table[n.fn]; ok {
			continue
		}
		why := im.refusal(n)
		if why == "" {
			continue
		}
		if all[n.fn] == nil {
			all[n.fn] = &refused{node: n.Node, why: why}
		}
		all[n.fn].count++
	}
	if len(all) == 0 {
		return nil
	}
	var list []string
	for _, op := range slices.Sorted(maps.Keys(all)) {
		r := all[op]
		text := fmt.Sprintf("%s (node %s", op, quote(r.node.ID))
		if r.count > 1 {
			text += fmt.Sprintf(" and %d more", r.count-1)
		}
		domain := r.node.Domain
		if domain == "" {
			domain = "ai.onnx"
		}
		list = append(list, text+", domain "+clip(domain)+"): "+r.why)
	}
	return fmt.Errorf("unsupported operators: %s", strings.Join(list, "; "))
}

// countUses counts how many nodes read each tensor: all, or only those that read its data for the outputs.
func (im *importer) countUses(all bool) {
	im.uses = map[string]int{}
	for _, n := range im.nodes {
		if all || n.data && n.fn != "Shape" && n.fn != "Size" {
			for _, in := range n.in {
				im.uses[in]++
			}
		}
	}
	for _, out := range im.m.Outputs {
		im.uses[out.Name] += 2
	}
}

// feed makes values of the inputs.
func (im *importer) feed() {
	for i := range im.m.Inputs {
		p := &im.m.Inputs[i]
		v := &value{name: p.Name, dims: p.Dims, kind: p.Type, constant: true}
		if p.Name == im.m.Input {
			v.constant = false
			l := workloads.Layer{Op: workloads.OpInput, Name: p.Name, Out: shape(p.Dims), Class: workloads.ClassElementwise, ElemBytes: p.Type.Bytes()}
			if im.channelsLast(v) {
				v.perm = []int{0, 2, 3, 1}
				l.Out = workloads.Shape{C: l.Out.W, H: l.Out.C, W: l.Out.H}
			}
			im.drafts = []*draft{{Layer: l, tensor: p.Name}}
		}
		if _, initialised := im.weight[p.Name]; !initialised {
			im.values[p.Name] = v
		}
	}
}

// value returns the tensor called name.
func (im *importer) value(name string) (*value, error) {
	if name == "" {
		return nil, nil
	}
	v := im.values[name]
	if v == nil {
		t := im.weight[name]
		if t == nil {
			return nil, fmt.Errorf("tensor %s is not among what this operator's producer is known to produce", quote(name))
		}
		v = im.constant(t, name)
		im.values[name] = v
	}
	return v, nil
}

// constant returns tensor t as a value.
func (im *importer) constant(t *Tensor, name string) *value {
	v := &value{name: name, dims: t.Dims, kind: t.Type, constant: true, origins: []*Tensor{t}}
	if (t.values <= 64 || !t.Type.real()) && im.afford(min(t.values, maxFolded)) {
		v.list, v.known = t.read(im.m, im.file)
	}
	return v
}

// maxInputs bounds the inputs of one node.
const maxInputs = 1 << 12

// node imports one node: output shapes, values of constants, layers.
func (im *importer) node(n *node) error {
	op, known := im.table[n.fn]
	if !known {
		op = unknownOperator()
	}
	c := &call{importer: im, node: n, kind: Float}
	constant := true
	for i, name := range n.in {
		v, err := im.value(name)
		if err != nil {
			return err
		}
		c.args = append(c.args, v)
		constant = constant && (v == nil || v.constant)
		if i == 0 && v != nil {
			c.kind = v.kind
		}
	}
	if len(n.in) > maxInputs {
		return fmt.Errorf("has %d inputs; at most %d are supported", len(n.in), maxInputs)
	}
	if len(n.in) < op.inputs {
		return fmt.Errorf("has %d inputs, needs %d", len(n.in), op.inputs)
	}
	for _, v := range c.args[:op.inputs] {
		if v == nil {
			return fmt.Errorf("lacks one of its %d inputs", op.inputs)
		}
	}
	args := slices.Clone(c.args)
	dims, err := op.infer(c)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(n.out[:min(len(n.out), len(dims))], func(name string) bool { return name != "" }) {
		return fmt.Errorf("only outputs beyond the first %d are used; they are not modelled", len(dims))
	}
	for i, d := range dims {
		if len(d) > maxRank {
			return fmt.Errorf("its output has %d dimensions", len(d))
		}
		n, err := product(d)
		if err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		if n == 0 && !constant {
			return fmt.Errorf("output %d is empty: %v", i, d)
		}
	}
	if constant || op.shape {
		c.fold(dims)
		return nil
	}
	if err := op.lower(c, dims); err != nil {
		return err
	}
	c.fillShapes(dims)
	return c.complete(args)
}

// fillShapes makes values of the outputs beyond the first that the lowering has left out, because nobody reads more of them than
// their dimensions.
func (c *call) fillShapes(dims shapes) {
	for i := 1; i < min(len(c.out), len(dims)); i++ {
		if name := c.out[i]; name != "" && c.values[name] == nil && !c.used(i) && c.values[c.out[0]] != nil {
			v := *c.values[c.out[0]]
			v.name, v.dims, v.kind, v.perm, v.scrambled = name, dims[i], c.kindOf(i), nil, true
			c.set(i, &v)
		}
	}
}

// complete makes sure that the layers of the outputs read all arguments that depend on the data: none may vanish from the graph.
func (c *call) complete(args []*value) error {
	for k, name := range c.out {
		out := c.values[name]
		if out == nil {
			continue
		}
		for i, v := range args {
			if v == nil || v.constant || v.layer == out.layer || slices.Contains(c.drafts[out.layer].Inputs, v.layer) {
				continue
			}
			return fmt.Errorf("its input %d (%s) depends on the network's data, and output %d would not: this is not supported", i+1, quote(v.name), k+1)
		}
	}
	return nil
}
