package onnx

import (
	"fmt"
	"slices"
)

// Layout says which axis of an image input is its channels.
type Layout uint8

// The layouts.
const (
	AnyLayout Layout = iota // as the network's nodes and the extents suggest
	NCHW                    // sample, channel, row, column
	NHWC                    // sample, row, column, channel, as TensorFlow has them
)

// ParseLayout reads the name of a layout: nchw or nhwc; nothing is AnyLayout.
func ParseLayout(name string) (Layout, error) {
	switch name {
	case "":
		return AnyLayout, nil
	case "nchw":
		return NCHW, nil
	case "nhwc":
		return NHWC, nil
	}
	return AnyLayout, fmt.Errorf("layout %q is neither nchw (channels before rows and columns) nor nhwc (channels last)", name)
}

// channelsLast decides whether input v is N×H×W×C: as the user says, or as what first reads it suggests, or as its last extent does.
// What nobody said is noted.
func (im *importer) channelsLast(v *value) bool {
	if len(v.dims) != 4 || v.dims[0] != 1 {
		return false
	}
	if im.layout != AnyLayout {
		return im.layout == NHWC
	}
	first, last, others := im.imageReaders(v.name)
	few := v.dims[3] == 1 || v.dims[3] == 3 || v.dims[3] == 4
	switch {
	case first > 0:
		return false
	case last > 0 && others == 0:
		im.m.assume("input %s is taken as an image with its channels last (%d×%d×%d): its readers put the channels first; --layout nchw says otherwise",
			quote(v.name), v.dims[1], v.dims[2], v.dims[3])
		return true
	case few && min(v.dims[1], v.dims[2]) > 4:
		im.m.assume("input %s is taken as an image with its channels last (%d×%d×%d), because its last extent is that of an image's channels; --layout nchw says otherwise",
			quote(v.name), v.dims[1], v.dims[2], v.dims[3])
		return true
	}
	return false
}

// imageReaders counts the nodes that read a tensor, directly or through element-wise nodes: those that need channels first, those that
// put them first, and others.
func (im *importer) imageReaders(name string) (first, last, others int) {
	seen := map[string]bool{name: true}
	for _, n := range im.nodes {
		if !n.data || !slices.ContainsFunc(n.in, func(in string) bool { return seen[in] }) {
			continue
		}
		switch perm, _ := n.attr("perm"); {
		case n.fn == "Transpose" && perm != nil && slices.Equal(perm.Ints, []int64{0, 3, 1, 2}):
			last++
		case slices.Contains([]string{"Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "Resize", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}, n.fn):
			first++
		case n.fn == "Pad" || n.fn != "Transpose" && n.fn != "Concat" && n.Rowwise(View{}):
			for _, out := range n.out {
				seen[out] = true
			}
		default:
			others++
		}
	}
	return first, last, others
}
