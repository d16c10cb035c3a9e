package zoo

import "hidp/workloads"

// inceptionV3 builds Inception v3 without its auxiliary head and without the input re-normalisation that only pretrained
// weights need (torchvision/models/inception.py).
func inceptionV3(side int) (*workloads.Graph, error) {
	b := &inceptionBuilder{workloads.NewBuilder("inception_v3", workloads.Shape{C: 3, H: side, W: side})}
	shrink := workloads.Square(3, 2, 0)
	x := b.conv("Conv2d_1a_3x3", 0, 32, shrink)
	x = b.conv("Conv2d_2a_3x3", x, 32, workloads.Square(3, 1, 0))
	x = b.conv("Conv2d_2b_3x3", x, 64, workloads.Square(3, 1, 1))
	x = b.Pool("maxpool1", workloads.OpMaxPool, x, shrink)
	x = b.conv("Conv2d_3b_1x1", x, 80, workloads.Square(1, 1, 0))
	x = b.conv("Conv2d_4a_3x3", x, 192, workloads.Square(3, 1, 0))
	x = b.Pool("maxpool2", workloads.OpMaxPool, x, shrink)
	x = b.mixedA("Mixed_5b", x, 32)
	x = b.mixedA("Mixed_5c", x, 64)
	x = b.mixedA("Mixed_5d", x, 64)
	x = b.mixedB("Mixed_6a", x)
	x = b.mixedC("Mixed_6b", x, 128)
	x = b.mixedC("Mixed_6c", x, 160)
	x = b.mixedC("Mixed_6d", x, 160)
	x = b.mixedC("Mixed_6e", x, 192)
	x = b.mixedD("Mixed_7a", x)
	x = b.mixedE("Mixed_7b", x)
	x = b.mixedE("Mixed_7c", x)
	x = b.GlobalPool("avgpool", x)
	b.Linear("fc", x, 1000, workloads.NoAct)
	return b.Build()
}

// inceptionBuilder adds the parts that only this network has.
type inceptionBuilder struct{ *workloads.Builder }

func (b *inceptionBuilder) conv(name string, x, out int, w workloads.Window) int {
	return normConv(b.Builder, name, x, out, w, workloads.ReLU)
}

// point appends a 1×1 convolution.
func (b *inceptionBuilder) point(name string, x, out int) int {
	return b.conv(name, x, out, workloads.Square(1, 1, 0))
}

// line appends a 1×n or n×1 convolution that keeps the extent.
func (b *inceptionBuilder) line(name string, x, out, kh, kw int) int {
	return b.conv(name, x, out, workloads.Rect(kh, kw, kh/2, kw/2))
}

// poolBranch appends a 3×3 average pool, which counts the padding, and a 1×1 convolution.
func (b *inceptionBuilder) poolBranch(name string, x, out int) int {
	w := workloads.Square(3, 1, 1)
	w.CountPad = true
	return b.point(name+".branch_pool", b.Pool(name+".avg_pool", workloads.OpAvgPool, x, w), out)
}

// mixedA is figure 5 of the paper: 1×1, 5×5 and double 3×3 branches at 35×35.
func (b *inceptionBuilder) mixedA(name string, x, pooled int) int {
	one := b.point(name+".branch1x1", x, 64)
	five := b.point(name+".branch5x5_1", x, 48)
	five = b.conv(name+".branch5x5_2", five, 64, workloads.Square(5, 1, 2))
	three := b.point(name+".branch3x3dbl_1", x, 64)
	three = b.conv(name+".branch3x3dbl_2", three, 96, workloads.Square(3, 1, 1))
	three = b.conv(name+".branch3x3dbl_3", three, 96, workloads.Square(3, 1, 1))
	return b.Concat(name+".concat", one, five, three, b.poolBranch(name, x, pooled))
}

// mixedB shrinks 35×35 to 17×17.
func (b *inceptionBuilder) mixedB(name string, x int) int {
	shrink := workloads.Square(3, 2, 0)
	three := b.conv(name+".branch3x3", x, 384, shrink)
	dbl := b.point(name+".branch3x3dbl_1", x, 64)
	dbl = b.conv(name+".branch3x3dbl_2", dbl, 96, workloads.Square(3, 1, 1))
	dbl = b.conv(name+".branch3x3dbl_3", dbl, 96, shrink)
	return b.Concat(name+".concat", three, dbl, b.Pool(name+".maxpool", workloads.OpMaxPool, x, shrink))
}

// mixedC is figure 6 of the paper: 7×7 convolutions factorised to 1×7 and 7×1, at 17×17.
func (b *inceptionBuilder) mixedC(name string, x, c7 int) int {
	one := b.point(name+".branch1x1", x, 192)
	seven := b.point(name+".branch7x7_1", x, c7)
	seven = b.line(name+".branch7x7_2", seven, c7, 1, 7)
	seven = b.line(name+".branch7x7_3", seven, 192, 7, 1)
	dbl := b.point(name+".branch7x7dbl_1", x, c7)
	dbl = b.line(name+".branch7x7dbl_2", dbl, c7, 7, 1)
	dbl = b.line(name+".branch7x7dbl_3", dbl, c7, 1, 7)
	dbl = b.line(name+".branch7x7dbl_4", dbl, c7, 7, 1)
	dbl = b.line(name+".branch7x7dbl_5", dbl, 192, 1, 7)
	return b.Concat(name+".concat", one, seven, dbl, b.poolBranch(name, x, 192))
}

// mixedD shrinks 17×17 to 8×8.
func (b *inceptionBuilder) mixedD(name string, x int) int {
	shrink := workloads.Square(3, 2, 0)
	three := b.point(name+".branch3x3_1", x, 192)
	three = b.conv(name+".branch3x3_2", three, 320, shrink)
	seven := b.point(name+".branch7x7x3_1", x, 192)
	seven = b.line(name+".branch7x7x3_2", seven, 192, 1, 7)
	seven = b.line(name+".branch7x7x3_3", seven, 192, 7, 1)
	seven = b.conv(name+".branch7x7x3_4", seven, 192, shrink)
	return b.Concat(name+".concat", three, seven, b.Pool(name+".maxpool", workloads.OpMaxPool, x, shrink))
}

// mixedE is figure 7 of the paper: branches that split again into 1×3 and 3×1, at 8×8. The nested concatenations of torchvision
// are one here.
func (b *inceptionBuilder) mixedE(name string, x int) int {
	one := b.point(name+".branch1x1", x, 320)
	three := b.point(name+".branch3x3_1", x, 384)
	threeA := b.line(name+".branch3x3_2a", three, 384, 1, 3)
	threeB := b.line(name+".branch3x3_2b", three, 384, 3, 1)
	dbl := b.point(name+".branch3x3dbl_1", x, 448)
	dbl = b.conv(name+".branch3x3dbl_2", dbl, 384, workloads.Square(3, 1, 1))
	dblA := b.line(name+".branch3x3dbl_3a", dbl, 384, 1, 3)
	dblB := b.line(name+".branch3x3dbl_3b", dbl, 384, 3, 1)
	return b.Concat(name+".concat", one, threeA, threeB, dblA, dblB, b.poolBranch(name, x, 192))
}
