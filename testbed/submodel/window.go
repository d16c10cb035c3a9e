package submodel

import (
	"fmt"
	"math"

	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// strip is the geometry of a window over some rows: the input rows it is given, and the padding above and below them.
type strip struct {
	use           workloads.Range
	before, after int
}

// newStrip works out what output rows out of window w, over a map of h rows of which rows have are there, are to be given. Where
// all rows that exist are there, only those beyond the borders of the map are padded.
func newStrip(w workloads.Window, out, have workloads.Range, h int) strip {
	lo := out.Lo*w.SH - w.PadTop
	hi := (out.Hi-1)*w.SH - w.PadTop + (w.KH-1)*w.DH + 1
	s := strip{use: workloads.Range{Lo: max(lo, have.Lo), Hi: min(hi, have.Hi)}}
	s.before, s.after = s.use.Lo-lo, hi-s.use.Hi
	if hi > h+w.PadBottom { // a last window that is only there because the extent rounds up: the node's ceil_mode stays and adds the rest
		s.after = w.PadBottom + h - s.use.Hi
	}
	return s
}

// columns returns the geometry of window w over all n columns. Where they round up to a window that is not computed, because it would
// start in the padding, what only that window sees is left out: ONNX Runtime infers it nevertheless, and refuses what is joined to
// the layer then.
func columns(w workloads.Window, n int) strip {
	all := workloads.Range{Hi: n}
	if !w.Ceil {
		return strip{use: all, before: w.PadLeft, after: w.PadRight}
	}
	out := workloads.Range{Hi: w.OutWidth(n)}
	turned := workloads.Window{KH: w.KW, SH: w.SW, DH: w.DW, PadTop: w.PadLeft, PadBottom: w.PadRight}
	return newStrip(turned, out, all, n)
}

// dropsWindow reports whether the layer is a pool that rounds up to a window that is not computed, and can be given without it.
func (e *layerCut) dropsWindow() bool {
	w := e.layer.Window
	if !w.Ceil || e.layer.Op != workloads.OpMaxPool && e.layer.Op != workloads.OpAvgPool {
		return false
	}
	in, all := e.g.Layers[e.layer.Inputs[0]].Out, e.rowsOf(e.full(e.index))
	rows := newStrip(w, all, workloads.Range{Hi: in.H}, in.H)
	if rows.use.Hi+rows.after == in.H+w.PadBottom && columns(w, in.W) == (strip{workloads.Range{Hi: in.W}, w.PadLeft, w.PadRight}) {
		return false
	}
	_, err := e.sliding()
	return err == nil
}

// window makes a convolution or pooling of some rows or some output channels.
func (e *layerCut) window() error {
	i, err := e.sliding()
	if err != nil {
		return err
	}
	e.main, e.build = i, func() (value, error) { return e.slide(i) }
	return e.finish()
}

// sliding returns the node that is the layer's window.
func (e *layerCut) sliding() (int, error) {
	return e.principal(map[workloads.Op]string{workloads.OpConv: "Conv", workloads.OpMaxPool: "MaxPool", workloads.OpAvgPool: "AveragePool"}[e.layer.Op])
}

// slide makes node i, the layer's window.
func (e *layerCut) slide(i int) (value, error) {
	n := &e.s.Model.Nodes[i]
	p, w := e.layer.Inputs[0], e.layer.Window
	h := e.held[p]
	s := newStrip(w, e.rowsOf(e.out), e.rowsOf(h.part), e.g.Rows(p))
	x, err := e.stripInput(p, &s)
	if err != nil {
		return value{}, err
	}
	width := e.g.Layers[p].Out.W
	cols := columns(w, width)
	if cols.use.Hi < width {
		x = e.slice(x, 3, 0, cols.use.Hi)
	}
	if e.layer.Op != workloads.OpConv && max(s.before, s.after) >= w.KH { // more padding than pools may have of their own
		fill := float32(0)
		if e.layer.Op == workloads.OpMaxPool {
			fill = -math.MaxFloat32
		}
		x = e.pad(x, 2, s.before, s.after, fill)
		s.before, s.after = 0, 0
	}
	attrs := e.windowAttrs(n, s, cols)
	if e.layer.Op != workloads.OpConv {
		outputs, err := e.copy(i, []string{x}, attrs, "auto_pad", "dilations")
		if err != nil {
			return value{}, err
		}
		return value{outputs[0], e.out != e.full(e.index)}, nil
	}
	return e.conv(i, x, attrs)
}

// stripInput returns the rows that a strip is given. A strip that sees nothing but padding is given zeros.
func (e *layerCut) stripInput(p int, s *strip) (string, error) {
	h := e.held[p]
	if !s.use.Empty() {
		h, err := e.take(h, e.g.Restrict(h.part, tensor.Row, s.use))
		if err != nil {
			return "", err
		}
		return e.plain(p, h)
	}
	in := e.g.Layers[p].Out
	if e.layer.Op != workloads.OpConv || e.s.tensors[p].kind != onnx.Float {
		return "", fmt.Errorf("rows %v see nothing but padding", e.rowsOf(e.out))
	}
	rows := s.before + s.use.Hi - s.use.Lo + s.after // all that the windows span
	*s = strip{}
	channels := e.channelsOf(e.g.Needs(e.out, 0)).Len()
	return e.zeros(e.samples, channels, rows, in.W), nil
}

// windowAttrs returns the attributes of a window over a strip. They are all given, for the file may leave them to defaults, to
// automatic padding or to padding nodes.
func (e *layerCut) windowAttrs(n *onnx.Node, s, cols strip) []onnx.Attr {
	w := e.layer.Window
	list := func(v ...int) []int64 { return ints(v) }
	attrs := []onnx.Attr{{Name: "kernel_shape", Ints: list(w.KH, w.KW)}, {Name: "strides", Ints: list(w.SH, w.SW)},
		{Name: "pads", Ints: list(s.before, cols.before, s.after, cols.after)}}
	if w.DH != 1 || w.DW != 1 {
		attrs = append(attrs, onnx.Attr{Name: "dilations", Ints: list(w.DH, w.DW)})
	}
	if n.OpType == "AveragePool" {
		count := 0
		if w.CountPad {
			count = 1
		}
		attrs = append(attrs, onnx.Attr{Name: "count_include_pad", I: int64(count)})
	}
	return attrs
}
