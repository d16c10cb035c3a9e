package onnx

import (
	"math"
	"slices"
)

// rewriter replaces groups of nodes that spell out one operator by one node.
type rewriter struct {
	im   *importer
	by   map[string]*node // producer of each tensor
	gone map[*node]bool
}

// rewrite looks for every pattern at every node, in order, so that patterns can build on each other.
func (im *importer) rewrite() {
	im.countUses(true)
	r := &rewriter{im: im, by: map[string]*node{}, gone: map[*node]bool{}}
	patterns := []func(n *node) bool{r.neutral, r.hardSigmoid, r.hardSwish, r.hardSwishLate, r.silu, r.gelu, r.layerNorm}
	for _, n := range im.nodes {
		for _, out := range n.out {
			if out != "" {
				r.by[out] = n
			}
		}
	}
	for _, n := range im.nodes {
		for _, match := range patterns {
			if !r.gone[n] && match(n) {
				break
			}
		}
	}
	im.nodes = slices.DeleteFunc(im.nodes, func(n *node) bool { return r.gone[n] })
}

// become makes n the operator fn of tensor x, in place of itself and the nodes inner, which nobody else reads.
func (r *rewriter) become(n *node, fn, x string, inner ...*node) bool {
	for _, i := range inner {
		if i != nil && !r.gone[i] {
			r.gone[i] = true
			n.ids = append(n.ids, i.ids...)
		}
	}
	slices.Sort(n.ids)
	n.fn, n.in = fn, []string{x}
	return true
}

// inner returns the producer of name if it is operator fn and has no reader but one.
func (r *rewriter) inner(name, fn string) *node {
	n := r.by[name]
	if n == nil || n.fn != fn || len(n.in) == 0 || r.im.uses[name] != 1 || r.gone[n] {
		return nil
	}
	return n
}

// past returns what name is another name of, and the node in between (or nil).
func (r *rewriter) past(name string) (string, *node) {
	if n := r.inner(name, "Identity"); n != nil {
		return n.in[0], n
	}
	return name, nil
}

// scalar returns the value of a constant of one element.
func (r *rewriter) scalar(name string) (float64, bool) {
	t := r.im.weight[name]
	if n := r.by[name]; n != nil && n.fn == "Constant" {
		if a, ok := n.attr("value"); ok {
			t = a.Tensor
		}
		if a, ok := n.attr("value_float"); ok {
			return float64(a.F), true
		}
	}
	if t == nil || t.values != 1 {
		return 0, false
	}
	list, ok := t.read(r.im.m, r.im.file)
	return append(list, 0)[0], ok
}

// with splits a binary operation with a scalar into its other operand and the scalar.
func (r *rewriter) with(n *node) (x string, scalar float64, ok bool) {
	if n == nil || len(n.in) != 2 {
		return "", 0, false
	}
	if s, ok := r.scalar(n.in[1]); ok {
		return n.in[0], s, true
	}
	if s, ok := r.scalar(n.in[0]); ok && (n.fn == "Add" || n.fn == "Mul") {
		return n.in[1], s, true
	}
	return "", 0, false
}

// factor splits a multiplication or division by a scalar.
func (r *rewriter) factor(n *node) (x string, factor float64, ok bool) {
	if n == nil {
		return "", 0, false
	}
	x, s, ok := r.with(n)
	switch n.fn {
	case "Mul":
		return x, s, ok
	case "Div":
		return x, 1 / s, ok
	}
	return "", 0, false
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-3*math.Abs(b) }

// literal reports whether name is a constant without dimensions: not something learnt.
func (r *rewriter) literal(n *node) bool {
	for _, in := range n.in {
		if t := r.im.weight[in]; t != nil && len(t.Dims) == 0 {
			return true
		}
		if p := r.by[in]; p != nil && p.fn == "Constant" {
			if a, ok := p.attr("value"); !ok || a.Tensor == nil || len(a.Tensor.Dims) == 0 {
				return true
			}
		}
	}
	return false
}

// neutral makes a multiplication by 1 or addition of 0 an Identity.
func (r *rewriter) neutral(n *node) bool {
	x, s, ok := r.with(n)
	times := n.fn == "Mul" || n.fn == "Div"
	if !ok || !r.literal(n) || !(times && s == 1 || n.fn == "Add" && s == 0) || r.im.weight[x] != nil {
		return false
	}
	return r.become(n, "Identity", x)
}

// clip06 matches Clip(x+3, 0, 6) and returns x and the nodes.
func (r *rewriter) clip06(name string) (string, []*node) {
	n := r.inner(name, "Clip")
	if n == nil {
		return "", nil
	}
	lo, hi := r.bounds(n)
	if lo != 0 || hi != 6 {
		return "", nil
	}
	add := r.inner(n.in[0], "Add")
	if x, s, ok := r.with(add); ok && s == 3 {
		return x, []*node{add, n}
	}
	return "", nil
}

