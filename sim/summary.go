package sim

// Summary is a run in the few numbers that every command prints, in seconds and joules. Its JSON keys are part of the command
// line's contract.
type Summary struct {
	Strategy         string         `json:"strategy"`
	Model            string         `json:"model"`
	Platform         string         `json:"platform"`
	Requests         int64          `json:"requests"`
	Completed        int64          `json:"completed"`
	Failed           int64          `json:"failed"`
	Latency          SummaryLatency `json:"latency"`
	Throughput       float64        `json:"throughput_per_s"`
	EnergyPerRequest float64        `json:"energy_per_request"`
	EnergyPlatform   float64        `json:"energy_platform"`
	Makespan         float64        `json:"makespan"`
	PlanningTime     float64        `json:"planning_time"`
	Events           uint64         `json:"events"`
	Seed             uint64         `json:"seed"`
	Warnings         []string       `json:"warnings"`
}

// SummaryLatency is the latency of completed requests, in seconds.
type SummaryLatency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Summary condenses the result. What was run is not known here: the caller adds Strategy, Model, Platform and Seed.
func (r *Result) Summary() Summary {
	return Summary{
		Requests: r.Arrived, Completed: r.Completed, Failed: r.Failed,
		Latency: SummaryLatency{Mean: r.Latency.Mean.Seconds(), P50: r.Latency.P50.Seconds(), P95: r.Latency.P95.Seconds(),
			P99: r.Latency.P99.Seconds(), Max: r.Latency.Max.Seconds()},
		Throughput: r.Throughput, EnergyPerRequest: r.EnergyPerRequest, EnergyPlatform: r.EnergyPlatform,
		Makespan: r.Makespan.Seconds(), PlanningTime: r.PlanningTime.Seconds(), Events: r.Events,
		Warnings: append([]string{}, r.Warnings...),
	}
}
