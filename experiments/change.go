package experiments

import (
	"fmt"

	"hidp/results"
)

// metric is a measured quantity that papers compare methods by.
type metric struct {
	name string // as in published
	unit string
	of   func(Record) float64
}

func metrics() []metric {
	return []metric{
		{"latency", "s", func(r Record) float64 { return r.Latency }},
		{"energy", "J", func(r Record) float64 { return r.Energy }},
		{"throughput", "/s", func(r Record) float64 { return r.Throughput }},
	}
}

func metricOf(name string) metric {
	for _, m := range metrics() {
		if m.name == name {
			return m
		}
	}
	panic("experiments: no metric " + name)
}

// change returns subject/rival - 1 of the metric: -0.38 is "38 % lower". It is not ok where one of the two could not run.
func (m metric) change(subject, rival Record) (float64, bool) {
	a, b := m.of(subject), m.of(rival)
	if subject.Failed != "" || rival.Failed != "" || !(a > 0) || !(b > 0) {
		return 0, false
	}
	return a/b - 1, true
}

// meanChange averages the change of the metric over pairs (subject, rival) arithmetically and counts the pairs.
func (m metric) meanChange(pairs [][2]Record) (mean float64, n int) {
	for _, p := range pairs {
		if c, ok := m.change(p[0], p[1]); ok {
			mean += c
			n++
		}
	}
	if n > 0 {
		mean /= float64(n)
	}
	return mean, n
}

// reached reports whether a change is at least as good as the published one.
func (p published) reached(change float64) bool {
	if p.Change < 0 {
		return change <= p.Change
	}
	return change >= p.Change
}

// recordTable writes records as CSV: the fields in the given order, then what was measured.
func recordTable(fields []string, records []Record) []byte {
	t := results.Table{Columns: append(append([]string{}, fields...), "latency_s", "energy_serving_j", "throughput_per_s", "completed", "events", "failed")}
	for _, r := range records {
		var row []string
		for _, f := range fields {
			row = append(row, r.Values[f])
		}
		t.Add(append(row, results.Exact(r.Latency), results.Exact(r.Energy), results.Exact(r.Throughput), fmt.Sprint(r.Completed), fmt.Sprint(r.Events), r.Failed)...)
	}
	return t.CSV()
}
