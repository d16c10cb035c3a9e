package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hidp/workloads"
)

// What Export writes: the version of the file format and of the operators.
const (
	exportIR    = 8
	exportOpset = 17
)

// Export writes g as an ONNX model to path, with weights drawn from seed in a file beside it: NAME.onnx and NAME.onnx.data.
// Batch normalisations are nodes of their own. The batch is open. The weights make activations neither vanish nor overflow; they
// are of no other use. They are streamed, so that memory does not grow with the model.
//
// Both files appear complete or not at all. A graph with opaque layers or ones with an unknown function cannot be exported.
func Export(g *workloads.Graph, path string, seed uint64) error {
	return ExportContext(context.Background(), g, path, seed)
}

// ExportContext is Export for callers that may be interrupted: once ctx is done it stops, leaves no file behind and returns
// the error of ctx.
func ExportContext(ctx context.Context, g *workloads.Graph, path string, seed uint64) error {
	return export(g, path, func(f *weightFile, out *os.File) error {
		f.seed = seed
		return f.write(ctx, out)
	})
}

// export is Export with the weights written by fill.
func export(g *workloads.Graph, path string, fill func(f *weightFile, out *os.File) error) error {
	data := path + ".data"
	x := &exporter{g: g, data: weightFile{name: filepath.Base(data)}, ranks: make([]int, len(g.Layers)), names: make([]string, len(g.Layers))}
	for i := range g.Layers {
		if err := x.layer(i); err != nil {
			return fmt.Errorf("%s: layer %d (%s): %w", g.Name, i, g.Layers[i].Name, err)
		}
	}
	model := x.model()
	tmp, err := writeTemporary(data, func(out *os.File) error { return fill(&x.data, out) })
	if err != nil {
		return err
	}
	defer os.Remove(tmp) // fails once it is renamed
	tmpModel, err := writeTemporary(path, func(out *os.File) error {
		_, err := out.Write(model)
		return err
	})
	if err != nil {
		return err
	}
	defer os.Remove(tmpModel)
	if err := os.Rename(tmp, data); err != nil {
		return err
	}
	if err := os.Rename(tmpModel, path); err != nil {
		return errors.Join(err, os.Remove(data))
	}
	return nil
}

// writeTemporary writes a file beside path, to be renamed to it.
func writeTemporary(path string, fill func(out *os.File) error) (name string, err error) {
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	err = first(fill(out), out.Chmod(0o644), out.Close())
	if err != nil {
		out.Close() // a second time if that was not what failed: no matter
		os.Remove(out.Name())
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return out.Name(), nil
}

// exporter turns layers to nodes.
type exporter struct {
	g     *workloads.Graph
	nodes []Node
	data  weightFile
	ranks []int    // dimensions of each layer's tensor in the file: 4, or 2 for fully connected layers
	names []string // name of each layer's tensor
	used  map[string]bool
}

// model returns the encoded model.
func (x *exporter) model() []byte {
	port := func(name string, i int) Port {
		s := x.g.Layers[i].Out
		p := Port{Name: name, Type: Float, Shaped: true, Dims: []int64{-1, int64(s.C)}, Params: []string{"batch", ""}}
		if x.ranks[i] == 4 {
			p.Dims = append(p.Dims, int64(s.H), int64(s.W))
		}
		return p
	}
	out := x.g.Output()
	m := &Model{IRVersion: exportIR, Opset: exportOpset, Producer: "hidp", Nodes: x.nodes, Weights: x.data.tensors,
		Inputs: []Port{port(x.names[0], 0)}, Outputs: []Port{port(x.names[out], out)}}
	return encode(m, x.g.Name)
}

// node appends a node that produces a tensor of its own name, and returns that.
func (x *exporter) node(name, op string, inputs []string, attrs ...Attr) string {
	x.nodes = append(x.nodes, Node{Name: name, OpType: op, Inputs: inputs, Outputs: []string{name + ":0"}, Attrs: attrs})
	return name + ":0"
}

// layer appends the nodes of layer i.
func (x *exporter) layer(i int) error {
	l := &x.g.Layers[i]
	name := x.unique(l.Name, i)
	if l.Op == workloads.OpInput {
		x.ranks[0], x.names[0] = 4, name
		return nil
	}
	var in []string
	for _, p := range l.Inputs {
		in = append(in, x.names[p])
	}
	x.ranks[i] = x.ranks[l.Inputs[0]]
	out, err := x.operator(i, name, in)
	if err != nil {
		return err
	}
	norm, act := name+".norm", name+".act"
	if l.Op == workloads.OpElementwise { // the first node has the layer's name, as with other layers
		norm = name
		if !l.Norm {
			act = name
		}
	}
	if l.Norm {
		out = x.norm(i, norm, out)
	}
	x.names[i], err = x.activation(l.Act, act, out)
	return err
}

// unique returns a name for layer i that no other layer has.
func (x *exporter) unique(name string, i int) string {
	if x.used == nil {
		x.used = map[string]bool{}
	}
	if name == "" || x.used[name] {
		name = strings.TrimPrefix(fmt.Sprintf("%s.%d", name, i), ".")
	}
	x.used[name] = true
	return name
}

// operator appends the node of layer i itself.
func (x *exporter) operator(i int, name string, in []string) (string, error) {
	l := &x.g.Layers[i]
	switch l.Op {
	case workloads.OpConv, workloads.OpConvTranspose:
		return x.conv(i, name, in[0]), nil
	case workloads.OpLinear:
		return x.linear(i, name, in[0]), nil
	case workloads.OpMaxPool, workloads.OpAvgPool:
		return x.pool(l, name, in[0]), nil
	case workloads.OpGlobalPool:
		return x.node(name, "GlobalAveragePool", in), nil
	case workloads.OpAdd:
		return x.node(name, map[bool]string{true: "Add", false: "Sum"}[len(in) == 2], in), nil
	case workloads.OpMul:
		for k, p := range l.Inputs {
			if x.ranks[i] == 4 && x.ranks[p] == 2 {
				in[k] = x.node(name+".unsqueeze", "Unsqueeze", []string{in[k], x.numbers(name+".axes", Int64, 2, 3)})
			}
		}
		return x.node(name, "Mul", in), nil
	case workloads.OpConcat:
		return x.node(name, "Concat", in, Attr{Name: "axis", I: 1}), nil
	case workloads.OpSoftmax:
		return x.node(name, "Softmax", in, Attr{Name: "axis", I: 1}), nil
	case workloads.OpUpsample:
		return x.upsample(l, name, in[0]), nil
	case workloads.OpElementwise:
		if l.Norm || l.Act != workloads.NoAct {
			return in[0], nil
		}
	}
	return "", fmt.Errorf("%v layers do not say what they compute and cannot be exported", l.Op)
}
