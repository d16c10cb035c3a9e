package validation

import (
	"fmt"

	"hidp/results"
)

// Tables returns the report for people: what was found over all, then row by row.
func (r *Report) Tables() []results.Table {
	return []results.Table{r.summaryTable(), r.latencyTable(), r.partsTable(), r.rankTable()}
}

// summaryTable holds the bounds against what was found.
func (r *Report) summaryTable() results.Table {
	t := results.Table{Title: fmt.Sprintf("Simulated against measured: %s on %s", r.Matrix, r.Platform),
		Columns: []string{"what", "found", "bound", "kept"}, Right: []string{"found", "bound"}}
	for _, v := range r.Verdicts() {
		sense, kept := "≤ ", "no"
		if v.Least {
			sense = "≥ "
		}
		if v.Met() {
			kept = "yes"
		}
		t.Add(v.Name, share(v.Value), sense+share(Number(v.Limit)), kept)
	}
	other := func(what, text string) { t.Add(what, text, "", "") }
	other("mean signed error of latency", signed(r.LatencyBias))
	other("measured over simulated latency (slope, log-log exponent)", plain(r.Slope)+", "+plain(r.Exponent))
	other("mean error of compute ops, of transfers", share(r.ComputeMAPE)+", "+share(r.TransferMAPE))
	other("mean error of energy", share(r.EnergyMAPE))
	other("mean error of the protocol alone", share(r.ProtocolMAPE))
	other("mean error of the board files against the profile", share(r.CostModelMAPE))
	other("invalid runs", fmt.Sprintf("%s of %d", share(r.InvalidRuns), r.Runs))
	t.Notes = []string{fmt.Sprintf("%d cells, %d distinct plans, %d of them compared, %d given up; %d cells without a plan. "+
		"%d pairs of plans differ by more than %.0f %%, %d by less.", r.Cases, r.DistinctPlans, r.Compared, r.GivenUp, r.Infeasible, r.OrderPairs, 100*OrderMargin, r.OrderSkipped)}
	return t
}

// latencyTable has a line for every cell.
func (r *Report) latencyTable() results.Table {
	t := results.Table{Title: "Latency of one request and throughput", Columns: []string{"model", "strategy", "plan", "measured ms", "95 %", "simulated ms", "error",
		"measured 1/s", "simulated 1/s", "rate's error", "remark"}}
	t.Right = t.Columns[2:10]
	for i := range r.Rows {
		x := &r.Rows[i]
		if x.Status == statusInfeasible {
			t.Add(x.Model, x.Strategy, "–", "–", "", "–", "–", "–", "–", "–", "no plan: "+x.Reason)
			continue
		}
		l, p := x.Latency, x.Throughput
		t.Add(x.Model, x.Strategy, fmt.Sprint(x.Plan), inMilliseconds(l.Measured), inMilliseconds(l.Low)+" to "+inMilliseconds(l.High),
			inMilliseconds(l.Simulated), signed(l.Error), plain(p.Measured), plain(p.Simulated), signed(p.Error), x.remark())
	}
	return t
}

// remark says what else a reader must know of a row.
func (r *Row) remark() string {
	switch {
	case r.SameAs != "":
		return "the plan of " + r.SameAs
	case r.Status == statusInvalid:
		return "invalid: " + r.Reason
	case r.Attempts > 1:
		return "second attempt"
	case !r.Throughput.Pipelined:
		return "not pipelined"
	}
	return ""
}

// partsTable says where the errors come from.
func (r *Report) partsTable() results.Table {
	t := results.Table{Title: "Where the errors come from", Columns: []string{"model", "strategy", "nodes", "ops", "MB sent", "latency", "protocol", "compute in the run",
		"compute ops", "transfers", "energy", "energy above idle", "board files"}}
	t.Right = t.Columns[2:]
	for i := range r.Rows {
		x := &r.Rows[i]
		if !x.distinct() {
			continue
		}
		t.Add(x.Model, x.Strategy, fmt.Sprint(x.Nodes), fmt.Sprint(x.Ops), fmt.Sprintf("%.2f", float64(x.SentBytes)/1e6), signed(x.Latency.Error), signed(x.Protocol.Error),
			signed(x.Protocol.Compute), share(x.Compute.Weighted), share(x.Transfers.Weighted), signed(x.Energy.Error), signed(x.Energy.Active), signed(x.CostModel.Error))
	}
	t.Notes = []string{"latency: simulated with the profile against measured; protocol: against agents that wait as long as the profile says; " +
		"compute in the run: what measured requests take longer than those; " +
		"compute ops and transfers: sum of the ops' absolute errors over the sum of their measured times; board files: simulated by them against simulated with the profile."}
	return t
}

