package onnx

import (
	"io"
	"os"

	"hidp/internal/input"
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

// LoadViews is Load for those who cut models to pieces: it also returns what each tensor shows that Load looked at.
func LoadViews(path string, opt Options) (*workloads.Graph, *Model, Views, error) {
	file, size, err := input.Regular(path, input.Model)
	if err != nil {
		return nil, nil, nil, about(path, err)
	}
	defer file.Close()
	g, im, err := readAll(file, size, path, opt)
	if err != nil {
		return nil, nil, nil, about(path, err)
	}
	return g, im.m, im.views, nil
}

// show returns what the tensors show, given the layers that drafts became.
func (im *importer) show(layer []int) Views {
	views := Views{}
	add := func(name string, v *value) {
		w := View{Type: v.kind, Dims: v.dims, Layer: -1, Perm: v.perm, Scrambled: v.scrambled, Padded: v.padded(),
			Constant: v.constant, Known: v.constant && v.known, Values: v.list}
		if !v.constant && v.layer < len(layer) {
			w.Layer = layer[v.layer]
		}
		views[name] = append(views[name], w)
	}
	for name, list := range im.moved {
		for i := range list {
			add(name, &list[i])
		}
	}
	for name, v := range im.values {
		add(name, v)
	}
	return views
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
