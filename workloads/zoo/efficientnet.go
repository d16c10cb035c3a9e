package zoo

import (
	"fmt"

	"hidp/workloads"
)

// efficientnetB0 builds EfficientNet-B0 (torchvision/models/efficientnet.py).
func efficientnetB0(side int) (*workloads.Graph, error) {
	b := workloads.NewBuilder("efficientnet_b0", workloads.Shape{C: 3, H: side, W: side})
	x := normConv(b, "features.0.0", 0, 32, workloads.Square(3, 2, 1), workloads.SiLU)
	stages := []struct{ expand, kernel, stride, out, repeat int }{ // table 1 of the paper
		{1, 3, 1, 16, 1},
		{6, 3, 2, 24, 2},
		{6, 5, 2, 40, 2},
		{6, 3, 2, 80, 3},
		{6, 5, 1, 112, 3},
		{6, 5, 2, 192, 4},
		{6, 3, 1, 320, 1},
	}
	for n, s := range stages {
		for i := range s.repeat {
			stride := 1
			if i == 0 {
				stride = s.stride
			}
			x = mbconv(b, fmt.Sprintf("features.%d.%d.block", n+1, i), x, s.expand, s.kernel, stride, s.out)
		}
	}
	x = normConv(b, fmt.Sprintf("features.%d.0", len(stages)+1), x, 1280, workloads.Square(1, 1, 0), workloads.SiLU)
	x = b.GlobalPool("avgpool", x)
	b.Linear("classifier.1", x, 1000, workloads.NoAct)
	return b.Build()
}

// mbconv appends an inverted bottleneck with squeeze-excite. The squeeze has a quarter of the block's *input* channels, not of
// the expanded ones.
func mbconv(b *workloads.Builder, name string, x, expand, kernel, stride, out int) int {
	in := b.Shape(x).C
	y, part := x, 0
	if expand != 1 {
		y = normConv(b, name+".0.0", y, in*expand, workloads.Square(1, 1, 0), workloads.SiLU)
		part++
	}
	y = depthwise(b, fmt.Sprintf("%s.%d.0", name, part), y, kernel, stride, workloads.SiLU)
	y = squeezeExcite(b, fmt.Sprintf("%s.%d", name, part+1), y, max(1, in/4))
	y = normConv(b, fmt.Sprintf("%s.%d.0", name, part+2), y, out, workloads.Square(1, 1, 0), workloads.NoAct)
	if stride == 1 && in == out {
		y = b.Sum(name+".add", workloads.NoAct, y, x)
	}
	return y
}

// squeezeExcite appends the channel attention of Hu et al. (CVPR 2018, arXiv:1709.01507): every channel of x is scaled by a
// factor computed from the means of all channels.
func squeezeExcite(b *workloads.Builder, name string, x, squeeze int) int {
	point := workloads.Square(1, 1, 0)
	s := b.GlobalPool(name+".avgpool", x)
	s = b.Conv(name+".fc1", s, workloads.Conv{Out: squeeze, Window: point, Bias: true, Act: workloads.SiLU})
	s = b.Conv(name+".fc2", s, workloads.Conv{Out: b.Shape(x).C, Window: point, Bias: true, Act: workloads.Sigmoid})
	return b.Mul(name+".mul", x, s)
}
