package boards

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"hidp/devices/calibration"
	"hidp/workloads"
)

// Estimate is a predicted latency. Times are seconds.
type Estimate struct {
	Latency   float64 `json:"latency"`
	Low       float64 `json:"low"` // of an interval that holds 80 % of measured times
	High      float64 `json:"high"`
	Measured  bool    `json:"measured"`  // the network or a variant of it was measured on this cluster
	Elsewhere bool    `json:"elsewhere"` // the network was measured on other chips with this runtime
	Layers    []Layer `json:"layers"`
	Invoke    float64 `json:"invoke"` // of the latency, what an inference costs beside its layers
}

// Layer is the part of a latency that a layer has.
type Layer struct {
	Name    string  `json:"name"`
	Class   string  `json:"class"`
	Seconds float64 `json:"seconds"`
	Limit   string  `json:"limit"` // compute, bandwidth or overhead: the largest part of the layer's time
	Share   float64 `json:"share"` // of the layer's time that the limit has
}

// Predict predicts the latency of a network, batch 1, and how the layers share it.
func (s *Subject) Predict(g *workloads.Graph) Estimate {
	style := calibration.StyleOf(s.Set.Runtime)
	layers := calibration.GraphCounts(g, style)
	row := calibration.Row{Network: tableName(g.Name, s.Set.Group()), Counts: calibration.Total(layers)}
	e := s.estimate(&row)
	scales := s.post.Mean.Scales()
	factor := e.Latency / row.Counts.Seconds(&scales)
	e.Invoke = factor * scales[calibration.Invoke]
	for i := 1; i < len(layers); i++ {
		e.Layers = append(e.Layers, layerOf(&g.Layers[i], &layers[i], &scales, factor))
	}
	return e
}

// estimate predicts a row.
func (s *Subject) estimate(row *calibration.Row) Estimate {
	p := s.known.PredictWith(s.Set, row, &s.post, s.others)
	e := Estimate{}
	if mean, _ := s.known.Effect(s.Set, row.Network, s.others); mean != 0 {
		e.Elsewhere = true
	}
	deviation := math.Sqrt(p.Variance)
	if i := slices.IndexFunc(s.Set.Rows, func(r calibration.Row) bool { return r.Network == row.Network }); i >= 0 {
		e.Measured = true
		measured, scales := &s.Set.Rows[i], s.post.Mean.Scales()
		p.Log = measured.Log + math.Log(row.Counts.Seconds(&scales)/measured.Counts.Seconds(&scales))
		deviation = s.known.Sigma
	}
	e.Latency = math.Exp(p.Log)
	half := math.Exp(deviation * s.width(s.left))
	e.Low, e.High = e.Latency/half, e.Latency*half
	return e
}

// leastOwn is from how many rows on a subject's own errors say how wide its intervals are.
const leastOwn = 5

// width returns what intervals are widened by, where left are other rows of the subject that were left out. Where no
// published board was measured with the runtime, the subject's own errors say it, if there are enough.
func (s *Subject) width(left []calibration.Prediction) float64 {
	w := calibration.Width(s.Set, len(left))
	if len(s.known.Sets) > 0 || len(left) < leastOwn {
		return w
	}
	var scores []float64
	for i := range left {
		scores = append(scores, left[i].Score())
	}
	return max(w, calibration.Quantile(scores))
}

func layerOf(l *workloads.Layer, c *calibration.Counts, scales *calibration.Scales, factor float64) Layer {
	parts := map[string]float64{}
	for t := range calibration.Terms {
		parts[t.Limit()] += float64(c[t] * scales[t])
	}
	out := Layer{Name: l.Name, Class: l.Class.String(), Seconds: factor * c.Seconds(scales)}
	for _, limit := range []string{"compute", "bandwidth", "overhead"} {
		if parts[limit] > out.Share {
			out.Limit, out.Share = limit, parts[limit]
		}
	}
	if out.Seconds > 0 {
		out.Share *= factor / out.Seconds
	}
	return out
}

