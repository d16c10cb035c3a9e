package onnx

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// producers maps every tensor to the node that makes it (-1: an input or initialiser). A tensor made twice is an error.
func producers(m *Model) (map[string]int, error) {
	by := map[string]int{}
	for i := range m.Weights {
		by[m.Weights[i].Name] = -1
	}
	for i := range m.Inputs {
		by[m.Inputs[i].Name] = -1
	}
	if _, unnamed := by[""]; unnamed {
		return nil, errors.New("an input or initialiser has no name")
	}
	for i := range m.Nodes {
		for _, out := range m.Nodes[i].Outputs {
			if out == "" {
				continue
			}
			if _, twice := by[out]; twice {
				return nil, fmt.Errorf("%v: its output %s is produced elsewhere too", &m.Nodes[i], quote(out))
			}
			by[out] = i
		}
	}
	return by, nil
}

// order returns the nodes in an order in which each comes after those it reads: the file's own, unless it is wrong.
func order(m *Model) ([]int, error) {
	by, err := producers(m)
	if err != nil {
		return nil, err
	}
	waits := make([]int, len(m.Nodes))     // inputs not produced yet
	readers := make([][]int, len(m.Nodes)) // nodes that wait for a node
	var ready, sorted []int
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			p, there := by[in]
			if in == "" || p == -1 && there {
				continue
			}
			if !there {
				return nil, fmt.Errorf("%v reads tensor %s, which is missing: no node, input or initialiser has that name", &m.Nodes[i], quote(in))
			}
			waits[i]++
			readers[p] = append(readers[p], i)
		}
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	for _, out := range m.Outputs {
		if _, there := by[out.Name]; !there {
			return nil, fmt.Errorf("output %s is missing: no node produces it", quote(out.Name))
		}
	}
	for len(ready) > 0 {
		i := ready[0]
		ready = ready[1:]
		sorted = append(sorted, i)
		for _, r := range readers[i] {
			if waits[r]--; waits[r] == 0 {
				ready = append(ready, r)
			}
		}
	}
	if len(sorted) < len(m.Nodes) {
		return nil, fmt.Errorf("the graph has a cycle through %s", cycle(m, by, waits))
	}
	if inFileOrder(m, by) {
		sort.Ints(sorted)
	}
	return sorted, nil
}

// inFileOrder reports whether every node comes after those it reads, as ONNX demands.
func inFileOrder(m *Model, by map[string]int) bool {
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			if in != "" && by[in] >= i {
				return false
			}
		}
	}
	return true
}

// cycle describes a cycle among the nodes that still wait.
func cycle(m *Model, by map[string]int, waits []int) string {
	i := 0
	for waits[i] == 0 {
		i++
	}
	seen := map[int]int{} // node to its position on the walk
	var walk []int
	for {
		if at, again := seen[i]; again {
			walk = walk[at:]
			break
		}
		seen[i] = len(walk)
		walk = append(walk, i)
		for _, in := range m.Nodes[i].Inputs { // some input of a waiting node comes from a waiting node
			if p, there := by[in]; there && p >= 0 && waits[p] > 0 {
				i = p
				break
			}
		}
	}
	var names []string
	for _, n := range walk[:min(4, len(walk))] {
		names = append(names, m.Nodes[n].String())
	}
	if len(walk) > 4 {
		names = append(names, fmt.Sprintf("%d more", len(walk)-4))
	}
	return strings.Join(names, ", ")
}

// alive returns the nodes of sorted on which the outputs depend. With data, nodes that are only asked for their shape do not
// count.
func alive(m *Model, sorted []int, data bool) []bool {
	needed := map[string]bool{}
	for _, out := range m.Outputs {
		needed[out.Name] = true
	}
	live := make([]bool, len(m.Nodes))
	for k := len(sorted) - 1; k >= 0; k-- {
		n := &m.Nodes[sorted[k]]
		for _, out := range n.Outputs {
			live[sorted[k]] = live[sorted[k]] || (out != "" && needed[out])
		}
		if !live[sorted[k]] || data && n.Domain == "" && (n.OpType == "Shape" || n.OpType == "Size") {
			continue
		}
		for _, in := range n.Inputs {
			needed[in] = true
		}
	}
	return live
}
