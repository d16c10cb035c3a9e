package submodel

import (
	"fmt"
	"io"

	"hidp/workloads/onnx"
)

// Placement says where the weights of a cut model lie: Inline, Shared, or a *Pack. A few small ones are always in the model.
type Placement interface {
	put(s *Source, w *weight) (location string, at onnx.Span, external bool)
}

// Inline puts the weights into the model.
type Inline struct{}

func (Inline) put(*Source, *weight) (string, onnx.Span, bool) { return "", onnx.Span{}, false }

// Shared leaves the weights in the source's own files, beside which the model must then lie.
type Shared struct{}

func (Shared) put(s *Source, w *weight) (string, onnx.Span, bool) { return w.place(s) }

// Pack gathers the weights of several cut models in one file, each weight once: what a node is sent. Not safe for concurrent use.
type Pack struct {
	name  string
	items []packItem
	index map[string]onnx.Span
	size  int64
}

type packItem struct {
	source *Source
	weight weight
	at     onnx.Span
}

// NewPack starts a file of weights that models refer to by name; they must lie beside it.
func NewPack(name string) *Pack { return &Pack{name: name, index: map[string]onnx.Span{}} }

// packAlign is the alignment of weights in a Pack: that of the widest vector instructions.
const packAlign = 64

func (p *Pack) put(s *Source, w *weight) (string, onnx.Span, bool) {
	key := fmt.Sprintf("%p %s %v", s, w.tensor.Name, w.of)
	at, ok := p.index[key]
	if !ok {
		at = onnx.Span{Offset: (p.size + packAlign - 1) / packAlign * packAlign, Length: w.bytes()}
		p.size = at.Offset + at.Length
		p.index[key] = at
		p.items = append(p.items, packItem{s, *w, at})
	}
	return p.name, at, true
}

// Size returns the size of the file in bytes.
func (p *Pack) Size() int64 { return p.size }

// WriteTo writes the file; the sources must still be open. The same models in the same order give the same bytes.
func (p *Pack) WriteTo(out io.Writer) (int64, error) {
	var at int64
	for i := range p.items {
		item := &p.items[i]
		data, err := item.weight.data(item.source)
		if err != nil {
			return at, fmt.Errorf("%s: weight %s: %w", item.source.Model.Path, item.weight.name, err)
		}
		for _, b := range [][]byte{make([]byte, item.at.Offset-at), data} {
			n, err := out.Write(b)
			at += int64(n)
			if err != nil {
				return at, err
			}
		}
	}
	return at, nil
}
