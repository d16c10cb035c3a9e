package conformance

import (
	"fmt"
	"math/rand/v2"

	"hidp/workloads"
)

// RandomGraph returns a small network of everything that partitioning must cope with: chains, residual and dense connections,
// branches, squeeze-excite, strided, dilated and asymmetric windows, ceil-mode and overlapping pools, enlargements, maps of a
// few rows, global pools, fully connected tails and outputs that are still maps. The same state of rng gives the same network.
func RandomGraph(rng *rand.Rand) *workloads.Graph {
	in := workloads.Shape{C: 1 + rng.IntN(4), H: 4 + rng.IntN(40), W: 3 + rng.IntN(16)}
	if rng.IntN(6) == 0 {
		in.H = 1 + rng.IntN(5) // fewer rows than strips
	}
	r := &randomGraph{rng: rng, b: workloads.NewBuilder(fmt.Sprintf("random-%08x", rng.Uint32()), in)}
	r.b.Layer(0).ElemBytes = []int{1, 2, 4}[rng.IntN(3)]
	for n := 1 + rng.IntN(6); n > 0; n-- {
		r.stage()
	}
	r.tail()
	g, err := r.b.Build()
	if err != nil {
		panic("conformance: generated an impossible network: " + err.Error())
	}
	return g
}

// randomGraph grows a network from its last tensor at.
type randomGraph struct {
	rng *rand.Rand
	b   *workloads.Builder
	at  int
}

func (r *randomGraph) shape() workloads.Shape { return r.b.Shape(r.at) }

func (r *randomGraph) name(kind string) string { return fmt.Sprintf("%s%d", kind, r.b.Last()+1) }

func (r *randomGraph) stage() {
	switch r.rng.IntN(10) {
	case 0, 1, 2:
		r.at = r.conv(r.at, r.window())
	case 3:
		r.pool()
	case 4, 5:
		r.residual()
	case 6:
		r.branches()
	case 7:
		r.squeezeExcite()
	case 8:
		r.dense()
	default:
		r.enlargeOrNormalise()
	}
}

// conv appends a convolution over tensor in, sometimes grouped or depthwise, and returns it.
func (r *randomGraph) conv(in int, w workloads.Window) int {
	c := workloads.Conv{Out: 1 + r.rng.IntN(12), Window: w, Act: workloads.ReLU, Norm: r.rng.IntN(2) == 0, Bias: r.rng.IntN(3) == 0}
	inC := r.b.Shape(in).C
	switch r.rng.IntN(4) {
	case 0:
		c.Out, c.Groups = inC, inC
	case 1:
		if inC%2 == 0 {
			c.Out, c.Groups = 2*(1+r.rng.IntN(6)), 2
		}
	}
	return r.b.Conv(r.name("conv"), in, c)
}

// window returns a window that fits the current map: any kernel, stride, dilation and padding, also asymmetric ones.
func (r *randomGraph) window() workloads.Window {
	s := r.shape()
	for {
		w := workloads.Window{KH: 1 + r.rng.IntN(5), KW: 1 + r.rng.IntN(5), SH: 1 + r.rng.IntN(3), SW: 1 + r.rng.IntN(2),
			DH: 1 + r.rng.IntN(2), DW: 1, PadTop: r.rng.IntN(3), PadLeft: r.rng.IntN(3), PadBottom: r.rng.IntN(3), PadRight: r.rng.IntN(3)}
		if w.KH < w.SH && r.rng.IntN(2) == 0 {
			w.SH = w.KH // rows that no window reads are legal but rare
		}
		fits := w.PadTop < w.KH && w.PadBottom < w.KH && w.PadLeft < w.KW && w.PadRight < w.KW
		if fits && w.OutHeight(s.H) > 0 && w.OutWidth(s.W) > 0 {
			return w
		}
	}
}

// same returns a window that keeps the map's extent: 1×1, k×k, 1×k or k×1.
func (r *randomGraph) same() workloads.Window {
	kh, kw := 2*r.rng.IntN(3)+1, 2*r.rng.IntN(3)+1
	return workloads.Rect(kh, kw, kh/2, kw/2)
}

func (r *randomGraph) pool() {
	s := r.shape()
	op := []workloads.Op{workloads.OpMaxPool, workloads.OpAvgPool}[r.rng.IntN(2)]
	k, stride := 2+r.rng.IntN(2), 1+r.rng.IntN(2)
	w := workloads.Square(k, stride, r.rng.IntN(2))
	w.Ceil = r.rng.IntN(2) == 0
	if w.OutHeight(s.H) > 0 && w.OutWidth(s.W) > 0 {
		r.at = r.b.Pool(r.name("pool"), op, r.at, w)
	}
}