// bounds returns the limits of a Clip.
func (r *rewriter) bounds(n *node) (lo, hi float64) {
	lo, hi = math.Inf(-1), math.Inf(1)
	for i, b := range []*float64{&lo, &hi} {
		if a, ok := n.attr([]string{"min", "max"}[i]); ok {
			*b = float64(a.F)
		}
		if i+1 < len(n.in) && n.in[i+1] != "" {
			*b = math.NaN()
			if s, ok := r.scalar(n.in[i+1]); ok {
				*b = s
			}
		}
	}
	return lo, hi
}

// hardSigmoid matches Clip(x+3, 0, 6)/6.
func (r *rewriter) hardSigmoid(n *node) bool {
	c, f, ok := r.factor(n)
	if !ok || !near(f, 1.0/6) {
		return false
	}
	x, inner := r.clip06(c)
	return inner != nil && r.become(n, "HardSigmoid", x, inner...)
}

// product matches n = x · f(x) for an inner node f and returns x and f.
func (r *rewriter) product(n *node, fn string) (string, *node, *node) {
	if n.fn != "Mul" || len(n.in) != 2 {
		return "", nil, nil
	}
	for i, name := range n.in {
		if f := r.inner(name, fn); f != nil && len(f.in) > 0 {
			x, between := r.past(f.in[0])
			if x == n.in[1-i] {
				return x, f, between
			}
		}
	}
	return "", nil, nil
}

// hardSwish matches x · HardSigmoid(x).
func (r *rewriter) hardSwish(n *node) bool {
	x, f, between := r.product(n, "HardSigmoid")
	if f == nil {
		return false
	}
	if a, ok := f.attr("alpha"); ok && !near(float64(a.F), 1.0/6) || f.Node.OpType == "HardSigmoid" && !ok {
		return false
	}
	return r.become(n, "HardSwish", x, between, f)
}

// hardSwishLate matches x · Clip(x+3, 0, 6) / 6, divided at the end.
func (r *rewriter) hardSwishLate(n *node) bool {
	p, f, ok := r.factor(n)
	m := r.inner(p, "Mul")
	if !ok || !near(f, 1.0/6) || m == nil {
		return false
	}
	for i, name := range m.in {
		if x, inner := r.clip06(name); inner != nil && len(m.in) == 2 && m.in[1-i] == x {
			return r.become(n, "HardSwish", x, append(inner, m)...)
		}
	}
	return false
}

// silu matches x · Sigmoid(x), as PyTorch exports SiLU and Paddle Swish.
func (r *rewriter) silu(n *node) bool {
	x, f, between := r.product(n, "Sigmoid")
	return f != nil && r.become(n, "SiLU", x, between, f)
}

// gelu matches x · ½ · (1 + erf(x/√2)) in the two orders that exporters write it in.
func (r *rewriter) gelu(n *node) bool {
	if n.fn != "Mul" || len(n.in) != 2 {
		return false
	}
	outer, product := (*node)(nil), n
	if p, f, ok := r.factor(n); ok && f == 0.5 {
		product = r.inner(p, "Mul")
		outer = product
	}
	if product == nil {
		return false
	}
	for i, name := range product.in {
		add := r.inner(name, "Add")
		e, one, ok := r.with(add)
		erf := r.inner(e, "Erf")
		if !ok || one != 1 || erf == nil {
			continue
		}
		div := r.by[erf.in[0]]
		x, f, ok := r.factor(div)
		if !ok || !near(f, math.Sqrt2/2) || r.im.uses[erf.in[0]] != 1 {
			continue
		}
		other := product.in[1-i]
		if outer != nil && other == x {
			return r.become(n, "Gelu", x, div, erf, add, outer)
		}
		half := r.inner(other, "Mul")
		if y, f, ok := r.factor(half); outer == nil && ok && f == 0.5 && y == x {
			return r.become(n, "Gelu", x, div, erf, add, half)
		}
	}
	return false
}

// layerNorm matches (x-mean)/√(mean((x-mean)²)+ε), as exports before operator set 17 have it.
func (r *rewriter) layerNorm(n *node) bool {
	if n.fn != "Div" || len(n.in) != 2 {
		return false
	}
	sub, sqrt := r.by[n.in[0]], r.inner(n.in[1], "Sqrt")
	if sub == nil || sub.fn != "Sub" || sqrt == nil || len(sub.in) != 2 {
		return false
	}
	eps := r.inner(sqrt.in[0], "Add")
	v, _, ok := r.with(eps)
	variance := r.inner(v, "ReduceMean")
	if !ok || variance == nil {
		return false
	}
	square := r.by[variance.in[0]]
	mean := r.inner(sub.in[1], "ReduceMean")
	if square == nil || mean == nil || mean.in[0] != sub.in[0] || r.im.uses[variance.in[0]] != 1 {
		return false
	}
	if s, two, ok := r.with(square); !ok || square.fn != "Pow" || two != 2 || s != n.in[0] || r.im.uses[s] != 2 {
		return false
	}
	return r.become(n, "LayerNormalization", sub.in[0], mean, sub, square, variance, eps, sqrt)
}
