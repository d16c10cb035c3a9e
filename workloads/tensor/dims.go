package tensor

import (
	"fmt"
	"strings"
)

// Axis names an axis of a domain. Names are for people, for plan files and for planners that split an axis of a certain name. The
// needs of a box never depend on names: they go by the position of an axis. The names of a domain differ. A reduced axis has the
// name of an axis of the input if a split of the input along that axis is to be followed into partial results (a pool over rows);
// the reduced axes of products have names of their own.
type Axis uint8

// The axes.
const (
	None      Axis = iota // an axis without a name
	Sample                // the inputs of a request's batch
	Channel               // feature maps, or the elements of a vector
	Row                   // of an image
	Column                // of an image
	Token                 // of a sequence
	Head                  // of attention
	Context               // the tokens that attention looks at
	InChannel             // reduced: the channels that a product sums over
	InRow                 // reduced: the rows that a product sums over
	InColumn              // reduced: the columns that a product sums over
	NumAxes
)

var axisNames = [NumAxes]string{"", "sample", "channel", "row", "column", "token", "head", "context", "in_channel", "in_row", "in_column"}

// String returns the name as plan files have it.
func (a Axis) String() string { return axisNames[a] }

// ParseAxis returns the axis called name.
func ParseAxis(name string) (Axis, bool) {
	for a := Sample; a < NumAxes; a++ {
		if axisNames[a] == name {
			return a, true
		}
	}
	return None, false
}

// MaxBatch bounds the samples of a batch, so that products of extents fit 64 bits.
const MaxBatch = 1 << 20

// Dims are the axes of a layer's domain: Rank axes of the output tensor, then Reduced axes that the layer sums over. The batch is
// no property of a network: the size of the sample axis is MaxBatch, and Full takes the batch as an argument.
type Dims struct {
	Axis          [MaxAxes]Axis
	Size          [MaxAxes]int32 // 1 for axes that the domain lacks
	Rank, Reduced int
}

// NewDims returns a domain of a sample axis alone, to which Tensor and Sum add axes.
func NewDims() Dims {
	d := Dims{Rank: 1}
	for i := range d.Size {
		d.Size[i] = 1
	}
	d.Axis[0], d.Size[0] = Sample, MaxBatch
	return d
}

// Tensor adds an axis of the output tensor. It panics if there are too many axes or if a reduced axis has been added before.
func (d Dims) Tensor(a Axis, size int) Dims {
	if d.Reduced > 0 {
		panic("tensor: axes of the tensor come before reduced axes")
	}
	d.add(a, size)
	d.Rank++
	return d
}

// Sum adds a reduced axis. It panics if there are too many axes.
func (d Dims) Sum(a Axis, size int) Dims {
	d.add(a, size)
	d.Reduced++
	return d
}

func (d *Dims) add(a Axis, size int) {
	d.Axis[d.Axes()], d.Size[d.Axes()] = a, int32(size)
}

// Axes returns the number of axes of the domain.
func (d *Dims) Axes() int { return d.Rank + d.Reduced }

// Find returns the position of the axis called name, or -1.
func (d *Dims) Find(name Axis) int {
	for i := range d.Axes() {
		if d.Axis[i] == name {
			return i
		}
	}
	return -1
}

// Extent returns the size of the axis called name: 1 if the domain lacks it.
func (d *Dims) Extent(name Axis) int {
	if i := d.Find(name); i >= 0 {
		return int(d.Size[i])
	}
	return 1
}

// Along returns the span of box b along the axis called name: [0,1) if the domain lacks it.
func (d *Dims) Along(b *Box, name Axis) Span {
	if i := d.Find(name); i >= 0 {
		return b[i]
	}
	return Span{0, 1}
}

// Full returns the whole domain for a batch of b samples.
func (d *Dims) Full(b int) Box {
	var x Box
	for i := range x {
		x[i].Hi = d.Size[i]
	}
	x[0].Hi = int32(b)
	return x
}

// Describe says which part of the domain box b is, for people: its samples, and its spans of all axes that are not full.
func (d *Dims) Describe(b *Box) string {
	var text []string
	for i := range d.Axes() {
		if i == 0 || b[i] != (Span{0, d.Size[i]}) {
			text = append(text, fmt.Sprintf("%vs %v", d.Axis[i], b[i]))
		}
	}
	return strings.Join(text, " ")
}

// Partial reports whether box b sums a part of a reduced axis only.
func (d *Dims) Partial(b *Box) bool {
	for i := d.Rank; i < d.Axes(); i++ {
		if b[i] != (Span{0, d.Size[i]}) {
			return true
		}
	}
	return false
}

// Elements returns the number of elements of the tensor that box b of the domain stands for: of a partial result, those of the
// tensor, whatever part of the sums it holds.
func (d *Dims) Elements(b *Box) int64 {
	if b.Empty() {
		return 0
	}
	return b.Volume(d.Rank)
}

// MergeKind says how the partial results of a layer are joined. The layer's finish (bias, activation, a mean's division) follows
// the merge, once.
type MergeKind uint8

// The merges.
const (
	MergeNone    MergeKind = iota // the layer has no reduced axes
	MergeSum                      // partial results are added
	MergeMax                      // the larger one is taken, element by element
	MergeSoftmax                  // triples of maximum, sum of exponentials and weighted sum are joined
)
