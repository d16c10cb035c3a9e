package workloads

import (
	"slices"

	"hidp/internal/strict"
	"hidp/internal/units"
)

// tableFile is the TOML of a layer table.
type tableFile struct {
	Name       string       `toml:"name,required"`
	Source     string       `toml:"source"`
	InputBytes units.Size   `toml:"input_bytes,required"`
	Layer      []tableLayer `toml:"layer,required"`
}

type tableLayer struct {
	Name            string      `toml:"name,required"`
	Class           string      `toml:"class,required"`
	FLOPs           float64     `toml:"flops,required"`
	Params          int64       `toml:"params"`
	WeightBytes     *units.Size `toml:"weight_bytes"`
	ActivationBytes units.Size  `toml:"activation_bytes,required"`
	Inputs          []string    `toml:"inputs"`
}

// ReadTable reads a layer table, for a network one has only a profile of. File is what messages call the data. All faults are
// reported at once, as a *strict.Error with lines.
//
//	name = "speech"
//	source = "profile of 12 May, board A"   # optional
//	input_bytes = "1.2 MB"
//	[[layer]]
//	name = "conv1"
//	class = "conv3x3"                       # see Classes
//	flops = 2.1e9                           # of one sample: 2 per multiply-accumulate
//	params = 9408                           # 0 if missing
//	weight_bytes = "18.8 kB"                # 4 bytes a parameter if missing
//	activation_bytes = "3.2 MB"             # the output tensor
//	inputs = ["input"]                      # the layer before if missing; "input" is the network's input
//
// Layers come in the order of execution. They are OpOpaque: split by layers and by samples, but not by rows, since nobody
// knows what the rows are. Their tensors are vectors of bytes. MACs are half the FLOPs, and none of element-wise layers.
func ReadTable(file string, data []byte) (*Graph, error) {
	var t tableFile
	p, _ := strict.Parse(file, data, &t)
	r := tableReader{p: p, index: map[string]int{"input": 0}, read: map[int]bool{}, layers: t.Layer}
	b := NewBuilder(t.Name, Shape{r.size("input_bytes", t.InputBytes), 1, 1})
	b.Layer(0).ElemBytes = 1
	if t.Name == "" {
		p.Faultf("name", "is empty; give the network a name")
	}
	for i, l := range t.Layer {
		r.add(b, strict.Index("layer", i), i+1, l)
	}
	r.unread()
	if len(t.Layer) == 0 {
		p.Faultf("", "has no layers; write at least one [[layer]]")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	g, err := b.Build()
	if err != nil {
		p.Faultf("", "%v", err)
		return nil, p.Err()
	}
	return g, nil
}

// tableReader adds the layers of a table to a Builder and its faults to Problems.
type tableReader struct {
	p      *strict.Problems
	layers []tableLayer
	index  map[string]int // of the layers so far, by name
	read   map[int]bool   // layers that are inputs of another
}

// add appends layer number n, which stands at key.
func (r *tableReader) add(b *Builder, key string, n int, l tableLayer) {
	p := r.p.Under(key)
	class, ok := ParseClass(l.Class)
	if !ok {
		p.Faultf("class", "%q is not a cost class%s; the classes are %v", l.Class, strict.Suggest(l.Class, classNames[:]), classNames)
	}
	if !(l.FLOPs >= 0 && l.FLOPs <= maxCount) {
		p.Faultf("flops", "is %v; must be from 0 to %.3g", l.FLOPs, float64(maxCount))
		l.FLOPs = 0
	}
	if l.Params < 0 || l.Params > maxCount/4 {
		p.Faultf("params", "is %d; must be from 0 to %.3g", l.Params, float64(maxCount/4))
		l.Params = 0
	}
	weights := 4 * l.Params
	if l.WeightBytes != nil {
		weights = l.WeightBytes.Bytes()
		if weights > maxCount {
			p.Faultf("weight_bytes", "is %v; must be at most %.3g bytes", *l.WeightBytes, float64(maxCount))
		}
	}
	macs := int64(l.FLOPs / 2)
	if class == ClassElementwise {
		macs = 0
	}
	b.Add(Layer{Name: l.Name, Op: OpOpaque, Inputs: r.inputs(p, n, l), Out: Shape{r.size(key+".activation_bytes", l.ActivationBytes), 1, 1},
		Class: class, MACs: macs, FLOPs: int64(l.FLOPs), Params: l.Params, WeightBytes: weights, ElemBytes: 1})
	b.Layer(n).WeightBytes = weights // zero is meant
	r.name(p, n, l.Name)
}

// name makes the layer known to those that follow.
func (r *tableReader) name(p *strict.Problems, n int, name string) {
	other, taken := r.index[name]
	switch {
	case name == "":
		p.Faultf("name", "is empty; give the layer a name")
	case name == "input":
		p.Faultf("name", `"input" is the network's input; choose another name`)
	case taken:
		p.Faultf("name", "%q is layer %d already; names must differ", name, other)
	default:
		r.index[name] = n
	}
}

// inputs resolves the producers of layer n.
func (r *tableReader) inputs(p *strict.Problems, n int, l tableLayer) []int {
	if l.Inputs == nil {
		r.read[n-1] = true
		return []int{n - 1}
	}
	if len(l.Inputs) == 0 {
		p.Faultf("inputs", `is empty; name at least one layer, or "input", or leave it out for the layer before`)
	}
	var in []int
	for k, name := range l.Inputs {
		key := strict.Index("inputs", k)
		i, ok := r.index[name]
		switch {
		case ok && slices.Contains(in, i):
			p.Faultf(key, "%q is named twice", name)
		case ok:
			in = append(in, i)
		case name == l.Name:
			p.Faultf(key, "a layer cannot read its own output %q", name)
		case slices.ContainsFunc(r.layers, func(other tableLayer) bool { return other.Name == name }):
			p.Faultf(key, "%q comes later; list layers in the order of execution, without cycles", name)
		default:
			p.Faultf(key, "there is no layer %q%s", name, strict.Suggest(name, r.known()))
		}
	}
	for _, i := range in {
		r.read[i] = true
	}
	return in
}

func (r *tableReader) known() []string {
	names := []string{"input"}
	for _, l := range r.layers {
		names = append(names, l.Name)
	}
	return names
}

// size returns a tensor size as an extent.
func (r *tableReader) size(key string, s units.Size) int {
	if s < 1 || s > maxExtent {
		r.p.Faultf(key, "is %v; a tensor has from 1 B to %v", s, units.Size(maxExtent))
		return 1
	}
	return int(s)
}

// unread reports layers, other than the last, whose output nobody reads.
func (r *tableReader) unread() {
	for i := range r.layers[:max(0, len(r.layers)-1)] {
		if !r.read[i+1] {
			r.p.Faultf(strict.Index("layer", i), "no layer reads the output of %q; only the last layer is the network's output", r.layers[i].Name)
		}
	}
	if len(r.layers) > 0 && !r.read[0] {
		r.p.Faultf("layer", `no layer reads "input"`)
	}
}
