package validation

import "slices"

// Summary is the errors over all rows. Averages are over distinct plans that were measured validly: a plan that several strategies
// made counts once.
type Summary struct {
	LatencyMAPE    Number `json:"latency_mape"`
	LatencyWorst   Number `json:"latency_worst"`
	ThroughputMAPE Number `json:"throughput_mape"` // of pipelined plans; of all if none is pipelined
	OrderAgreement Number `json:"order_agreement"`
	InvalidRuns    Number `json:"invalid_runs"` // share of all runs, those that were repeated included

	LatencyWorstCase  string `json:"latency_worst_case"`
	LatencyBias       Number `json:"latency_bias"` // mean signed error
	ThroughputWorst   Number `json:"throughput_worst"`
	ThroughputCases   int    `json:"throughput_cases"`    // pipelined plans
	ThroughputMAPEAll Number `json:"throughput_mape_all"` // of plans that do one request at a time as well
	ComputeMAPE       Number `json:"compute_op_error"`    // mean of the plans' weighted errors
	TransferMAPE      Number `json:"transfer_error"`
	EnergyMAPE        Number `json:"energy_mape"`
	ProtocolMAPE      Number `json:"protocol_mape"`
	CostModelMAPE     Number `json:"cost_model_mape"`

	Slope    Number `json:"slope"`    // measured over simulated latency, least squares through the origin on logarithms
	Exponent Number `json:"exponent"` // of measured = a·simulated^b

	OrderPairs    int     `json:"order_pairs"` // pairs of distinct plans of a model that differ by more than OrderMargin
	OrderSkipped  int     `json:"order_skipped"`
	Disagreements []Pair  `json:"order_disagreements"`
	Ranks         []Ranks `json:"ranks"`

	Cases         int       `json:"cases"`          // cells of the matrix
	DistinctPlans int       `json:"distinct_plans"` // among them
	Compared      int       `json:"compared"`       // distinct plans that the averages are over
	Infeasible    int       `json:"infeasible"`     // cells without a plan
	Runs          int       `json:"runs"`
	GivenUp       int       `json:"given_up"` // plans without a valid run
	Invalid       []Invalid `json:"invalid"`
}

// OrderMargin is the difference of two measured latencies above which their order counts.
const OrderMargin = 0.05

// Pair is two strategies that the simulator orders otherwise than the measurement.
type Pair struct {
	Model     string    `json:"model"`
	Faster    string    `json:"faster"` // as measured
	Slower    string    `json:"slower"`
	Measured  [2]Number `json:"measured"`
	Simulated [2]Number `json:"simulated"`
}

// Ranks compares the order of a model's plans by latency.
type Ranks struct {
	Model    string `json:"model"`
	Plans    int    `json:"plans"`
	Kendall  Number `json:"kendall_tau_b"`
	Spearman Number `json:"spearman"`
}

// Invalid is a run that could not be trusted.
type Invalid struct {
	Model    string   `json:"model"`
	Strategy string   `json:"strategy"`
	Attempt  int      `json:"attempt"` // 1 or 2
	Reasons  []string `json:"reasons"`
}

