package external

import (
	"fmt"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

// Model is a network as programs in other languages see it, in the problem message and in `hidp model inspect --json`.
type Model struct {
	Name        string   `json:"name"`
	Fingerprint string   `json:"fingerprint"` // of structure and sizes, 16 hex digits
	Layers      []Layer  `json:"layers"`      // layer 0 is the input, the last one the output
	Blocks      [][2]int `json:"blocks"`      // layers [from, to) between neighbouring cut points
}

// Layer is one layer. FLOPs, MACs and bytes are those of one sample.
type Layer struct {
	Index       int      `json:"index"`
	Name        string   `json:"name"`
	Op          string   `json:"op"`
	Class       string   `json:"class"`
	Inputs      []int    `json:"inputs"`   // the edges of the graph: layers whose tensors it reads
	Rows        int      `json:"rows"`     // by which the layer can be split; of a global pool those of its input
	Channels    int      `json:"channels"` // of its output
	Splittable  bool     `json:"splittable"`
	Dims        []Dim    `json:"dims"` // the axes of its domain without the samples, those of its output first
	Accesses    []Access `json:"accesses"`
	FLOPs       int64    `json:"flops"`
	MACs        int64    `json:"macs"`
	Params      int64    `json:"params"`
	WeightBytes int64    `json:"weight_bytes"`
	OutputBytes int64    `json:"output_bytes"`
	ElemBytes   int      `json:"elem_bytes"`
}

// Dim is an axis of a layer's domain.
type Dim struct {
	Axis    string `json:"axis"`
	Size    int    `json:"size"`
	Reduced bool   `json:"reduced,omitempty"` // the layer sums over it
}

// Access says what a layer reads of one input, an entry for each axis of the input's tensor without the samples.
type Access struct {
	Input int   `json:"input"`
	Axes  []Map `json:"axes"`
}

// Map says which span of an axis of the input a span [lo, hi) of axis Of needs: from floor((lo·mul-lead)/div)·post up to
// ceil((hi·mul+tail)/div)·post, clipped to [0, size); Whole changes that for a full span. With mul 0 the need does not depend on what is wanted.
type Map struct {
	Axis string `json:"axis"`
	Of   string `json:"of"`
	Size int    `json:"size"`
	Mul  int    `json:"mul"`
	Lead int    `json:"lead"`
	Tail int    `json:"tail"`
	Div  int    `json:"div"`
	Post int    `json:"post"`

	Whole bool `json:"whole,omitempty"` // all of axis Of needs all, even where a window does not reach the last element
}

// DescribeModel returns g as programs see it.
func DescribeModel(g *workloads.Graph) Model {
	m := Model{Name: g.Name, Fingerprint: fmt.Sprintf("%016x", g.Fingerprint())}
	for i := range g.Layers {
		m.Layers = append(m.Layers, describeLayer(g, i))
	}
	for _, b := range g.Blocks() {
		m.Blocks = append(m.Blocks, [2]int{b.From, b.To})
	}
	return m
}

func describeLayer(g *workloads.Graph, i int) Layer {
	l, x := &g.Layers[i], g.Geometry(i)
	out := Layer{Index: i, Name: l.Name, Op: l.Op.String(), Class: l.Class.String(), Inputs: append([]int{}, l.Inputs...), Rows: g.Rows(i),
		Channels: l.Out.C, Splittable: !g.Whole(i), Dims: dims(&x.Dims), Accesses: []Access{}, FLOPs: l.FLOPs, MACs: l.MACs, Params: l.Params,
		WeightBytes: l.WeightBytes, OutputBytes: g.Bytes(workloads.Part{Layer: i, Box: g.Full(i, 1)}), ElemBytes: l.ElemBytes}
	for k := range x.Inputs {
		out.Accesses = append(out.Accesses, access(&x.Inputs[k], &x.Dims, &g.Geometry(int(x.Inputs[k].In)).Dims))
	}
	return out
}

// dims lists the axes of a domain behind the samples, which are those of the request.
func dims(d *tensor.Dims) []Dim {
	out := []Dim{}
	for a := 1; a < d.Axes(); a++ {
		out = append(out, Dim{Axis: d.Axis[a].String(), Size: int(d.Size[a]), Reduced: a >= d.Rank})
	}
	return out
}

func access(x *tensor.Access, of, in *tensor.Dims) Access {
	out := Access{Input: int(x.In), Axes: []Map{}}
	for a := 1; a < in.Rank; a++ {
		m := &x.Maps[a]
		out.Axes = append(out.Axes, Map{Axis: in.Axis[a].String(), Of: of.Axis[m.Of].String(), Size: int(m.Size), Mul: int(m.Mul),
			Lead: int(m.Lead), Tail: int(m.Tail), Div: int(m.Div), Post: int(m.Post), Whole: m.Keep})
	}
	return out
}
