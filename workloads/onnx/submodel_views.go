package onnx

import (
	"io"
	"os"
	"slices"

	"hidp/workloads"
)

// View says what a tensor of a file is in terms of the graph: a constant, or another look at what a layer produces.
type View struct {
	Type DataType
	Dims []int64 // for a batch of one

	Layer     int   // whose output it shows; -1 for constants and for what no output depends on
	Perm      []int // if not nil, axis i of the tensor is axis Perm[i] of the layer's 1×C×H×W
	Scrambled bool  // the layer's elements in another order, which is not known
	Padded    bool  // with zeros around them

	Constant bool      // independent of the data
	Known    bool      // Values holds the values
	Values   []float64 // of a small constant; integers beyond 2^40 mean "to the end"
}

// LoadViews is Load for those who cut models to pieces: it also returns what each tensor shows that Load looked at, by name.
func LoadViews(path string, opt Options) (*workloads.Graph, *Model, map[string]View, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, nil, nil, about(path, err)
	}
	defer file.Close()
	g, im, err := readAll(file, size, path, opt)
	if err != nil {
		return nil, nil, nil, about(path, err)
	}
	layer := im.liveDrafts()
	views := map[string]View{}
	for name, v := range im.values {
		w := View{Type: v.kind, Dims: v.dims, Layer: -1, Perm: v.perm, Scrambled: v.scrambled, Padded: v.padded(),
			Constant: v.constant, Known: v.constant && v.known, Values: v.list}
		if !v.constant && v.layer < len(layer) {
			w.Layer = layer[v.layer]
		}
		views[name] = w
	}
	return g, im.m, views, nil
}

// liveDrafts returns, for each draft, the layer that it became, or -1.
func (im *importer) liveDrafts() []int {
	live := make([]bool, len(im.drafts))
	live[len(live)-1] = true
	for i, d := range slices.Backward(im.drafts) {
		for _, in := range d.Inputs {
			live[in] = live[in] || live[i]
		}
	}
	layer, n := make([]int, len(live)), 0
	for i := range live {
		layer[i] = -1
		if live[i] || i == 0 {
			layer[i] = n
			n++
		}
	}
	return layer
}

// Decode reads the structure of a model that is not in a file of its own. External data is looked for in folder. Nothing is
// checked but the format.
func Decode(file io.ReaderAt, size int64, folder string) (*Model, error) {
	m, err := decode(file, size)
	if err != nil {
		return nil, err
	}
	m.Path = folder + string(os.PathSeparator) + "model"
	return m, checkExternal(m)
}
