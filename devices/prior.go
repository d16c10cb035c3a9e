package devices

import (
	"math"
	"strings"

	"hidp/workloads"
)

// prior is what is believed of a parameter set before measured rows are looked at: a median and a spread of the logarithm for
// each coordinate of the fit (see coordinates).
type prior struct {
	params Params
	spread [coordinates]float64
}

// Coordinates of a fit, all logarithms: a factor common to all rates, a factor for each class, the activation bandwidth, the
// ratio of weight to activation bandwidth, the overhead of a convolution layer, the ratio of other layers' overhead to it, and
// the invocation overhead. The common factor ties classes that no row tells apart.
const (
	coordCommon = 0
	coordClass  = 1
	coordAct    = coordClass + workloads.NumClasses
	coordWeight = coordAct + 1
	coordConv   = coordAct + 2
	coordOther  = coordAct + 3
	coordInvoke = coordAct + 4
	coordinates = coordAct + 5
)

// params returns the parameters at point x, which is relative to the prior's medians.
func (pr *prior) at(x *[coordinates]float64) Params {
	p := pr.params
	for i := range p.Rate {
		p.Rate[i] *= math.Exp(x[coordCommon] + x[coordClass+i])
	}
	p.ActBandwidth *= math.Exp(x[coordAct])
	p.WeightBandwidth *= math.Exp(x[coordAct] + x[coordWeight])
	p.ConvOverhead *= math.Exp(x[coordConv])
	p.OtherOverhead *= math.Exp(x[coordConv] + x[coordOther])
	p.InvokeOverhead *= math.Exp(x[coordInvoke])
	return p
}

// The spreads (standard deviations of logarithms) are set by hand: wide where nothing is known but the data sheet, narrow where
// the parameters come from a measured sibling.
const (
	wideCommon, wideClass, wideBandwidth, wideRatio, wideOverhead, wideInvoke             = 1.0, 0.6, 0.6, 0.5, 1.0, 0.5
	narrowCommon, narrowClass, narrowBandwidth, narrowRatio, narrowOverhead, narrowInvoke = 0.4, 0.3, 0.3, 0.2, 0.4, 0.3
)

func spreads(common, class, bandwidth, ratio, overhead, invoke float64) (s [coordinates]float64) {
	s[coordCommon], s[coordAct], s[coordWeight], s[coordConv], s[coordOther], s[coordInvoke] = common, bandwidth, ratio, overhead, ratio, invoke
	for i := range workloads.NumClasses {
		s[coordClass+i] = class
	}
	return s
}

// efficiency is the share of the peak that a class reaches, by kind of cluster: conv3x3, convkxk, conv1x1, depthwise, grouped,
// fc, elementwise. Set by hand after the fits of Tencent/ncnn and NVIDIA-AI-IOT figures; Winograd lets 3×3 convolutions exceed
// what direct convolution could.
var efficiency = [2][workloads.NumClasses]float64{
	CPU: {0.9, 0.45, 0.5, 0.15, 0.15, 0.3, 0.1},
	GPU: {0.7, 0.35, 0.35, 0.08, 0.1, 0.3, 0.05},
}

// Overheads before measurement, in seconds per layer: what frameworks spend between two kernels. The GPU figures are the order
// of the per-convolution overheads of NVIDIA-AI-IOT/torch2trt and tf_to_trt_image_classification rows; CPU ones are set by hand.
func overheadPrior(kind Kind, runtime string) (conv, other, invoke float64) {
	name, _, _ := strings.Cut(runtime, "/")
	eager := name == "tensorflow" || name == "pytorch"
	switch {
	case kind == GPU && eager:
		return 250e-6, 60e-6, 1e-3
	case kind == GPU:
		return 40e-6, 20e-6, 0.3e-3
	case eager:
		return 60e-6, 40e-6, 1e-3
	}
	return 15e-6, 8e-6, 0.1e-3
}

// vague returns the prior of a runtime about which only the data sheet speaks.
func (b *Board) vague(k int, runtime string) prior {
	c := &b.Clusters[k]
	peak, width := c.Peak, 1.0
	if strings.HasSuffix(runtime, "/fp16") {
		peak, width = 2*peak, 2 // features count 4 bytes per element
	}
	var p Params
	for i := range p.Rate {
		p.Rate[i] = peak * efficiency[c.Kind][i]
	}
	share := 0.25 // a CPU's share of the memory's bandwidth
	if c.Kind == GPU {
		share = 0.7
	}
	p.ActBandwidth = width * share * b.file.Memory.Bandwidth.Value.BytesPerSecond()
	p.WeightBandwidth = p.ActBandwidth
	p.ConvOverhead, p.OtherOverhead, p.InvokeOverhead = overheadPrior(c.Kind, runtime)
	return prior{p, spreads(wideCommon, wideClass, wideBandwidth, wideRatio, wideOverhead, wideInvoke)}
}

// scaled returns the prior that starts from other parameters.
func (f *priorFile) scaled(p Params) prior {
	for i, c := range workloads.Classes() {
		p.Rate[i] *= f.Rates
		if factor, ok := f.Classes[c.String()]; ok {
			p.Rate[i] *= factor
		}
	}
	p.ActBandwidth *= f.Bandwidth
	p.WeightBandwidth *= f.Bandwidth
	p.ConvOverhead *= f.Overhead
	p.OtherOverhead *= f.Overhead
	p.InvokeOverhead *= f.Overhead
	return prior{p, spreads(narrowCommon, narrowClass, narrowBandwidth, narrowRatio, narrowOverhead, narrowInvoke)}
}
