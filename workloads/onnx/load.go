package onnx

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hidp/internal/input"
	"hidp/workloads"
)

// Opsets of the default operator domain that Load understands.
const (
	minOpset = 7
	maxOpset = 24
)

// Options says what a file leaves open.
type Options struct {
	// Inputs gives the dimensions of inputs by name, batch included: {"x": {1, 3, 320, 320}}. It overrides what the file says.
	Inputs map[string][]int
	// Layout says which axis of an image is its channels; without it, the network's nodes and extents decide.
	Layout Layout
}

// Load reads the ONNX file at path as a graph for one sample: a batch that the file leaves open, or fixes to more than 1, is
// taken as 1. Weights may be inside the file or in files beside it; they are not read. Every fault of the file or the options is
// an error of one line that names the file and, where there is one, the node.
func Load(path string, opt Options) (*workloads.Graph, *Model, error) {
	g, m, err := load(path, opt)
	if err != nil {
		return nil, nil, about(path, err)
	}
	return g, m, nil
}

// about makes err one line that begins with the file's name.
func about(path string, err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func load(path string, opt Options) (*workloads.Graph, *Model, error) {
	file, size, err := input.Regular(path, input.Model)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	return read(file, size, path, opt)
}

// read is Load for an open file of size bytes; external data is looked for beside path.
func read(file io.ReaderAt, size int64, path string, opt Options) (*workloads.Graph, *Model, error) {
	g, im, err := readAll(file, size, path, opt)
	if im == nil {
		return nil, nil, err
	}
	return g, im.m, err
}

// readAll is read that also returns what the importer knows of the tensors.
func readAll(file io.ReaderAt, size int64, path string, opt Options) (*workloads.Graph, *importer, error) {
	m, err := decode(file, size)
	if err != nil {
		return nil, nil, err
	}
	m.Path = path
	if err := m.prepare(); err != nil {
		return nil, nil, err
	}
	im, err := decide(m, file, size, opt)
	if err != nil {
		return nil, nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	g, err := im.emit(name)
	if err == nil {
		g.Assumptions = m.Assumptions
	}
	return g, im, err
}

// prepare checks what can be told of a model without its shapes, and puts the model's own functions in the place of their calls.
func (m *Model) prepare() error {
	if m.Opset < minOpset || m.Opset > maxOpset {
		if m.Opset < 0 {
			return errors.New("does not say which version of the ONNX operators it uses: this is no ONNX file")
		}
		return fmt.Errorf("uses ONNX operator set %d; versions %d to %d are supported (onnx.version_converter converts)", m.Opset, minOpset, maxOpset)
	}
	if err := sameNames(m.Nodes); err != nil {
		return err
	}
	if err := inlineFunctions(m); err != nil {
		return err
	}
	nameNodes(m.Nodes)
	return checkExternal(m)
}

// sameNames refuses names that several nodes have, as runtimes do. Nodes need not have names.
func sameNames(nodes []Node) error {
	const most = 8 // names listed
	count := map[string]int{}
	var twice []string
	for i := range nodes {
		name := nodes[i].Name
		if count[name]++; name != "" && count[name] == 2 {
			twice = append(twice, quote(name))
		}
	}
	if n := len(twice); n > most {
		twice = append(twice[:most], fmt.Sprintf("and %d more", n-most))
	}
	if len(twice) > 0 {
		return fmt.Errorf("several nodes have the same name: %s", strings.Join(twice, ", "))
	}
	return nil
}

// maxDeciding bounds the work of putting branches in place: nodes looked at, over all passes.
const maxDeciding = 1 << 22

// decide imports the model. Each time that the branch which an If takes turns out, the import begins again with the branch in the
// If's place, for what is fused with what depends on who reads a tensor.
func decide(m *Model, file io.ReaderAt, size int64, opt Options) (*importer, error) {
	inputs := m.Inputs
	for looked := 0; ; {
		m.Inputs, m.Assumptions, m.batch = clonePorts(inputs), nil, 0
		im, err := imported(m, file, opt, inputs)
		var d *decided
		if !errors.As(err, &d) {
			return im, err
		}
		if looked += len(m.Nodes); looked > maxDeciding {
			return nil, fmt.Errorf("%w, one of more branches than are supported", d)
		}
		if err := m.splice(d, file, size); err != nil {
			return nil, err
		}
	}
}

func clonePorts(ports []Port) []Port {
	ports = slices.Clone(ports)
	for i := range ports {
		ports[i].Dims, ports[i].Params = slices.Clone(ports[i].Dims), slices.Clone(ports[i].Params)
	}
	return ports
}

// imported works through the model's nodes. Written are the inputs as the file has them.
func imported(m *Model, file io.ReaderAt, opt Options, written []Port) (*importer, error) {
	sorted, err := order(m)
	if err != nil {
		return nil, err
	}
	im := newImporter(m, file, sorted, opt.Layout)
	chosen := chooseInput(m, sorted, opt)
	im.stateShapes(written)
	if err := im.unsupported(); err != nil {
		return nil, err
	}
	if err := im.checkAttributes(); err != nil {
		return nil, err
	}
	if chosen != nil {
		return nil, chosen
	}
	return im, im.run()
}

// chooseInput decides which input is the data and what its dimensions are.
func chooseInput(m *Model, sorted []int, opt Options) error {
	weights := map[string]bool{}
	for i := range m.Weights {
		weights[m.Weights[i].Name] = true
	}
	var inputs []*Port // those that the user of the network feeds
	for i := range m.Inputs {
		if !weights[m.Inputs[i].Name] {
			inputs = append(inputs, &m.Inputs[i])
		}
	}
	if len(inputs) == 0 {
		return errors.New("the network has no input")
	}
	for _, name := range slices.Sorted(maps.Keys(opt.Inputs)) {
		if !slices.ContainsFunc(inputs, func(p *Port) bool { return p.Name == name }) {
			return fmt.Errorf("has no input %s (--input): its inputs are %s", quote(name), portNames(inputs))
		}
	}
	for _, p := range inputs {
		if err := p.resize(opt.Inputs[p.Name]); err != nil {
			return err
		}
	}
	data, err := dataInput(m, sorted, inputs, opt)
	if err != nil {
		return err
	}
	for _, p := range inputs {
		if p != data {
			m.assume("input %s and what is computed from it alone are left out: the data is %s; where the network is run, all numbers of %s are 1", quote(p.Name), quote(data.Name), quote(p.Name))
		}
	}
	m.Input = data.Name
	return fixDims(m, inputs, data)
}

// dataInput returns the one input that carries the data.
func dataInput(m *Model, sorted []int, inputs []*Port, opt Options) (*Port, error) {
	fed := map[string]bool{}
	live := alive(m, sorted, true)
	for _, i := range sorted {
		for _, in := range m.Nodes[i].Inputs {
			fed[in] = fed[in] || live[i]
		}
	}
	rules := []func(p *Port) bool{
		func(p *Port) bool { return fed[p.Name] },
		func(p *Port) bool { return len(opt.Inputs) == 0 || opt.Inputs[p.Name] != nil },
		func(p *Port) bool { return len(p.Dims) == 4 },
	}
	for _, rule := range rules {
		var left []*Port
		for _, p := range inputs {
			if rule(p) {
				left = append(left, p)
			}
		}
		if len(left) == 1 {
			return left[0], nil
		}
		if len(left) > 0 {
			inputs = left
		}
	}
	return nil, fmt.Errorf("has several inputs (%s), and only one can be the data: name it with --input NAME=DIMS", portNames(inputs))
}

// resize replaces the dimensions of an input by those that the user gave, if any.
func (p *Port) resize(dims []int) error {
	if dims == nil {
		return nil
	}
	if p.Shaped && len(dims) != len(p.Dims) {
		return fmt.Errorf("input %s has %d dimensions (%s), but --input gives %d", quote(p.Name), len(p.Dims), p.dimString(), len(dims))
	}
	if len(dims) == 0 || len(dims) > maxRank {
		return fmt.Errorf("--input gives %d dimensions for input %s", len(dims), quote(p.Name))
	}
	if len(dims) == 4 && dims[0] > 1 {
		return fmt.Errorf("--input gives a batch of %d for input %s: models describe one sample, so the first dimension must be 1", dims[0], quote(p.Name))
	}
	p.Dims, p.Params, p.Shaped = make([]int64, len(dims)), make([]string, len(dims)), true
	for i, d := range dims {
		if d < 1 {
			return fmt.Errorf("--input gives dimension %d for input %s: all must be at least 1", d, quote(p.Name))
		}
		p.Dims[i] = int64(d)
	}
	return nil
}

// fixDims makes every dimension of the inputs definite: the batch is 1, anything else that is open is the user's to say.
func fixDims(m *Model, inputs []*Port, data *Port) error {
	for _, p := range inputs {
		if !p.Shaped && p == data {
			return fmt.Errorf("does not say what shape input %s has: give it, for example --input %s=1x3x224x224", quote(p.Name), clip(p.Name))
		}
		written := p.dimString()
		if len(p.Dims) > 1 && (p.Dims[0] == -1 || len(p.Dims) == 4 && p == data && p.Dims[0] > 1) {
			if p.Dims[0] != -1 {
				m.batch = p.Dims[0]
				m.assume("the batch of input %s, %d in the file, is taken as 1", quote(p.Name), p.Dims[0])
			} else {
				m.assume("the open first dimension of input %s (%s) is taken as 1; --input %s=… gives another", quote(p.Name), written, clip(p.Name))
			}
			p.Dims[0] = 1
		}
		if slices.Contains(p.Dims, -1) {
			return fmt.Errorf("input %s has the dynamic shape %s: say its size, for example --input %s=%s", quote(p.Name), written, clip(p.Name), p.example())
		}
		if n, err := product(p.Dims); err != nil || n == 0 {
			return fmt.Errorf("input %s: impossible or too large dimensions %v", quote(p.Name), p.Dims)
		}
	}
	if data.Type.Bytes() == 0 {
		return fmt.Errorf("input %s has element type %d, which is not supported", quote(data.Name), data.Type)
	}
	m.InputDims = slices.Clone(data.Dims)
	return nil
}

// dimString writes the dimensions as in the --input flag, open ones as a question mark.
func (p *Port) dimString() string {
	var parts []string
	for _, d := range p.Dims {
		if d < 0 {
			parts = append(parts, "?")
		} else {
			parts = append(parts, fmt.Sprint(d))
		}
	}
	return strings.Join(parts, "x")
}

// example suggests dimensions.
func (p *Port) example() string {
	e := *p
	e.Dims = slices.Clone(p.Dims)
	for i := range e.Dims {
		if e.Dims[i] < 0 {
			e.Dims[i] = 224
		}
	}
	return e.dimString()
}

func (m *Model) assume(format string, args ...any) {
	m.Assumptions = append(m.Assumptions, fmt.Sprintf(format, args...))
}

func portNames(ports []*Port) string {
	var names []string
	for _, p := range ports[:min(8, len(ports))] {
		names = append(names, quote(p.Name))
	}
	if len(ports) > 8 {
		names = append(names, fmt.Sprintf("and %d more", len(ports)-8))
	}
	return strings.Join(names, ", ")
}
