package sim

import (
	"fmt"
	"time"

	"hidp/internal/lines"
	"hidp/sim/trace"
)

// Result is what a run measured. Energies are in joules.
type Result struct {
	Arrived   int64
	Completed int64
	Failed    int64
	InFlight  int64 // unfinished when the run ended: at its horizon, or because it broke off
	Failures  []Failure

	Latency      Latency       // of completed requests, from arrival at the leader to the result there; without meaning if there are none
	PlanningTime time.Duration // mean of completed requests; without meaning if there are none
	Makespan     time.Duration // from time zero to the end of the last request, or to the horizon
	Throughput   float64       // completed requests per second of the makespan

	ServingJoules  float64 // of all nodes, each while it takes part in some request
	EnergyPlatform float64 // of all nodes over the whole run

	Nodes     []NodeResult
	Resources []ResourceResult
	Sites     []SiteResult `json:",omitempty"` // only with Config.Fleet
	Events    uint64
	Warnings  []string
	Records   []Record     // in the order in which requests ended; only with Config.Records
	Trace     *trace.Trace // only with Config.TraceLimit
}

// EnergyServing returns the joules per completed request that the nodes draw while they take part in requests; none if nothing was
// completed.
func (r *Result) EnergyServing() Quantity {
	if r.Completed == 0 {
		return None()
	}
	return Quantity(r.ServingJoules / float64(r.Completed))
}

// Latency is a distribution in a few numbers. Beyond a million requests the percentiles are exact to three digits.
type Latency struct{ Mean, P50, P95, P99, Max time.Duration }

// Failure is a reason for which requests failed.
type Failure struct {
	Reason   string
	Node     string // the node that was lost, if that is the reason
	Requests int64
}

// NodeResult is what one node did.
type NodeResult struct {
	Name         string
	Participated bool
	Serving      time.Duration // in which it took part in some request, from the arrival of each to its end
	Idle         float64       // joules of idle power
	ServingIdle  float64       // the part of Idle that it drew while it took part in some request
	Active       float64       // joules of busy clusters, above idle
	NIC          float64       // joules of transfers, above idle
	Planning     float64       // joules of the planner's cluster while it only plans, above idle
	Clusters     []ClusterResult
	NICBusy      time.Duration // with at least one transfer under way
	PeakMemory   int64         // most bytes of weights and activations at one time
	Lost         bool
}

// Energy returns the joules of the node over the whole run.
func (n *NodeResult) Energy() float64 { return n.Idle + n.Active + n.NIC + n.Planning }

// ServingEnergy returns the joules of the node while it takes part in some request: all but the rest of the idle power, for
// clusters, network and planner work for requests only.
func (n *NodeResult) ServingEnergy() float64 { return n.ServingIdle + n.Active + n.NIC + n.Planning }

// ClusterResult is how long a cluster worked; a group counts apart from its members.
type ClusterResult struct {
	Name string
	Busy time.Duration
}

// ResourceResult is what a network resource carried.
type ResourceResult struct {
	Name  string
	Bytes float64 // payload times the weight of the hops
}

// Record is what became of one request.
type Record struct {
	ID       int64
	Site     int `json:",omitempty"` // in Config.Fleet
	Model    int
	Arrival  time.Duration
	Planned  time.Duration // when its plan was ready
	Planning time.Duration // what the planner took
	Finish   time.Duration // when it ended
	Failed   string        // why it failed; empty if it did not
}

// result writes down the state of the run as its outcome.
func (s *simulation) result() *Result {
	if s.trace != nil {
		s.traceRest()
	}
	st, room := &s.stats, s.cfg.Workspace.lend()
	if room == nil {
		room = new(lent)
	}
	r := &room.result
	*r = Result{Arrived: st.arrived, Completed: st.completed, Failed: st.failed, InFlight: s.inFlight, Failures: st.failures,
		Latency: st.latency(), Events: s.events(), Records: st.records, Trace: s.trace, Makespan: st.last}
	if s.inFlight > 0 {
		r.Makespan = s.now
	}
	if st.completed > 0 {
		r.PlanningTime = st.planning / time.Duration(st.completed)
	}
	s.nodeResults(r, room)
	if k := len(s.resources); k > 0 {
		room.resources = lines.Resized(room.resources, k)
		r.Resources = room.resources
	}
	for i := range r.Resources {
		r.Resources[i] = ResourceResult{s.resources[i].Name, s.net.BytesCarried(s.now, int32(i))}
	}
	if st.completed > 0 && r.Makespan > 0 {
		r.Throughput = float64(st.completed) / r.Makespan.Seconds()
	}
	r.Sites = s.siteResults()
	r.Warnings = st.warnings
	return r
}

// nodeResults writes down what the nodes did.
func (s *simulation) nodeResults(r *Result, memory *lent) {
	k := 0
	for j := range s.nodes {
		k += len(s.nodes[j].spec.Clusters)
	}
	memory.nodes, memory.clusters = lines.Resized(memory.nodes, len(s.nodes)), lines.Resized(memory.clusters, k)
	r.Nodes = memory.nodes
	room := memory.clusters
	for j := range s.nodes {
		n := &r.Nodes[j]
		k := len(s.nodes[j].spec.Clusters)
		*n = s.nodeResult(&s.nodes[j], r.Makespan, room[:0:k])
		room = room[k:]
		r.EnergyPlatform += n.Energy()
		r.ServingJoules += n.ServingEnergy()
	}
}

// nodeResult adds up a node's time and energy until the end of the run. Room is memory for its clusters.
func (s *simulation) nodeResult(n *nodeState, end time.Duration, room []ClusterResult) NodeResult {
	r := NodeResult{Name: n.name, Clusters: room, Participated: n.took, PeakMemory: n.peak, Lost: n.lost, NICBusy: n.nicBusy}
	on := end
	if n.lost {
		on = min(on, n.lostAt)
	} else {
		n.notePlanner(max(end, n.use.since))
	}
	r.Serving = n.serving.until(on)
	if !n.lost && n.flows > 0 && n.flowing < end {
		r.NICBusy += end - n.flowing
	}
	for k := range n.spec.Clusters {
		busy := n.busy[k]
		if o := &n.ops[k]; o.slot != vacant && o.started < end {
			busy += end - o.started
		}
		r.Clusters = append(r.Clusters, ClusterResult{n.spec.Clusters[k].Name, busy})
		r.Active += float64(n.spec.Clusters[k].ActivePower * busy.Seconds())
	}
	r.Idle = float64(n.spec.IdlePower * on.Seconds())
	r.ServingIdle = float64(n.spec.IdlePower * r.Serving.Seconds())
	r.Planning = float64(n.spec.Clusters[n.use.cluster].ActivePower * n.use.alone.Seconds())
	r.NIC = float64(n.spec.NICPower * r.NICBusy.Seconds())
	if n.peak > n.spec.Memory {
		s.stats.warn(fmt.Sprintf("node %s: requests under way needed up to %.1f MB of its %.1f MB of memory", n.name, mega(n.peak), mega(n.spec.Memory)))
	}
	return r
}
