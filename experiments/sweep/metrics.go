package sweep

import (
	"slices"
	"strings"

	"hidp/experiments"
)

// metric is a number that a run yields, NaN if there is none: a run that completes nothing has no latency. Names are those of a summary's JSON, with _ where that has a table.
type metric struct {
	Column
	of func(*experiments.Outcome) float64
}

// metrics lists the columns of a run's outcome, in order.
func metrics() []metric {
	float := func(name, unit string, of func(*experiments.Outcome) float64) metric {
		return metric{Column{Name: name, Type: "float", Unit: unit, Kind: "metric"}, of}
	}
	count := func(name string, of func(*experiments.Outcome) float64) metric {
		return metric{Column{Name: name, Type: "int", Kind: "metric"}, of}
	}
	type outcome = *experiments.Outcome
	return []metric{
		count("requests", func(o outcome) float64 { return float64(o.Summary.Requests) }),
		count("completed", func(o outcome) float64 { return float64(o.Summary.Completed) }),
		count("failed", func(o outcome) float64 { return float64(o.Summary.Failed) }),
		float("latency_mean", "s", func(o outcome) float64 { return o.Summary.Latency.Mean }),
		float("latency_p50", "s", func(o outcome) float64 { return o.Summary.Latency.P50 }),
		float("latency_p95", "s", func(o outcome) float64 { return o.Summary.Latency.P95 }),
		float("latency_p99", "s", func(o outcome) float64 { return o.Summary.Latency.P99 }),
		float("latency_max", "s", func(o outcome) float64 { return o.Summary.Latency.Max }),
		float("throughput_per_s", "/s", func(o outcome) float64 { return o.Summary.Throughput }),
		float("energy_serving", "J", func(o outcome) float64 { return float64(o.Summary.EnergyServing) }),
		float("energy_platform", "J", func(o outcome) float64 { return o.Summary.EnergyPlatform }),
		float("makespan", "s", func(o outcome) float64 { return o.Summary.Makespan }),
		float("planning_time", "s", func(o outcome) float64 { return float64(o.Summary.PlanningTime) }),
		count("events", func(o outcome) float64 { return float64(o.Summary.Events) }),
		count("warnings", func(o outcome) float64 { return float64(len(o.Summary.Warnings)) }),
		count("nodes", func(o outcome) float64 { return float64(len(o.Platform.Nodes)) }),
	}
}

// MetricNames returns the names of the metrics in the order of their columns.
func MetricNames() []string {
	var names []string
	for _, m := range metrics() {
		names = append(names, m.Name)
	}
	return names
}

func metricIndex(name string) int { return slices.Index(MetricNames(), name) }

// keyColumns stand before the axes.
func keyColumns() []Column {
	return []Column{{Name: "point", Type: "int", Kind: "key"}, {Name: "replication", Type: "int", Kind: "key"}, {Name: "seed", Type: "int", Kind: "key"}}
}

var errorColumn = Column{Name: "error", Type: "text", Kind: "error"}

// columns lists the columns of the sweep's rows, in order.
func (s *Sweep) columns() []Column {
	all := keyColumns()
	for i := range s.axes {
		if !s.axes[i].seeds() {
			all = append(all, s.axes[i].column)
		}
	}
	for _, m := range metrics() {
		all = append(all, m.Column)
	}
	return append(all, errorColumn)
}

// reserved returns the column that an axis of this name would be mistaken for, or nothing: databases and spreadsheets take names that
// differ only in case for one. An axis over the field seed takes the place of the column seed.
func reserved(name string) string {
	columns := append(keyColumns(), errorColumn)
	for _, m := range metrics() {
		columns = append(columns, m.Column)
	}
	for _, c := range columns {
		if strings.EqualFold(c.Name, name) {
			return c.Name
		}
	}
	return ""
}

// renamed says what became of a metric that had another name once, as the end of a sentence.
func renamed(name string) string {
	if name == "energy_per_request" {
		return "; it was split in two: write energy_serving (per request, of boards while they take part) or energy_platform (of all boards, over the whole run)"
	}
	return ""
}

func joined(words []string) string { return strings.Join(words, ", ") }
