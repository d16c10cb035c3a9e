package calibration

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices/dnns"
	"hidp/devices/measurements"
)

func all(*Set, *Row) bool { return true }

// synthetic returns sets of boards whose true parameters lie around their data sheets, with the truth of each. The rows
// are the networks of the real sets, their times those of the truth with noise.
func synthetic(t *testing.T, sigma float64) ([]*Set, []Params) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var sets []*Set
	var truths []Params
	for _, s := range SetsOf(measurements.Latencies(), 8) {
		if s.Group() != "ncnn" || len(sets) == 12 {
			continue
		}
		truth := s.Sheet()
		board := rng.NormFloat64() * .3
		for i := range truth {
			truth[i] += board + rng.NormFloat64()*.2
		}
		scales := truth.Scales()
		for i := range s.Rows {
			s.Rows[i].Log = math.Log(s.Rows[i].Counts.Seconds(&scales)) + rng.NormFloat64()*sigma
		}
		sets, truths = append(sets, s), append(truths, truth)
	}
	require.Len(t, sets, 12)
	return sets, truths
}

// What the rows determine is recovered: the time of every network within the noise, and every parameter within the
// spread that the posterior states.
func TestParametersAreRecovered(t *testing.T) {
	const sigma = .03
	sets, truths := synthetic(t, sigma)
	learned := Learn(sets, all)
	var z2, n float64
	for i, s := range sets {
		post := learned.Posterior(s, kept(s, all))
		scales, truth := post.Mean.Scales(), truths[i].Scales()
		for j := range s.Rows {
			require.InDelta(t, math.Log(s.Rows[j].Counts.Seconds(&truth)), math.Log(s.Rows[j].Counts.Seconds(&scales)), 4*sigma)
		}
		for k := range post.Mean {
			d := post.Mean[k] - truths[i][k]
			z2 += d * d / post.Cov.At(k, k)
			n++
		}
	}
	require.Less(t, math.Sqrt(z2/n), 1.5, "posteriors are too narrow")
	require.Greater(t, math.Sqrt(z2/n), .4, "posteriors are too wide")
}

// A parameter that no row depends on keeps its prior.
func TestWhatRowsDoNotDetermineStaysAtItsPrior(t *testing.T) {
	sets, _ := synthetic(t, .03)
	s := sets[0]
	prior := &Gaussian{Mean: s.Sheet(), Cov: spread()}
	var rows []*Row
	for i := range s.Rows {
		r := s.Rows[i]
		r.Counts[RateGrouped], r.Counts[PerGroup] = 0, 0
		rows = append(rows, &r)
	}
	post := Fit(rows, prior, .05, prior.Mean)
	require.Greater(t, post.Cov.At(int(RateGrouped), int(RateGrouped)), rateOwn, "its own part is still unknown")
	require.Equal(t, *prior, Fit(nil, prior, .05, prior.Mean))
}

func TestDataSheetSpreadIsACovariance(t *testing.T) {
	require.NotPanics(t, func() { inverse(spread()) })
}

// A slice of n rows never takes longer than one of more rows, and two slices never take less than both together.
func TestTimeIsMonotoneAndSuperadditiveInRows(t *testing.T) {
	scales := (&Set{Peak: 1e11, Bandwidth: 1e10, Runtime: "ncnn"}).scales()
	checked := 0
	for _, name := range []string{"ncnn-squeezenet", "ncnn-mobilenet_v2", "mobilenet_v2_1.0_224", "resnet50"} {
		network := dnns.All()[name]
		if network == nil {
			continue
		}
		for i := range network.Layers {
			at := func(rows int) float64 {
				l := network.Layers[i].Rows(rows)
				c := LayerCounts(&l, Style{})
				return c.Seconds(scales)
			}
			whole := network.Layers[i].OutRows
			for a := 1; a < whole; a++ {
				require.LessOrEqual(t, at(a), at(a+1))
				require.GreaterOrEqual(t, at(a)+at(whole-a), at(whole)*(1-1e-12))
				checked++
			}
		}
	}
	require.Greater(t, checked, 1000)
}

func (s *Set) scales() *Scales {
	p := s.Sheet()
	scales := p.Scales()
	return &scales
}

func TestQuantile(t *testing.T) {
	require.True(t, math.IsNaN(Quantile(nil)))
	require.Equal(t, 8.0, Quantile([]float64{9, 1, 2, 3, 4, 5, 6, 7, 8}))
	require.Equal(t, 3.0, Quantile([]float64{1, 2, 3}))
}

// The design measures what is unknown: with everything known but one rate, a network that spends its time there comes
// first.
func TestDesignChoosesWhatIsUnknown(t *testing.T) {
	cov := spread()
	for i := range int(Terms) {
		for j := range int(Terms) {
			cov.SetSym(i, j, 0)
		}
		cov.SetSym(i, i, 1e-6)
	}
	cov.SetSym(int(RateDepthwise), int(RateDepthwise), 1)
	known := &Gaussian{Cov: cov}
	conv, depthwise := Counts{RateConv3x3: 1}, Counts{RateDepthwise: 1}
	require.Equal(t, []int{1, 0}, Design(known, .1, []Counts{conv, depthwise}, []Counts{conv, depthwise}, 2))
}
