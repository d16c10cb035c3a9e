package main

import (
	"strconv"

	"hidp/internal/durable"
	"hidp/results"
	"hidp/sim"
	"hidp/workloads"
)

// writeRecords writes requests as CSV, a line each; times are in seconds from the beginning of the run.
func writeRecords(path string, records []sim.Record, models []*workloads.Graph) error {
	t := results.Table{Columns: []string{"request", "model", "arrival", "planned", "finish", "latency", "failed"}}
	for _, r := range records {
		latency := ""
		if r.Failed == "" {
			latency = results.Exact((r.Finish - r.Arrival).Seconds())
		}
		t.Add(strconv.FormatInt(r.ID, 10), models[r.Model].Name, results.Exact(r.Arrival.Seconds()), results.Exact(r.Planned.Seconds()),
			results.Exact(r.Finish.Seconds()), latency, r.Failed)
	}
	return durable.WriteFile(durable.Disk{}, path, t.CSV())
}