// Errors are those of rows that were left out, as shares.
type Errors struct {
	Mean    float64 `json:"mean"`
	Median  float64 `json:"median"`
	Worst   float64 `json:"worst"`
	Network string  `json:"network"` // of the worst
}

// Quality is how well a subject predicts its own rows when it has not seen them.
type Quality struct {
	Board    string   `json:"board"`
	Runtime  string   `json:"runtime"`
	Cluster  string   `json:"cluster"`
	Rows     int      `json:"rows"`
	LeftOut  *Errors  `json:"left_out"` // none with fewer than two rows
	Coverage *float64 `json:"coverage"` // share of the left-out rows that lie within their 80 % intervals
}

// Quality judges a subject.
func (s *Subject) Quality() Quality {
	q := Quality{Board: s.Board.Name, Runtime: s.Runtime, Cluster: s.Cluster, Rows: len(s.Set.Rows)}
	if len(s.Set.Rows) < 2 {
		return q
	}
	var errors []float64
	inside := 0.0
	q.LeftOut = &Errors{}
	for i := range s.left {
		ape := s.left[i].APE()
		errors = append(errors, ape)
		if ape >= q.LeftOut.Worst {
			q.LeftOut.Worst, q.LeftOut.Network = ape, s.left[i].Row.Network
		}
		if s.left[i].Score() <= s.width(slices.Delete(slices.Clone(s.left), i, i+1)) {
			inside += 1 / float64(len(s.left))
		}
	}
	slices.Sort(errors)
	n := len(errors)
	q.LeftOut.Mean, q.LeftOut.Median, q.Coverage = stat.Mean(errors, nil), (errors[(n-1)/2]+errors[n/2])/2, &inside
	return q
}

// Suggestion is a network that is worth measuring next.
type Suggestion struct {
	Network string  `json:"network"`
	Tells   string  `json:"tells"`  // the parameter of which the row tells most
	Before  float64 `json:"before"` // mean standard deviation of the logarithm over the zoo's networks before the row
	After   float64 `json:"after"`  // and with it
}

// Next chooses the networks whose times tell most of the times of all networks of the zoo, one after the other.
func (s *Subject) Next(k int) []Suggestion {
	style := calibration.StyleOf(s.Set.Runtime)
	var names []string
	var counts, targets []calibration.Counts
	for _, name := range candidates(s.Set.Group()) {
		c, table, ok := countsOf(name, s.Set.Group(), style)
		if !ok {
			continue
		}
		targets = append(targets, c)
		if !slices.ContainsFunc(s.Set.Rows, func(r calibration.Row) bool { return r.Network == table }) {
			names, counts = append(names, name), append(counts, c)
		}
	}
	var out []Suggestion
	known := s.post
	for range min(k, len(names)) {
		i := calibration.Design(&known, s.known.Sigma, counts, targets, 1)[0]
		next := known.Given(&counts[i], s.known.Sigma)
		out = append(out, Suggestion{Network: names[i], Tells: told(&known, &next), Before: deviation(&known, targets),
			After: deviation(&next, targets)})
		known = next
		names, counts = slices.Delete(names, i, i+1), slices.Delete(counts, i, i+1)
	}
	return out
}

// told returns the parameter whose variance a row reduced by the largest share.
func told(before, after *calibration.Gaussian) string {
	terms := make([]calibration.Term, calibration.Terms)
	for t := range terms {
		terms[t] = calibration.Term(t)
	}
	share := func(t calibration.Term) float64 { return after.Cov.At(int(t), int(t)) / before.Cov.At(int(t), int(t)) }
	return slices.MinFunc(terms, func(a, b calibration.Term) int { return cmp.Compare(share(a), share(b)) }).String()
}

func deviation(known *calibration.Gaussian, targets []calibration.Counts) (mean float64) {
	scales := known.Mean.Scales()
	for i := range targets {
		_, shares := targets[i].Gradient(&scales)
		mean += math.Sqrt(known.Variance(&shares)) / float64(len(targets))
	}
	return mean
}
