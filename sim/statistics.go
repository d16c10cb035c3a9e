package sim

import (
	"errors"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hidp/internal/lines"
)

// exactSamples is how many latencies are kept as they are; beyond that they go into a histogram of three significant digits.
const exactSamples = 1_000_000

// statistics gathers what is reported of the requests, in memory that does not grow with their number.
type statistics struct {
	arrived, completed, failed int64

	last      time.Duration // when the last request ended
	sum       time.Duration // of latencies
	worst     time.Duration
	planning  time.Duration // of completed requests
	samples   []time.Duration
	histogram *hdrhistogram.Histogram
	records   []Record
	failures  []Failure
	warnings  []string
}

func (st *statistics) complete(latency, planning time.Duration) {
	st.completed++
	st.sum += latency
	st.worst = max(st.worst, latency)
	st.planning += planning
	if len(st.samples) < exactSamples {
		st.samples = lines.Append(st.samples, latency)
		return
	}
	if st.histogram == nil {
		st.histogram = hdrhistogram.New(1, int64(1000*time.Hour), 3)
		for _, l := range st.samples {
			st.bin(l)
		}
	}
	st.bin(latency)
}

func (st *statistics) bin(l time.Duration) {
	if st.histogram.RecordValue(int64(l)) != nil {
		_ = st.histogram.RecordValue(int64(1000 * time.Hour)) // the largest it can hold
	}
}

// code codes the statistics.
func (st *statistics) code(c *coder) {
	c.all(&st.arrived, &st.completed, &st.failed, &st.last, &st.sum, &st.worst, &st.planning, &st.samples)
	list(c, &st.records, func(c *coder, r *Record) {
		c.all(&r.ID, &r.Site, &r.Model, &r.Arrival, &r.Planned, &r.Planning, &r.Finish, &r.Failed)
	})
	list(c, &st.failures, func(c *coder, f *Failure) { c.all(&f.Reason, &f.Node, &f.Requests) })
	list(c, &st.warnings, func(c *coder, w *string) { c.all(w) })
	var bins hdrhistogram.Snapshot
	if st.histogram != nil {
		bins = *st.histogram.Export()
	}
	if c.gob(&bins); c.reading && bins.SignificantFigures > 0 {
		st.histogram = hdrhistogram.Import(&bins)
	}
}

// fail counts a failure under what caused it.
func (st *statistics) fail(why error) {
	st.failed++
	reason := why.Error()
	for i := range st.failures {
		if st.failures[i].Reason == reason {
			st.failures[i].Requests++
			return
		}
	}
	var lost *NodeLostError
	f := Failure{Reason: reason, Requests: 1}
	if errors.As(why, &lost) {
		f.Node = lost.Node
	}
	st.failures = append(st.failures, f)
}

// warn notes a warning once.
func (st *statistics) warn(text string) {
	if !slices.Contains(st.warnings, text) {
		st.warnings = append(st.warnings, text)
	}
}

// latency returns the distribution of the latencies so far; it sorts them.
func (st *statistics) latency() Latency {
	if st.completed == 0 {
		return Latency{}
	}
	l := Latency{Mean: st.sum / time.Duration(st.completed), Max: st.worst}
	if st.histogram != nil {
		at := func(p float64) time.Duration { return time.Duration(st.histogram.ValueAtQuantile(p)) }
		l.P50, l.P95, l.P99 = at(50), at(95), at(99)
		return l
	}
	slices.Sort(st.samples)
	l.P50, l.P95, l.P99 = rank(st.samples, 50), rank(st.samples, 95), rank(st.samples, 99)
	return l
}

// rank returns the p-th percentile of sorted values: the smallest that at least p in a hundred do not exceed (nearest rank).
func rank(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
