package onnx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"hidp/internal/durable"
	"hidp/workloads"
)

// What Export writes: the version of the file format and of the operators.
const (
	exportIR    = 8
	exportOpset = 17
)

// Export writes g as an ONNX model to path, with weights drawn from seed in a file beside it: NAME.onnx and NAME.onnx.XXXXXXXX.data.
// Batch normalisations are nodes of their own. The batch is open. The weights make activations neither vanish nor overflow; they
// are of no other use. They are streamed, so that memory does not grow with the model.
//
// The digits in the name of the data are a hash of what it holds. So the model that is at path, and its weights, are complete until the
// new model takes the old one's place in one step, complete as well. The weights of older exports to the same path are removed then. A
// graph with opaque layers or ones with an unknown function cannot be exported.
func Export(g *workloads.Graph, path string, seed uint64) error {
	return ExportContext(context.Background(), g, path, seed)
}

// ExportContext is Export for callers that may be interrupted: once ctx is done it stops, leaves no file behind and returns
// the error of ctx.
func ExportContext(ctx context.Context, g *workloads.Graph, path string, seed uint64) error {
	return export(durable.Disk{}, g, path, seed, func(f *weightFile, out io.Writer) error { return f.write(ctx, out) })
}

// export is Export with the weights written by fill.
func export(files durable.Files, g *workloads.Graph, path string, seed uint64, fill func(f *weightFile, out io.Writer) error) error {
	x := &exporter{g: g, data: weightFile{seed: seed}, ranks: make([]int, len(g.Layers)), names: make([]string, len(g.Layers))}
	for i := range g.Layers {
		if err := x.layer(i); err != nil {
			return fmt.Errorf("%s: layer %d (%s): %w", g.Name, i, g.Layers[i].Name, err)
		}
	}
	x.data.locate(filepath.Base(path))
	model, err := durable.Begin(files, path, 0o666)
	if err != nil {
		return err
	}
	defer model.Discard()
	if model.Folder() == "" {
		return fmt.Errorf("cannot write %s: a model and its weights are two files, and this is none; name a file", path)
	}
	if _, err := model.Write(x.model()); err != nil {
		return err
	}
	data := filepath.Join(filepath.Dir(path), x.data.name)
	_, err = os.Stat(data)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := durable.Write(files, data, func(out io.Writer) error { return fill(&x.data, out) }); err != nil {
		return err
	}
	if err := model.Place(); err != nil {
		if fresh { // else the model that is at path may need it
			err = errors.Join(err, files.Remove(data))
		}
		return err
	}
	if err := files.SyncFolder(model.Folder()); err != nil { // the older weights stay until the new model is there for good
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return removeOlder(files, path, data)
}

// removeOlder removes the weights of older exports to the same path.
func removeOlder(files durable.Files, path, data string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		old := filepath.Join(filepath.Dir(path), e.Name())
		if rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+"."); !ok || !ourData.MatchString(rest) || old == data {
			continue
		}
		if err := files.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ourData matches what follows the model's name in the names of weight files.
var ourData = regexp.MustCompile(`^[0-9a-f]{8}\.data$`)

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
