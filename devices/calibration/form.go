package calibration

import (
	"math"
	"strings"

	"hidp/devices/dnns"
)

// Term is one of the costs that the time of a layer is the sum of. Each term is a count that follows from the layer
// times a parameter of the cluster: seconds per FLOP, per byte, per kernel. Parameters are kept as natural logarithms.
type Term int

// The terms.
const (
	RateConv3x3   Term = iota // seconds per FLOP of 3x3 convolutions of stride 1
	RateConvKxK               // of other convolutions larger than 1x1
	RateConv1x1               // of 1x1 convolutions
	RateDepthwise             // of depthwise convolutions
	RateGrouped               // of other grouped convolutions
	Activations               // seconds per byte that convolutions and fully connected layers read and write
	Weights                   // per byte of weights
	Elements                  // per byte that elementwise layers read and write
	Im2col                    // per byte of the unrolled input of a kxk convolution
	PerConv                   // seconds per convolution
	PerOther                  // per other layer
	PerEager                  // per kernel that an eager runtime starts for normalisations and activations
	PerGroup                  // per group of a grouped convolution
	PerDetection              // per 1000 elements of softmax and detection outputs, which runtimes compute on one thread
	Invoke                    // seconds per inference
	Terms                     // how many there are
)

var termNames = [Terms]string{"conv3x3", "convkxk", "conv1x1", "depthwise", "grouped", "activations", "weights", "elements",
	"im2col", "per_conv", "per_other", "per_eager", "per_group", "per_detection", "invoke"}

// String returns the name that files and tables use.
func (t Term) String() string { return termNames[t] }

// Params are the logarithms of the parameters of one cluster under one runtime.
type Params [Terms]float64

// Counts are the counts of a layer or of a whole network: what multiplies exp(Params).
type Counts [Terms]float64

// Scales are the parameters themselves: seconds per unit of each term.
type Scales [Terms]float64

// Scales returns the parameters without the logarithm.
func (p *Params) Scales() (s Scales) {
	for t := range p {
		s[t] = math.Exp(p[t])
	}
	return s
}

// Seconds returns the modelled time.
func (c *Counts) Seconds(s *Scales) float64 {
	var total float64
	for t := range c {
		total += float64(c[t] * s[t])
	}
	return total
}

// Gradient returns the modelled time and d log time / d parameter, the share that each term has of the time.
func (c *Counts) Gradient(s *Scales) (seconds float64, shares [Terms]float64) {
	for t := range c {
		shares[t] = float64(c[t] * s[t])
		seconds += shares[t]
	}
	for t := range shares {
		shares[t] /= seconds
	}
	return seconds, shares
}

func (c *Counts) add(d *Counts) {
	for t := range c {
		c[t] += d[t]
	}
}

// Style is what of a runtime changes the counts of a layer.
type Style struct {
	Eager bool // each normalisation and each activation is a kernel of its own
	Fused bool // additions, concatenations and gates cost no kernel of their own
	Whole bool // activations of every kind are part of the layer that they follow
}

// StyleOf returns the style of a runtime by its name.
func StyleOf(runtime string) Style {
	return Style{Eager: runtime == "pytorch" || runtime == "tensorflow", Fused: runtime == "tensorrt",
		Whole: strings.HasPrefix(runtime, "ncnn")}
}

// NetworkCounts sums the counts of all layers of a network and adds one inference.
func NetworkCounts(n *dnns.Network, s Style) Counts {
	var total Counts
	for i := range n.Layers {
		c := LayerCounts(&n.Layers[i], s)
		total.add(&c)
	}
	total[Invoke]++
	return total
}

const (
	bytesPerElement = 4
	tile            = 6  // rows and columns that one step of a Winograd kernel F(6x6, 3x3) computes
	channelHalf     = 32 // channels at which a 3x3 convolution reaches half of its rate
	detectionLeast  = 2000
)

// LayerCounts returns the counts of a layer.
func LayerCounts(l *dnns.Layer, s Style) Counts {
	var c Counts
	flops, moved := 2*float64(l.MACs), bytesPerElement*float64(l.Inputs+l.Outputs)
	if rate, ok := rateOf(l.Class); ok {
		if l.Class == dnns.Conv3x3 {
			flops *= conv3x3Factor(l)
		}
		c[rate] = flops
		c[PerConv] = 1
	}
	if l.Class == dnns.Elementwise {
		c[Elements] = moved
	} else {
		c[Activations] = moved
	}
	c[Weights] = bytesPerElement * float64(l.Weights)
	if l.Class == dnns.ConvKxK {
		c[Im2col] = bytesPerElement * float64(l.InChannels*l.KernelRows*l.KernelColumns) * float64(l.OutRows*l.OutColumns)
	}
	if l.Class == dnns.Grouped {
		c[PerGroup] = float64(l.Groups)
	}
	if (l.Op == "softmax" || l.Op == "detect") && l.Inputs > detectionLeast {
		c[PerDetection] = float64(l.Inputs) / 1e3
	}
	if c[PerConv] == 0 && !(s.Fused && fusible[l.Op]) {
		c[PerOther] = 1
	}
	if s.Eager {
		addEager(&c, l)
	}
	return c
}

func rateOf(class dnns.Class) (Term, bool) {
	switch class {
	case dnns.Conv3x3:
		return RateConv3x3, true
	case dnns.ConvKxK:
		return RateConvKxK, true
	case dnns.Conv1x1:
		return RateConv1x1, true
	case dnns.Depthwise:
		return RateDepthwise, true
	case dnns.Grouped:
		return RateGrouped, true
	}
	return 0, false
}

// conv3x3Factor says how much more a 3x3 convolution computes than its arithmetic: kernels work on whole tiles, and few
// channels leave them waiting.
func conv3x3Factor(l *dnns.Layer) float64 {
	up := func(n int) float64 { return math.Ceil(float64(n)/tile) * tile / float64(n) }
	return (1 + channelHalf/float64(l.InChannels)) * (1 + channelHalf/float64(l.OutChannels)) * up(l.OutRows) * up(l.OutColumns)
}

// addEager adds the kernels that an eager runtime starts after the layer. Each reads and writes the layer's output.
func addEager(c *Counts, l *dnns.Layer) {
	var kernels float64
	if l.BatchNorm {
		kernels++
	}
	if l.Activation != "" {
		kernels++
	}
	c[PerEager] += kernels
	c[Elements] += kernels * 2 * bytesPerElement * float64(l.Outputs)
}

var fusible = map[string]bool{"concat": true, "add": true, "swish": true, "sigmoid": true, "hswish": true, "hsigmoid": true, "slice": true}

// Limit says what kind of cost a term is: compute, bandwidth or overhead.
func (t Term) Limit() string {
	switch kind(t) {
	case "rate":
		return "compute"
	case "memory":
		return "bandwidth"
	}
	return "overhead"
}
