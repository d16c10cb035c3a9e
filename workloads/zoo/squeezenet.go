package zoo

import (
	"fmt"

	"hidp/workloads"
)

// squeezenet11 builds SqueezeNet 1.1 (torchvision/models/squeezenet.py). Its pools round up.
func squeezenet11(side int) (*workloads.Graph, error) {
	b := workloads.NewBuilder("squeezenet1_1", workloads.Shape{C: 3, H: side, W: side})
	x := biasConv(b, "features.0", 0, 64, workloads.Square(3, 2, 0))
	module := 2
	for _, s := range []struct{ squeeze, expand int }{
		{0, 0}, // a pool
		{16, 64}, {16, 64},
		{0, 0},
		{32, 128}, {32, 128},
		{0, 0},
		{48, 192}, {48, 192}, {64, 256}, {64, 256},
	} {
		name := fmt.Sprintf("features.%d", module)
		if s.squeeze == 0 {
			x = b.Pool(name, workloads.OpMaxPool, x, ceil(workloads.Square(3, 2, 0)))
		} else {
			x = fire(b, name, x, s.squeeze, s.expand)
		}
		module++
	}
	x = biasConv(b, "classifier.1", x, 1000, workloads.Square(1, 1, 0))
	b.GlobalPool("classifier.3", x)
	return b.Build()
}

// fire appends a 1×1 squeeze and two parallel expansions.
func fire(b *workloads.Builder, name string, x, squeeze, expand int) int {
	s := biasConv(b, name+".squeeze", x, squeeze, workloads.Square(1, 1, 0))
	one := biasConv(b, name+".expand1x1", s, expand, workloads.Square(1, 1, 0))
	three := biasConv(b, name+".expand3x3", s, expand, workloads.Square(3, 1, 1))
	return b.Concat(name+".concat", one, three)
}

// biasConv appends a convolution with a bias and a ReLU.
func biasConv(b *workloads.Builder, name string, x, out int, w workloads.Window) int {
	return b.Conv(name, x, workloads.Conv{Out: out, Window: w, Bias: true, Act: workloads.ReLU})
}

// ceil returns the window with its output extent rounded up.
func ceil(w workloads.Window) workloads.Window {
	w.Ceil = true
	return w
}
