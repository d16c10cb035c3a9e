package zoo

import (
	"fmt"

	"hidp/workloads"
)

// mobilenetV2 builds MobileNetV2 at width 1.0 (torchvision/models/mobilenetv2.py).
func mobilenetV2(side int) (*workloads.Graph, error) {
	b := workloads.NewBuilder("mobilenet_v2", workloads.Shape{C: 3, H: side, W: side})
	x := normConv(b, "features.0.0", 0, 32, workloads.Square(3, 2, 1), workloads.ReLU6)
	module := 1
	for _, s := range []struct{ expand, out, repeat, stride int }{ // table 2 of the paper
		{1, 16, 1, 1},
		{6, 24, 2, 2},
		{6, 32, 3, 2},
		{6, 64, 4, 2},
		{6, 96, 3, 1},
		{6, 160, 3, 2},
		{6, 320, 1, 1},
	} {
		for i := range s.repeat {
			stride := 1
			if i == 0 {
				stride = s.stride
			}
			x = invertedResidual(b, fmt.Sprintf("features.%d", module), x, s.expand, s.out, stride)
			module++
		}
	}
	x = normConv(b, fmt.Sprintf("features.%d.0", module), x, 1280, workloads.Square(1, 1, 0), workloads.ReLU6)
	x = b.GlobalPool("avgpool", x)
	b.Linear("classifier.1", x, 1000, workloads.NoAct)
	return b.Build()
}

// invertedResidual appends an expansion, a depthwise convolution and a linear projection, with a skip where the shape stays.
func invertedResidual(b *workloads.Builder, name string, x, expand, out, stride int) int {
	in := b.Shape(x).C
	y, part := x, 0
	if expand != 1 {
		y = normConv(b, name+".conv.0.0", y, in*expand, workloads.Square(1, 1, 0), workloads.ReLU6)
		part++
	}
	y = depthwise(b, fmt.Sprintf("%s.conv.%d.0", name, part), y, 3, stride, workloads.ReLU6)
	y = normConv(b, fmt.Sprintf("%s.conv.%d", name, part+1), y, out, workloads.Square(1, 1, 0), workloads.NoAct)
	if stride == 1 && in == out {
		y = b.Sum(name+".add", workloads.NoAct, x, y)
	}
	return y
}

// depthwise appends a k×k convolution with one filter per channel that keeps the extent (up to the stride).
func depthwise(b *workloads.Builder, name string, x, k, stride int, act workloads.Activation) int {
	c := b.Shape(x).C
	return b.Conv(name, x, workloads.Conv{Out: c, Window: workloads.Square(k, stride, k/2), Groups: c, Norm: true, Act: act})
}