// summarize adds up rows and what was invalid on the way to them.
func summarize(rows []Row, invalid []Invalid) Summary {
	s := Summary{Cases: len(rows), Invalid: slices.Clone(invalid), Slope: unknown, Exponent: unknown}
	var latency, pipelined, rates, compute, transfers, energy, protocol, costs []Number
	var measured, simulated []float64
	for i := range rows {
		r := &rows[i]
		s.count(r)
		if !r.distinct() {
			continue
		}
		latency, rates = append(latency, r.Latency.Error), append(rates, r.Throughput.Error)
		if r.Throughput.Pipelined {
			pipelined = append(pipelined, r.Throughput.Error)
		}
		if r.Latency.Absolute > s.LatencyWorst || s.LatencyWorstCase == "" {
			s.LatencyWorst, s.LatencyWorstCase = r.Latency.Absolute, r.Model+" under "+r.Strategy
		}
		compute, transfers = append(compute, r.Compute.Weighted), append(transfers, r.Transfers.Weighted)
		energy, protocol, costs = append(energy, r.Energy.Error), append(protocol, r.Protocol.Error), append(costs, r.CostModel.Error)
		measured, simulated = append(measured, float64(r.Latency.Measured)), append(simulated, float64(r.Latency.Simulated))
	}
	s.LatencyMAPE, s.LatencyWorst, s.Compared = meanAbsolute(latency)
	s.LatencyBias = mean(latency)
	s.ThroughputMAPEAll, _, _ = meanAbsolute(rates)
	s.ThroughputMAPE, s.ThroughputWorst, s.ThroughputCases = meanAbsolute(pipelined)
	if s.ThroughputCases == 0 {
		s.ThroughputMAPE, s.ThroughputWorst, _ = meanAbsolute(rates)
	}
	s.ComputeMAPE, _, _ = meanAbsolute(compute)
	s.TransferMAPE, _, _ = meanAbsolute(transfers)
	s.EnergyMAPE, _, _ = meanAbsolute(energy)
	s.ProtocolMAPE, _, _ = meanAbsolute(protocol)
	s.CostModelMAPE, _, _ = meanAbsolute(costs)
	if len(measured) > 0 {
		s.Slope, s.Exponent = slope(simulated, measured), exponent(simulated, measured)
	}
	s.order(rows)
	s.InvalidRuns = 0
	if s.Runs > 0 {
		s.InvalidRuns = Number(float64(len(invalid)) / float64(s.Runs))
	}
	return s
}

// count books what kind of row it is.
func (s *Summary) count(r *Row) {
	if r.SameAs == "" {
		s.Runs += r.Attempts
		if r.Status != statusInfeasible {
			s.DistinctPlans++
		}
		if r.Status == statusInvalid {
			s.GivenUp++
		}
	}
	if r.Status == statusInfeasible {
		s.Infeasible++
	}
}

// order compares how measurement and simulator order the plans of each model.
func (s *Summary) order(rows []Row) {
	models := map[string][]*Row{}
	var names []string
	for i := range rows {
		r := &rows[i]
		if !r.distinct() {
			continue
		}
		if models[r.Model] == nil {
			names = append(names, r.Model)
		}
		models[r.Model] = append(models[r.Model], r)
	}
	agreed := 0
	for _, name := range names {
		plans := models[name]
		var measured, simulated []float64
		for i, r := range plans {
			measured, simulated = append(measured, float64(r.Latency.Measured)), append(simulated, float64(r.Latency.Simulated))
			for _, other := range plans[:i] {
				agreed += s.pair(other, r)
			}
		}
		s.Ranks = append(s.Ranks, Ranks{Model: name, Plans: len(plans), Kendall: kendall(measured, simulated), Spearman: spearman(measured, simulated)})
	}
	s.OrderAgreement = 1
	if s.OrderPairs > 0 {
		s.OrderAgreement = Number(float64(agreed) / float64(s.OrderPairs))
	}
}

// pair books two plans of a model and returns 1 if they are ordered alike.
func (s *Summary) pair(a, b *Row) int {
	if b.Latency.Measured < a.Latency.Measured {
		a, b = b, a
	}
	if float64(b.Latency.Measured/a.Latency.Measured-1) <= OrderMargin {
		s.OrderSkipped++
		return 0
	}
	s.OrderPairs++
	if a.Latency.Simulated < b.Latency.Simulated {
		return 1
	}
	s.Disagreements = append(s.Disagreements, Pair{Model: a.Model, Faster: a.Strategy, Slower: b.Strategy,
		Measured: [2]Number{a.Latency.Measured, b.Latency.Measured}, Simulated: [2]Number{a.Latency.Simulated, b.Latency.Simulated}})
	return 0
}

// mean returns the mean of what is known.
func mean(errors []Number) Number {
	sum, n := 0.0, 0
	for _, e := range errors {
		if e.Known() {
			sum += float64(e)
			n++
		}
	}
	if n == 0 {
		return unknown
	}
	return Number(sum / float64(n))
}
