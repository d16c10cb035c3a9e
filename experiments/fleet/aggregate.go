package fleet

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hidp/sim"
)

// outcome is what is kept of a site: whole numbers, and floats that are added to others in the order of the sites.
type outcome struct {
	Site      int           `json:"site"` // number in the fleet
	Arrived   int64         `json:"arrived"`
	Completed int64         `json:"completed"`
	Failed    int64         `json:"failed"`
	Sum       time.Duration `json:"latency_sum_ns"`
	Max       time.Duration `json:"latency_max_ns"`
	Makespan  time.Duration `json:"makespan_ns"`
	Serving   float64       `json:"energy_serving_joules"`
	Platform  float64       `json:"energy_platform"`
	Events    uint64        `json:"events"`
	Hours     [24]hour      `json:"hours"`
	Bins      string        `json:"bins,omitempty"` // the latencies' histogram, see pack; dropped once it is added to its class
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	latencies interface{ RecordValue(int64) error }
}

// hour is what arrived in one hour of the fleet's day and was completed.
type hour struct {
	Completed int64         `json:"completed"`
	Sum       time.Duration `json:"latency_sum_ns"`
}

// Latencies are kept in microseconds, exact to three digits, up to a thousand hours.
const (
	unit    = time.Microsecond
	longest = int64(1000 * time.Hour / unit)
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, 3) }

// record adds a request that has ended.
func (o *outcome) record(r sim.Record) {
	if r.Failed != "" {
		return
	}
	latency := r.Finish - r.Arrival
	o.Sum += latency
	o.Max = max(o.Max, latency)
	h := &o.Hours[r.Arrival%day/time.Hour]
	h.Completed++
	h.Sum += latency
	if o.latencies.RecordValue(int64((latency+unit-1)/unit)) != nil {
		_ = o.latencies.RecordValue(longest) // the largest it can hold
	}
}

// finish takes over what the run measured as a whole.
func (o *outcome) finish(r *sim.Result) {
	o.Arrived, o.Completed, o.Failed, o.Makespan, o.Events = r.Arrived, r.Completed, r.Failed, r.Makespan, r.Events
	o.Serving, o.Platform = r.ServingJoules, r.EnergyPlatform
}

// quantile returns a percentile by nearest rank, as the simulator's results do.
func quantile(h *hdrhistogram.Histogram, percent int64) time.Duration {
	n := max(1, h.TotalCount())
	rank := max(1, (n*percent+99)/100)
	return time.Duration(h.ValueAtQuantile(float64(rank)*100/float64(n))) * unit
}

// pack writes a histogram as text: for every bin that is not empty the distance from the one before and the count, as varints, in
// base64.
func pack(h *hdrhistogram.Histogram) string {
	var out []byte
	last := 0
	for i, n := range h.Export().Counts {
		if n != 0 {
			out = binary.AppendUvarint(out, uint64(i-last))
			out = binary.AppendUvarint(out, uint64(n))
			last = i
		}
	}
	return base64.RawStdEncoding.EncodeToString(out)
}

var errBins = errors.New("the histogram is damaged")

// unpack adds what pack wrote to counts.
func unpack(text string, counts []int64) error {
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("%w: %w", errBins, err)
	}
	at := uint64(0)
	for len(data) > 0 {
		step, k := binary.Uvarint(data)
		if k <= 0 {
			return errBins
		}
		n, m := binary.Uvarint(data[k:])
		if m <= 0 || n > math.MaxInt64 {
			return errBins
		}
		data = data[k+m:]
		if at += step; step > uint64(len(counts)) || at >= uint64(len(counts)) {
			return errBins
		}
		counts[at] += int64(n)
	}
	return nil
}

// classBins are the bins of a class's latencies.
type classBins []int64

func newClassBins() classBins { return make(classBins, len(newHistogram().Export().Counts)) }

// histogram returns the bins as a histogram.
func (b classBins) histogram() *hdrhistogram.Histogram {
	return hdrhistogram.Import(&hdrhistogram.Snapshot{LowestTrackableValue: 1, HighestTrackableValue: longest, SignificantFigures: 3, Counts: b})
}
