package zoo

import (
	"fmt"

	"hidp/workloads"
)

// residual appends one residual block of the given width and stride to tensor x and returns its output tensor.
type residual func(b *workloads.Builder, name string, x, width, stride int) int

// resnet builds a ResNet: a 7×7 stem and a pool, four stages of counts[i] residual blocks, of which the first of each later
// stage halves the map, and a global pool with a fully connected layer (torchvision/models/resnet.py).
func resnet(name string, side int, block residual, counts ...int) (*workloads.Graph, error) {
	b := workloads.NewBuilder(name, workloads.Shape{C: 3, H: side, W: side})
	x := normConv(b, "conv1", 0, 64, workloads.Square(7, 2, 3), workloads.ReLU)
	x = b.Pool("maxpool", workloads.OpMaxPool, x, workloads.Square(3, 2, 1))
	for stage, n := range counts {
		for i := range n {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			x = block(b, fmt.Sprintf("layer%d.%d", stage+1, i), x, 64<<stage, stride)
		}
	}
	x = b.GlobalPool("avgpool", x)
	b.Linear("fc", x, 1000, workloads.NoAct)
	return b.Build()
}

// basic is the block of ResNet-18 and -34: two 3×3 convolutions.
func basic(b *workloads.Builder, name string, x, width, stride int) int {
	y := normConv(b, name+".conv1", x, width, workloads.Square(3, stride, 1), workloads.ReLU)
	y = normConv(b, name+".conv2", y, width, workloads.Square(3, 1, 1), workloads.NoAct)
	return b.Sum(name+".add", workloads.ReLU, y, shortcut(b, name, x, width, stride))
}

// bottleneck is the block of the deeper networks: 1×1 to a quarter of the channels, 3×3 (which carries the stride: the
// "v1.5" variant), and 1×1 back.
func bottleneck(b *workloads.Builder, name string, x, width, stride int) int {
	y := normConv(b, name+".conv1", x, width, workloads.Square(1, 1, 0), workloads.ReLU)
	y = normConv(b, name+".conv2", y, width, workloads.Square(3, stride, 1), workloads.ReLU)
	y = normConv(b, name+".conv3", y, 4*width, workloads.Square(1, 1, 0), workloads.NoAct)
	return b.Sum(name+".add", workloads.ReLU, y, shortcut(b, name, x, 4*width, stride))
}

// shortcut returns x itself, or a projection where the block changes its shape.
func shortcut(b *workloads.Builder, name string, x, out, stride int) int {
	if stride == 1 && b.Shape(x).C == out {
		return x
	}
	return normConv(b, name+".downsample.0", x, out, workloads.Square(1, stride, 0), workloads.NoAct)
}

// normConv appends a convolution without bias whose batch normalisation follows, the unit of all networks after VGG.
func normConv(b *workloads.Builder, name string, x, out int, w workloads.Window, act workloads.Activation) int {
	return b.Conv(name, x, workloads.Conv{Out: out, Window: w, Norm: true, Act: act})
}
