package inference

import (
	"math"

	"hidp/workloads/onnx"
)

// kernels returns the table of operators.
func kernels() map[string]kernel {
	t := map[string]kernel{
		"Conv": conv, "Gemm": gemm, "MatMul": matMul, "MaxPool": pool, "AveragePool": pool, "GlobalAveragePool": globalPool,
		"BatchNormalization": batchNorm, "Softmax": softmax, "Resize": resize, "ReduceSum": reduceSum,
		"Concat": concat, "Slice": slice, "Pad": pad, "Reshape": reshape, "Flatten": flatten, "Unsqueeze": unsqueeze, "Squeeze": squeeze,
		"Transpose": transpose, "Identity": func(_ *onnx.Node, in []*array) (*array, error) { return in[0], nil },
	}
	for name, f := range unaries() {
		t[name] = func(n *onnx.Node, in []*array) (*array, error) { return f(n, in), nil }
	}
	for name, f := range binaries() {
		t[name] = func(_ *onnx.Node, in []*array) (*array, error) { return fold(f, in), nil }
	}
	return t
}

// window is the geometry of a convolution or pooling, over rows and columns.
type window struct{ k, s, d, before, after [2]int }

func newWindow(n *onnx.Node, kh, kw int) window {
	w := window{k: [2]int{kh, kw}}
	if a := attribute(n, "kernel_shape"); a.Ints != nil {
		w.k = [2]int{int(a.Ints[0]), int(a.Ints[1])}
	}
	strides, dilations, pads := attribute(n, "strides", 1, 1).Ints, attribute(n, "dilations", 1, 1).Ints, attribute(n, "pads", 0, 0, 0, 0).Ints
	for i := range 2 {
		w.s[i], w.d[i], w.before[i], w.after[i] = int(strides[i]), int(dilations[i]), int(pads[i]), int(pads[2+i])
	}
	return w
}

// out returns the output extent along an axis; with ceil, a last window that starts in the padding is dropped.
func (w *window) out(axis, in int, ceil bool) int {
	room := in + w.before[axis] + w.after[axis] - (w.k[axis]-1)*w.d[axis] - 1
	if !ceil {
		return room/w.s[axis] + 1
	}
	n := (room+w.s[axis]-1)/w.s[axis] + 1
	if (n-1)*w.s[axis] >= in+w.before[axis] {
		n--
	}
	return n
}

func conv(n *onnx.Node, in []*array) (*array, error) {
	x, f := in[0], in[1]
	w := newWindow(n, f.dims[2], f.dims[3])
	groups := int(attribute(n, "group", 1).I)
	batch, inC, h, width := x.dims[0], x.dims[1], x.dims[2], x.dims[3]
	outC, perGroup := f.dims[0], f.dims[1]
	if inC != perGroup*groups {
		panic("channels of the filters")
	}
	y := floats(batch, outC, w.out(0, h, false), w.out(1, width, false))
	at := 0
	for b := range batch {
		for c := range outC {
			first := c / (outC / groups) * perGroup
			bias := 0.0
			if len(in) > 2 && in[2] != nil {
				bias = float64(in[2].f[c])
			}
			for oy := range y.dims[2] {
				for ox := range y.dims[3] {
					sum := bias
					for ic := range perGroup {
						plane := x.f[(b*inC+first+ic)*h*width:][:h*width]
						sum = w.dot(sum, plane, f.f[(c*perGroup+ic)*w.k[0]*w.k[1]:], oy, ox, h, width)
					}
					y.f[at] = float32(sum)
					at++
				}
			}
		}
	}
	return y, nil
}

// dot adds to sum the products of a plane under the window of output (oy, ox) with a filter.
func (w *window) dot(sum float64, plane, filter []float32, oy, ox, h, width int) float64 {
	for ky := range w.k[0] {
		iy := oy*w.s[0] - w.before[0] + ky*w.d[0]
		if iy < 0 || iy >= h {
			continue
		}
		for kx := range w.k[1] {
			ix := ox*w.s[1] - w.before[1] + kx*w.d[1]
			if ix >= 0 && ix < width {
				sum += float64(float64(plane[iy*width+ix]) * float64(filter[ky*w.k[1]+kx]))
			}
		}
	}
	return sum
}

func pool(n *onnx.Node, in []*array) (*array, error) {
	x := in[0]
	w := newWindow(n, 0, 0)
	ceil, countPad := attribute(n, "ceil_mode", 0).I != 0, attribute(n, "count_include_pad", 0).I != 0
	h, width := x.dims[2], x.dims[3]
	y := floats(x.dims[0], x.dims[1], w.out(0, h, ceil), w.out(1, width, ceil))
	at := 0
	for p := range x.dims[0] * x.dims[1] {
		plane := x.f[p*h*width:][:h*width]
		for oy := range y.dims[2] {
			for ox := range y.dims[3] {
				most, sum, count := w.pool(plane, oy, ox, h, width, countPad)
				if n.OpType == "AveragePool" {
					most = sum / float64(max(1, count))
				}
				y.f[at] = float32(most)
				at++
			}
		}
	}
	return y, nil
}

