package zoo

import (
	"fmt"

	"hidp/workloads"
)

// vgg builds a VGG: five stages of convs[i] 3×3 convolutions, each stage closed by a 2×2 pool, then three fully connected
// layers (torchvision/models/vgg.py, configurations D and E without batch normalisation). Side is the extent of the square
// input; the adaptive pool before the classifier changes nothing at 224.
func vgg(name string, side int, convs ...int) (*workloads.Graph, error) {
	b := workloads.NewBuilder(name, workloads.Shape{C: 3, H: side, W: side})
	x, module := 0, 0
	for stage, n := range convs {
		out := min(64<<stage, 512)
		for range n {
			x = b.Conv(fmt.Sprintf("features.%d", module), x, workloads.Conv{
				Out: out, Window: workloads.Square(3, 1, 1), Bias: true, Act: workloads.ReLU})
			module += 2 // a convolution and its ReLU
		}
		x = b.Pool(fmt.Sprintf("features.%d", module), workloads.OpMaxPool, x, workloads.Square(2, 2, 0))
		module++
	}
	x = b.Linear("classifier.0", x, 4096, workloads.ReLU)
	x = b.Linear("classifier.3", x, 4096, workloads.ReLU)
	b.Linear("classifier.6", x, 1000, workloads.NoAct)
	return b.Build()
}
