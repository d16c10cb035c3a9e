package devices

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/workloads"
)

// drawnParams are parameters in the range of edge hardware.
func drawnParams(t *rapid.T) Params {
	log := func(name string, low, high float64) float64 {
		return low * math.Pow(high/low, rapid.Float64Range(0, 1).Draw(t, name))
	}
	p := Params{ActBandwidth: log("act", 1e9, 1e11), WeightBandwidth: log("weights", 1e9, 1e11),
		ConvOverhead: log("conv", 1e-6, 1e-3), OtherOverhead: log("other", 1e-6, 1e-3), InvokeOverhead: log("invoke", 1e-5, 1e-2)}
	for _, c := range workloads.Classes() {
		p.Rate[c] = log(c.String(), 1e9, 1e13)
	}
	return p
}

func measuredNetworks(t testing.TB) (all []*network) {
	nets := loadNetworks()
	for _, name := range append(sortedKeys(nets.tables), "vgg16", "resnet50", "mobilenet_v2") {
		n, err := nets.get(name)
		require.NoError(t, err)
		all = append(all, n)
	}
	return all
}

// The slopes that the solver uses are those of the latency, away from the kinks where a layer changes its bound.
func TestSlopesAreDerivatives(t *testing.T) {
	nets := measuredNetworks(t)
	rapid.Check(t, func(t *rapid.T) {
		pr := prior{params: drawnParams(t)}
		n := rapid.SampledFrom(nets).Draw(t, "network")
		total, slope := n.slope(&pr.params)
		require.InEpsilon(t, n.seconds(&pr.params), total, 1e-12)
		const step = 1e-7
		for i := range slope {
			at := func(x float64) float64 {
				var point [coordinates]float64
				point[i] = x
				p := pr.at(&point)
				return n.seconds(&p)
			}
			left, right := (at(0)-at(-step))/step, (at(step)-at(0))/step
			if math.Abs(left-right) < 1e-3*total {
				require.InDelta(t, left, slope[i], 2e-3*total, "coordinate %d", i)
			}
		}
	})
}

// Rows made by known parameters are described again, from a prior that is off.
func TestSolveDescribesRowsThatTheModelMade(t *testing.T) {
	nets := measuredNetworks(t)
	rapid.Check(t, func(t *rapid.T) {
		truth := drawnParams(t)
		var rows []observation
		for _, n := range nets {
			rows = append(rows, observation{net: n, seconds: n.seconds(&truth), scale: scaling{1, 1, 1, 1}})
		}
		pr := prior{truth, spreads(wideCommon, wideClass, wideBandwidth, wideRatio, wideOverhead, wideInvoke)}
		var off [coordinates]float64
		for i := range off {
			off[i] = rapid.Float64Range(-0.5, 0.5).Draw(t, "off") * pr.spread[i]
		}
		pr.params = pr.at(&off)
		got := solve(&pr, rows)
		mean := 0.0
		for i := range rows {
			mean += rows[i].off(&got) / float64(len(rows))
		}
		require.Less(t, mean, 0.05)
	})
}

func TestWithoutRowsThePriorStands(t *testing.T) {
	pr := prior{params: Params{ActBandwidth: 7}}
	require.Equal(t, pr.params, solve(&pr, nil))
}