// rankTable compares orders.
func (r *Report) rankTable() results.Table {
	t := results.Table{Title: "Order of the plans by latency", Columns: []string{"model", "plans", "Kendall's tau-b", "Spearman's rho"}}
	t.Right = t.Columns[1:]
	for _, x := range r.Ranks {
		t.Add(x.Model, fmt.Sprint(x.Plans), plain(x.Kendall), plain(x.Spearman))
	}
	for _, p := range r.Disagreements {
		t.Notes = append(t.Notes, fmt.Sprintf("%s: %s (%s ms) is faster than %s (%s ms), simulated %s and %s ms.", p.Model, p.Faster, inMilliseconds(p.Measured[0]),
			p.Slower, inMilliseconds(p.Measured[1]), inMilliseconds(p.Simulated[0]), inMilliseconds(p.Simulated[1])))
	}
	return t
}

// rowCSV has every number of every cell.
func (r *Report) rowCSV() []byte {
	t := results.Table{Columns: []string{"model", "strategy", "plan", "same_as", "status", "reason", "attempts", "nodes", "ops", "sent_bytes", "requests",
		"latency_measured_s", "latency_measured_low_s", "latency_measured_high_s", "latency_simulated_s", "latency_error",
		"offered_per_s", "throughput_measured_per_s", "throughput_simulated_per_s", "throughput_error", "overlap", "pipelined",
		"compute_ops_weighted_error", "compute_ops_median_error", "compute_ops_worst_error", "transfers_weighted_error", "transfers_median_error", "transfers_worst_error",
		"energy_measured_j", "energy_simulated_j", "energy_error", "energy_active_error", "energy_source",
		"modelled_s", "protocol_error", "compute_excess", "predicted_s", "cost_model_error", "lag_mean_s", "lag_max_s", "output_exact", "output_difference"}}
	for i := range r.Rows {
		x := &r.Rows[i]
		exact, difference := "", ""
		if x.Agreement != nil {
			exact, difference = fmt.Sprint(x.Agreement.Exact), results.Exact(x.Agreement.Largest)
		}
		cells := []string{x.Model, x.Strategy, fmt.Sprint(x.Plan), x.SameAs, x.Status, x.Reason, fmt.Sprint(x.Attempts), fmt.Sprint(x.Nodes), fmt.Sprint(x.Ops), fmt.Sprint(x.SentBytes),
			fmt.Sprint(x.Latency.Requests)}
		cells = append(cells, exact9(x.Latency.Measured, x.Latency.Low, x.Latency.High, x.Latency.Simulated, x.Latency.Error,
			x.Throughput.Offered, x.Throughput.Measured, x.Throughput.Simulated, x.Throughput.Error, x.Throughput.Overlap)...)
		cells = append(cells, fmt.Sprint(x.Throughput.Pipelined))
		cells = append(cells, exact9(x.Compute.Weighted, x.Compute.Median, x.Compute.Worst, x.Transfers.Weighted, x.Transfers.Median, x.Transfers.Worst,
			x.Energy.Measured, x.Energy.Simulated, x.Energy.Error, x.Energy.Active)...)
		cells = append(append(cells, x.Energy.Source), exact9(x.Protocol.Modelled, x.Protocol.Error, x.Protocol.Compute, x.CostModel.Predicted, x.CostModel.Error, x.LagMean, x.LagMax)...)
		t.Add(append(cells, exact, difference)...)
	}
	return t.CSV()
}

// opCSV has every op of every plan that was compared.
func (r *Report) opCSV() []byte {
	t := results.Table{Columns: []string{"model", "strategy", "op", "kind", "where", "what", "measured_s", "profiled_s", "board_files_s", "simulated_s", "error"}}
	for _, x := range r.Ops {
		cells := []string{x.Model, x.Strategy, fmt.Sprint(x.Op), x.Kind, x.Where, x.What}
		t.Add(append(cells, exact9(x.Measured, x.Profiled, x.Believed, x.Simulated, x.Error)...)...)
	}
	return t.CSV()
}

// exact9 writes numbers for programs.
func exact9(numbers ...Number) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, results.Exact(float64(n)))
	}
	return out
}