// pool returns the maximum and the sum of what is under a window, and how much there is. The lowest float stands for nothing.
func (w *window) pool(plane []float32, oy, ox, h, width int, countPad bool) (most, sum float64, count int) {
	most = -math.MaxFloat32
	for ky := range w.k[0] {
		for kx := range w.k[1] {
			iy, ix := oy*w.s[0]-w.before[0]+ky*w.d[0], ox*w.s[1]-w.before[1]+kx*w.d[1]
			switch {
			case iy >= 0 && iy < h && ix >= 0 && ix < width:
				v := float64(plane[iy*width+ix])
				most, sum = math.Max(most, v), sum+v
				count++
			case countPad && iy < h+w.after[0] && ix < width+w.after[1]:
				count++
			}
		}
	}
	return most, sum, count
}

func globalPool(_ *onnx.Node, in []*array) (*array, error) {
	x := in[0]
	y := floats(x.dims[0], x.dims[1], 1, 1)
	plane := x.dims[2] * x.dims[3]
	for p := range y.f {
		sum := 0.0
		for _, v := range x.f[p*plane:][:plane] {
			sum += float64(v)
		}
		y.f[p] = float32(sum / float64(plane))
	}
	return y, nil
}

func gemm(n *onnx.Node, in []*array) (*array, error) {
	a, b := in[0], in[1]
	if attribute(n, "transA", 0).I != 0 {
		a = permuted(a, []int{1, 0})
	}
	if attribute(n, "transB", 0).I != 0 {
		b = permuted(b, []int{1, 0})
	}
	y := product(a, b)
	if len(in) > 2 && in[2] != nil {
		y = fold(func(a, b float64) float64 { return a + b }, []*array{y, in[2]})
	}
	return y, nil
}

func matMul(_ *onnx.Node, in []*array) (*array, error) { return product(in[0], in[1]), nil }

// product multiplies matrices; of a, all dimensions but the last count as rows.
func product(a, b *array) *array {
	k, cols := b.dims[0], b.dims[1]
	y := floats(append(append([]int(nil), a.dims[:len(a.dims)-1]...), cols)...)
	for r := range len(y.f) / cols {
		for c := range cols {
			sum := 0.0
			for i := range k {
				sum += float64(float64(a.f[r*k+i]) * float64(b.f[i*cols+c]))
			}
			y.f[r*cols+c] = float32(sum)
		}
	}
	return y
}

func batchNorm(n *onnx.Node, in []*array) (*array, error) {
	x := in[0]
	epsilon := 1e-5
	if a := attribute(n, "epsilon"); a.F != 0 {
		epsilon = float64(a.F)
	}
	y := floats(x.dims...)
	plane := elements(x.dims[2:])
	for i, v := range x.f {
		c := i / plane % x.dims[1]
		scale := float64(in[1].f[c]) / math.Sqrt(float64(in[4].f[c])+epsilon)
		y.f[i] = float32(float64((float64(v)-float64(in[3].f[c]))*scale) + float64(in[2].f[c]))
	}
	return y, nil
}

func softmax(n *onnx.Node, in []*array) (*array, error) {
	x := in[0]
	axis := int(attribute(n, "axis", -1).I)
	if axis < 0 {
		axis += len(x.dims)
	}
	y := floats(x.dims...)
	size, stride := x.dims[axis], elements(x.dims[axis+1:])
	for o := range len(x.f) / (size * stride) {
		for s := range stride {
			at := o*size*stride + s
			most, sum := math.Inf(-1), 0.0
			for i := range size {
				most = math.Max(most, float64(x.f[at+i*stride]))
			}
			for i := range size {
				sum += math.Exp(float64(x.f[at+i*stride]) - most)
			}
			for i := range size {
				y.f[at+i*stride] = float32(math.Exp(float64(x.f[at+i*stride])-most) / sum)
			}
		}
	}
	return y, nil
}

// resize enlarges by whole factors: repeating, or interpolating with half-pixel centres.
func resize(n *onnx.Node, in []*array) (*array, error) {
	x, scales := in[0], in[2].f
	fy, fx := int(scales[2]), int(scales[3])
	linear := attribute(n, "mode").S == "linear"
	h, w := x.dims[2], x.dims[3]
	y := floats(x.dims[0], x.dims[1], h*fy, w*fx)
	for i := range y.f {
		ox, oy, plane := i%(w*fx), i/(w*fx)%(h*fy), x.f[i/(w*fx*h*fy)*h*w:]
		if !linear {
			y.f[i] = plane[oy/fy*w+ox/fx]
			continue
		}
		y0, y1, ty := neighbours(oy, fy, h)
		x0, x1, tx := neighbours(ox, fx, w)
		at := func(r, c int) float64 { return float64(plane[r*w+c]) }
		top := float64((1-tx)*at(y0, x0)) + float64(tx*at(y0, x1))
		bottom := float64((1-tx)*at(y1, x0)) + float64(tx*at(y1, x1))
		y.f[i] = float32(float64((1-ty)*top) + float64(ty*bottom))
	}
	return y, nil
}

// neighbours returns the two input positions that output position at blends, and the weight of the second. The weight is made
// from integers, so that it does not depend on where in a map a strip begins.
func neighbours(at, factor, extent int) (low, high int, weight float64) {
	centre := 2*at + 1 - factor + 2*factor // in halves of 1/factor, from one element before the map
	low = centre/(2*factor) - 1
	return max(low, 0), min(low+1, extent-1), float64(centre%(2*factor)) / float64(2*factor)
}
