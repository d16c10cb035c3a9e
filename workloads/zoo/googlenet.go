package zoo

import "hidp/workloads"

// googlenet builds GoogLeNet with batch normalisation and without its auxiliary heads (torchvision/models/googlenet.py). As
// in torchvision, the "5×5" branch has 3×3 kernels, and pools round up.
func googlenet(side int) (*workloads.Graph, error) {
	b := workloads.NewBuilder("googlenet", workloads.Shape{C: 3, H: side, W: side})
	pool := func(name string, x, k int) int {
		return b.Pool(name, workloads.OpMaxPool, x, ceil(workloads.Square(k, 2, 0)))
	}
	x := normConv(b, "conv1", 0, 64, workloads.Square(7, 2, 3), workloads.ReLU)
	x = pool("maxpool1", x, 3)
	x = normConv(b, "conv2", x, 64, workloads.Square(1, 1, 0), workloads.ReLU)
	x = normConv(b, "conv3", x, 192, workloads.Square(3, 1, 1), workloads.ReLU)
	x = pool("maxpool2", x, 3)
	x = inception(b, "inception3a", x, 64, 96, 128, 16, 32, 32)
	x = inception(b, "inception3b", x, 128, 128, 192, 32, 96, 64)
	x = pool("maxpool3", x, 3)
	x = inception(b, "inception4a", x, 192, 96, 208, 16, 48, 64)
	x = inception(b, "inception4b", x, 160, 112, 224, 24, 64, 64)
	x = inception(b, "inception4c", x, 128, 128, 256, 24, 64, 64)
	x = inception(b, "inception4d", x, 112, 144, 288, 32, 64, 64)
	x = inception(b, "inception4e", x, 256, 160, 320, 32, 128, 128)
	x = pool("maxpool4", x, 2)
	x = inception(b, "inception5a", x, 256, 160, 320, 32, 128, 128)
	x = inception(b, "inception5b", x, 384, 192, 384, 48, 128, 128)
	x = b.GlobalPool("avgpool", x)
	b.Linear("fc", x, 1000, workloads.NoAct)
	return b.Build()
}

// inception appends the four parallel branches; the arguments are the columns of table 1 of the paper.
func inception(b *workloads.Builder, name string, x, c1, red3, c3, red5, c5, proj int) int {
	point, three := workloads.Square(1, 1, 0), workloads.Square(3, 1, 1)
	one := normConv(b, name+".branch1", x, c1, point, workloads.ReLU)
	two := normConv(b, name+".branch2.0", x, red3, point, workloads.ReLU)
	two = normConv(b, name+".branch2.1", two, c3, three, workloads.ReLU)
	thr := normConv(b, name+".branch3.0", x, red5, point, workloads.ReLU)
	thr = normConv(b, name+".branch3.1", thr, c5, three, workloads.ReLU)
	four := b.Pool(name+".branch4.0", workloads.OpMaxPool, x, ceil(three))
	four = normConv(b, name+".branch4.1", four, proj, point, workloads.ReLU)
	return b.Concat(name+".concat", one, two, thr, four)
}
