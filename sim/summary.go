package sim

import (
	"encoding/json"
	"math"
	"time"
)

// Summary is a run in the few numbers that every command prints, in seconds and joules. Its JSON keys are part of the command
// line's contract.
type Summary struct {
	Strategy       string         `json:"strategy"`
	Model          string         `json:"model"`
	Platform       string         `json:"platform"`
	Requests       int64          `json:"requests"`
	Completed      int64          `json:"completed"`
	Failed         int64          `json:"failed"`
	Latency        SummaryLatency `json:"latency"` // null if nothing was completed
	Throughput     float64        `json:"throughput_per_s"`
	EnergyServing  Quantity       `json:"energy_serving"` // per completed request; null if nothing was completed
	EnergyPlatform float64        `json:"energy_platform"`
	Makespan       float64        `json:"makespan"`
	PlanningTime   Quantity       `json:"planning_time"` // mean of completed requests; null if nothing was completed
	Events         uint64         `json:"events"`
	Seed           uint64         `json:"seed"`
	Replication    int            `json:"replication"`
	Warnings       []string       `json:"warnings"`
}

// SummaryLatency is the latency of completed requests, in seconds. If there were none all its numbers are NaN, and its JSON is
// null.
type SummaryLatency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// NoLatency returns the latency of no requests.
func NoLatency() SummaryLatency {
	nan := math.NaN()
	return SummaryLatency{nan, nan, nan, nan, nan}
}

// bareLatency is SummaryLatency without its methods.
type bareLatency SummaryLatency

// MarshalJSON implements json.Marshaler.
func (l SummaryLatency) MarshalJSON() ([]byte, error) {
	if math.IsNaN(l.Mean) {
		return []byte("null"), nil
	}
	return json.Marshal(bareLatency(l))
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *SummaryLatency) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*l = NoLatency()
		return nil
	}
	return json.Unmarshal(data, (*bareLatency)(l))
}

// Summary condenses the result. What was run is not known here: the caller adds Strategy, Model, Platform, Seed and Replication.
func (r *Result) Summary() Summary {
	s := Summary{
		Requests: r.Arrived, Completed: r.Completed, Failed: r.Failed, Latency: NoLatency(), PlanningTime: None(),
		Throughput: r.Throughput, EnergyServing: r.EnergyServing(), EnergyPlatform: r.EnergyPlatform,
		Makespan: r.Makespan.Seconds(), Events: r.Events, Warnings: append([]string{}, r.Warnings...),
	}
	if r.Completed > 0 {
		s.Latency = r.Latency.summary()
		s.PlanningTime = Quantity(r.PlanningTime.Seconds())
	}
	return s
}

func (l Latency) summary() SummaryLatency {
	seconds := time.Duration.Seconds
	return SummaryLatency{Mean: seconds(l.Mean), P50: seconds(l.P50), P95: seconds(l.P95), P99: seconds(l.P99), Max: seconds(l.Max)}
}
