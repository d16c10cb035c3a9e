package onnx

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// decided is the error of an If whose condition is known before the network runs: its branch can stand in its place.
type decided struct {
	node   *Node
	branch string // the name of the attribute with the branch that is taken
}

func (d *decided) Error() string { return fmt.Sprintf("%v takes its %s", d.node, d.branch) }

// inferIf tells which branch of an If is taken, by a decided error. There is no layer that decides when the network runs.
func inferIf(c *call) (shapes, error) {
	v := c.args[0]
	if !v.constant || !v.known || len(v.list) != 1 {
		return nil, fmt.Errorf("which branch is taken depends on %s, whose value is not known before the network runs: this is not supported", quote(v.name))
	}
	branch := "else_branch"
	if v.list[0] != 0 {
		branch = "then_branch"
	}
	return nil, &decided{c.node.Node, branch}
}

// splice puts the nodes of the branch that an If takes in its place.
func (m *Model) splice(d *decided, file io.ReaderAt, size int64) error {
	at := slices.IndexFunc(m.Nodes, func(n Node) bool { return n.ID == d.node.ID })
	n := m.Nodes[at]
	a, _ := n.attr(d.branch)
	if !a.HasGraph {
		return fmt.Errorf("%v: its attribute %s is no graph", &n, d.branch)
	}
	c := newCursor(file, size)
	if err := c.skip(a.graph.Offset); err != nil {
		return err
	}
	c.memory = m.memory
	var g Model
	if err := c.graph(field{number: 7, kind: 2, length: a.graph.Length}, &g); err != nil {
		return fmt.Errorf("%v: %s: %w", &n, d.branch, err)
	}
	m.memory = c.memory
	if len(g.Outputs) != len(n.Outputs) {
		return fmt.Errorf("%v: its %s has %d outputs, but the node %d", &n, d.branch, len(g.Outputs), len(n.Outputs))
	}
	made, err := m.branch(&n, &g)
	if err != nil {
		return fmt.Errorf("%v: %w", &n, err)
	}
	m.Nodes = slices.Concat(m.Nodes[:at], made, m.Nodes[at+1:])
	nameNodes(m.Nodes)
	return nil
}

// branch returns the nodes of graph g, which node n takes, as nodes of the model, and gives the model its weights.
func (m *Model) branch(n *Node, g *Model) ([]Node, error) {
	s := newInliner(m).scope(n)
	if n.scope != nil { // the branch sees what is around the node
		s.names, s.attrs = maps.Clone(n.scope.names), n.scope.attrs
	}
	for i := range g.Weights {
		t := g.Weights[i]
		s.names[t.Name] = s.unique(t.Name)
		t.Name = s.names[t.Name]
		m.Weights = append(m.Weights, t)
	}
	var outputs []string
	for i := range g.Outputs {
		outputs = append(outputs, g.Outputs[i].Name)
	}
	nodes, err := s.body(g.Nodes, outputs, n.Outputs, 0)
	return nodes, first(err, checkExternal(m))
}