// residual adds a branch of convolutions to its own input, or to a projection of it where the branch shrinks the map.
func (r *randomGraph) residual() {
	in := r.at
	main := r.conv(in, r.same())
	for n := r.rng.IntN(3); n > 0; n-- {
		main = r.conv(main, r.same())
	}
	window := workloads.Square(1, 1, 0)
	if s := r.shape(); s.H > 2 && s.W > 2 && r.rng.IntN(2) == 0 {
		window = workloads.Square(3, 2, 1)
	}
	out := 1 + r.rng.IntN(12)
	main = r.b.Conv(r.name("conv"), main, workloads.Conv{Out: out, Window: window, Norm: true})
	skip := in
	if r.b.Shape(main) != r.b.Shape(in) {
		window.KH, window.KW, window.PadTop, window.PadLeft, window.PadBottom, window.PadRight = 1, 1, 0, 0, 0, 0
		skip = r.b.Conv(r.name("project"), in, workloads.Conv{Out: out, Window: window, Norm: true})
	}
	r.at = r.b.Sum(r.name("add"), workloads.ReLU, main, skip)
}

// branches runs two to four branches side by side, perhaps the bare input among them, and concatenates them.
func (r *randomGraph) branches() {
	in := r.at
	var ends []int
	for n := 2 + r.rng.IntN(3); n > 0; n-- {
		end := in
		for d := r.rng.IntN(3); d > 0; d-- {
			end = r.conv(end, r.same())
		}
		if r.rng.IntN(4) == 0 {
			end = r.b.Pool(r.name("pool"), workloads.OpAvgPool, end, workloads.Square(3, 1, 1))
		}
		ends = append(ends, end)
	}
	r.at = r.b.Concat(r.name("concat"), ends...)
}

// squeezeExcite scales a map by a gate made of its own mean, with a residual around it now and then.
func (r *randomGraph) squeezeExcite() {
	in := r.at
	x := in
	if r.rng.IntN(2) == 0 {
		x = r.conv(in, r.same())
	}
	c := r.b.Shape(x).C
	gate := r.b.GlobalPool(r.name("squeeze"), x)
	if r.rng.IntN(2) == 0 {
		gate = r.b.Linear(r.name("fc"), gate, 1+c/4, workloads.ReLU)
		gate = r.b.Linear(r.name("fc"), gate, c, workloads.Sigmoid)
	} else {
		gate = r.b.Conv(r.name("reduce"), gate, workloads.Conv{Out: 1 + c/4, Window: workloads.Square(1, 1, 0), Act: workloads.SiLU})
		gate = r.b.Conv(r.name("expand"), gate, workloads.Conv{Out: c, Window: workloads.Square(1, 1, 0), Act: workloads.Sigmoid})
	}
	y := r.b.Mul(r.name("scale"), x, gate)
	if r.rng.IntN(2) == 0 {
		y = r.conv(y, r.same())
	}
	if r.b.Shape(y) == r.b.Shape(in) && y != in {
		y = r.b.Sum(r.name("add"), workloads.NoAct, y, in)
	}
	r.at = y
}

// dense concatenates the input to everything made of it, so that no cut point lies inside.
func (r *randomGraph) dense() {
	for n := 1 + r.rng.IntN(3); n > 0; n-- {
		r.at = r.b.Concat(r.name("concat"), r.at, r.conv(r.at, r.same()))
	}
}

func (r *randomGraph) enlargeOrNormalise() {
	s := r.shape()
	if s.H > 12 || r.rng.IntN(2) == 0 {
		r.at = r.b.Norm(r.name("norm"), r.at, workloads.ReLU)
		return
	}
	f := 2 + r.rng.IntN(2)
	out := workloads.Shape{C: s.C, H: s.H * f, W: s.W * f}
	r.at = r.b.Add(workloads.Layer{Name: r.name("upsample"), Op: workloads.OpUpsample, Inputs: []int{r.at}, Out: out, Scale: f,
		Bilinear: r.rng.IntN(2) == 0, Class: workloads.ClassElementwise, FLOPs: out.Elements()})
}

// tail ends the network: as a classifier, or with the last map as the output.
func (r *randomGraph) tail() {
	switch r.rng.IntN(5) {
	case 0: // a map
		r.at = r.b.Norm(r.name("norm"), r.at, workloads.NoAct)
		return
	case 1: // fully connected layers over the flattened map
		r.at = r.b.Linear(r.name("fc"), r.at, 4+r.rng.IntN(60), workloads.ReLU)
	case 2: // the pooled vector itself
		r.at = r.b.GlobalPool(r.name("pool"), r.at)
		return
	default:
		r.at = r.b.GlobalPool(r.name("pool"), r.at)
	}
	r.at = r.b.Linear(r.name("fc"), r.at, 2+r.rng.IntN(10), workloads.NoAct)
	if r.rng.IntN(2) == 0 {
		out := r.shape()
		r.at = r.b.Add(workloads.Layer{Name: r.name("softmax"), Op: workloads.OpSoftmax, Inputs: []int{r.at}, Out: out,
			Class: workloads.ClassElementwise, FLOPs: 3 * out.Elements()})
	}
}
