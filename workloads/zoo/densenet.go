package zoo

import (
	"fmt"

	"hidp/workloads"
)

// densenet121 builds DenseNet-121 with growth rate 32 (torchvision/models/densenet.py). Normalisation comes before each
// convolution here, so the ones that follow a concatenation are layers of their own.
func densenet121(side int) (*workloads.Graph, error) {
	const growth = 32
	b := workloads.NewBuilder("densenet121", workloads.Shape{C: 3, H: side, W: side})
	x := normConv(b, "features.conv0", 0, 2*growth, workloads.Square(7, 2, 3), workloads.ReLU)
	x = b.Pool("features.pool0", workloads.OpMaxPool, x, workloads.Square(3, 2, 1))
	counts := []int{6, 12, 24, 16}
	for i, n := range counts {
		for k := range n {
			x = denseLayer(b, fmt.Sprintf("features.denseblock%d.denselayer%d", i+1, k+1), x, growth)
		}
		if i+1 < len(counts) {
			x = transition(b, fmt.Sprintf("features.transition%d", i+1), x)
		}
	}
	x = b.Norm("features.norm5", x, workloads.ReLU)
	x = b.GlobalPool("avgpool", x)
	b.Linear("classifier", x, 1000, workloads.NoAct)
	return b.Build()
}

// denseLayer appends growth channels to x, the concatenation of everything before in the dense block.
func denseLayer(b *workloads.Builder, name string, x, growth int) int {
	y := b.Norm(name+".norm1", x, workloads.ReLU)
	y = normConv(b, name+".conv1", y, 4*growth, workloads.Square(1, 1, 0), workloads.ReLU)
	y = b.Conv(name+".conv2", y, workloads.Conv{Out: growth, Window: workloads.Square(3, 1, 1)})
	return b.Concat(name+".concat", x, y)
}

// transition halves the channels and the extent.
func transition(b *workloads.Builder, name string, x int) int {
	y := b.Norm(name+".norm", x, workloads.ReLU)
	y = b.Conv(name+".conv", y, workloads.Conv{Out: b.Shape(x).C / 2, Window: workloads.Square(1, 1, 0)})
	return b.Pool(name+".pool", workloads.OpAvgPool, y, workloads.Square(2, 2, 0))
}
