package host

import (
	"errors"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// Limits of what a session may ask for.
const (
	mostPlans    = 1024
	mostFaults   = 100 // that are told
	mostSlowdown = 1e6
	mostWork     = time.Hour // of one op, where compute is modelled
	mostText     = 255       // bytes of a session's id and token
	mostName     = 100       // bytes of a file's name
)

// job is an Open after all checks.
type job struct {
	session, token string
	holder         string
	platform       *devices.Platform
	node           int
	plans          []agent.Plan
	models         []model // of all plans
	weights        []weights
	works          []map[int]time.Duration // by plan and op; where compute is modelled
	clusters       []cluster
	network        *control.NetworkSpec
	modelled       bool
	listen         string
	alone          bool
	energy         time.Duration
}

// model is a compute op's, as a file of the folder.
type model struct {
	plan, op int
	cluster  int
	file     identity
	sub      *submodel.Sub
}

// weights are the file beside which a plan's models lie.
type weights struct {
	plan int
	file identity
	name string
}

// cluster is how a core cluster computes.
type cluster struct {
	slowdown float64
	caller   []int // CPUs of the thread that calls the engine
	engine   inference.Options
}

// faults gathers what is wrong.
type faults []string

func (f *faults) addf(format string, args ...any) {
	if len(*f) < mostFaults {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// err returns the faults as an error, line by line, or nil.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return errors.New(strings.Join(f, "\n"))
}

// check reads an Open. All that is wrong with it is told at once, as far as it can be told.
func (h *Host) check(o *control.Open) (*job, faults) {
	var f faults
	j := &job{session: o.Session, token: o.Token, holder: o.Holder, modelled: o.Modelled, alone: o.Alone, energy: time.Duration(o.Energy),
		network: o.Network, listen: o.Listen}
	if o.Session == "" || len(o.Session) > mostText || len(o.Token) > mostText {
		f.addf("session: an id of %d bytes and a token of %d; both may have %d, and the id must have some", len(o.Session), len(o.Token), mostText)
	}
	j.checkNetwork(o, &f)
	var err error
	if j.platform, err = devices.ParsePlatformJSON(o.Platform); err != nil {
		f.addf("%v", err)
		return nil, f
	}
	var known bool
	if j.node, known = j.platform.Node(o.Node); !known {
		f.addf("node: platform %s has no node %q", j.platform.Name, o.Node)
		return nil, f
	}
	if h.options.Name != "" && h.options.Name != o.Node {
		f.addf("node: this is the agent of %s, not of %s", h.options.Name, o.Node)
	}
	h.checkClusters(j, o.Clusters, &f)
	if n := len(o.Plans); n == 0 || n > mostPlans {
		f.addf("plans: %d; a session has 1 to %d", n, mostPlans)
		return nil, f
	}
	for i, p := range o.Plans {
		j.checkPlan(i, p, &f)
	}
	if len(f) > 0 {
		return nil, f
	}
	return j, nil
}

func (j *job) checkNetwork(o *control.Open, f *faults) {
	if j.network == nil {
		j.network = &control.NetworkSpec{}
	}
	if j.listen == "" {
		j.listen = "127.0.0.1:0"
	}
	address, _, err := net.SplitHostPort(j.listen)
	if err != nil {
		f.addf("listen: %v", err)
	}
	switch j.network.Kind {
	case control.NetworkSpec_REAL, control.NetworkSpec_DELAYED:
	case control.NetworkSpec_SHAPED:
		if ip := net.ParseIP(address); address != "localhost" && (ip == nil || !ip.IsLoopback()) {
			f.addf("listen: %s; a shaped network is for agents of one machine, on loopback", j.listen)
		}
		if !filepath.IsAbs(j.network.Clocks) || filepath.Clean(j.network.Clocks) != j.network.Clocks {
			f.addf("network: clocks: %q is not the whole path of the file that the agents share", j.network.Clocks)
		}
	default:
		f.addf("network: there is no kind %d", j.network.Kind)
	}
}

// checkClusters reads how the node's clusters compute.
func (h *Host) checkClusters(j *job, specs []*control.ClusterSpec, f *faults) {
	n := &j.platform.Nodes[j.node]
	if len(specs) != len(n.Clusters) {
		f.addf("clusters: %d, but node %s has %d", len(specs), n.Name, len(n.Clusters))
		return
	}
	for k, spec := range specs {
		if spec.Name != n.Clusters[k].Name {
			f.addf("clusters: number %d is %q, but of node %s it is %q", k, spec.Name, n.Name, n.Clusters[k].Name)
			continue
		}
		under := func(format string, args ...any) { f.addf("cluster %s: "+format, append([]any{spec.Name}, args...)...) }
		j.clusters = append(j.clusters, h.checkCluster(spec, under))
	}
}

func (h *Host) checkCluster(s *control.ClusterSpec, faultf func(string, ...any)) cluster {
	c := cluster{slowdown: s.Slowdown, engine: inference.Options{Threads: max(1, int(s.Threads)), Provider: s.Provider, Device: int(s.Device)}}
	if c.slowdown == 0 {
		c.slowdown = 1
	}
	if math.IsNaN(c.slowdown) || c.slowdown < 1 || c.slowdown > mostSlowdown {
		faultf("a slowdown of %v; it must be from 1 to %v", s.Slowdown, mostSlowdown)
	}
	if s.Threads < 0 || c.engine.Threads > len(h.cpus) {
		faultf("%d threads; the agent may use %d CPUs", s.Threads, len(h.cpus))
	}
	var cpus []int
	for _, cpu := range s.Cpus {
		switch {
		case !slices.Contains(h.cpus, int(cpu)):
			faultf("CPU %d is none of those that the agent may use: %v", cpu, h.cpus)
		case slices.Contains(cpus, int(cpu)):
			faultf("CPU %d is named twice", cpu)
		}
		cpus = append(cpus, int(cpu))
	}
	if len(cpus) > 0 && len(cpus) < c.engine.Threads {
		faultf("%d threads on %d CPUs", c.engine.Threads, len(cpus))
	}
	if c.engine.Provider == "" {
		c.engine.Provider = "cpu"
	}
	if list := h.providers(); !slices.Contains(list, c.engine.Provider) {
		faultf("provider %q; %s computes on %s", s.Provider, h.engine.Name(), strings.Join(list, ", "))
	}
	if c.engine.Provider != "cpu" && c.slowdown > 1 {
		faultf("a slowdown of %v on %s; only processor time can be stretched", c.slowdown, c.engine.Provider)
	}
	if s.Device < 0 {
		faultf("device %d", s.Device)
	}
	c.caller = cpus
	if t := c.engine.Threads; t > 1 && len(cpus) >= t {
		c.caller, c.engine.CPUs = cpus[:1], cpus[1:t]
	}
	return c
}

// checkPlan reads a plan and what this node is to compute of it.
func (j *job) checkPlan(i int, spec *control.PlanSpec, f *faults) {
	under := func(format string, args ...any) { f.addf("plan %d: "+format, append([]any{i}, args...)...) }
	g, err := workloads.ParseGraph(spec.Graph)
	if err != nil {
		under("%v", err)
		return
	}
	p, err := plan.DecodeSound(fmt.Sprintf("plan %d", i), spec.Plan, g, j.platform)
	if err != nil {
		f.addf("%v", err)
		return
	}
	j.plans = append(j.plans, agent.Plan{Plan: p, Graph: g})
	given := map[int]*control.OpSpec{}
	for _, op := range spec.Ops {
		id := int(op.Op)
		if id < 0 || id >= len(p.Ops) || p.Ops[id].Kind != plan.Compute || p.Ops[id].Node != j.node {
			under("op %d is none that this node computes", id)
		} else if given[id] != nil {
			under("op %d is there twice", id)
		} else {
			given[id] = op
		}
	}
	works := map[int]time.Duration{}
	for id := range p.Ops {
		op := &p.Ops[id]
		if op.Kind != plan.Compute || op.Node != j.node {
			continue
		}
		if spec := given[id]; spec == nil {
			under("op %d is missing, which this node computes", id)
		} else if j.modelled {
			works[id] = time.Duration(spec.Work)
			if works[id] < 0 || works[id] > mostWork {
				under("op %d takes %v; it may take up to %v", id, works[id], mostWork)
			}
		} else {
			j.checkModel(model{plan: i, op: id, cluster: op.Cluster}, spec, op.Slice, g, under)
		}
	}
	j.works = append(j.works, works)
	j.checkWeights(i, spec, under)
}

func (j *job) checkModel(m model, spec *control.OpSpec, s workloads.Slice, g *workloads.Graph, faultf func(string, ...any)) {
	var err error
	if m.file, err = fileOf(spec.Model); err != nil {
		faultf("op %d: model: %v", m.op, err)
		return
	}
	if m.sub, err = submodel.Describe(g, s, int(spec.Repeat)); err != nil {
		faultf("op %d: %v", m.op, err)
		return
	}
	j.models = append(j.models, m)
}

func (j *job) checkWeights(i int, spec *control.PlanSpec, faultf func(string, ...any)) {
	if spec.Weights == nil || j.modelled {
		return
	}
	file, err := fileOf(spec.Weights)
	if err != nil {
		faultf("weights: %v", err)
	}
	name := spec.WeightsName
	if name == "" || len(name) > mostName || name[0] == '.' || strings.ContainsAny(name, "/\\\x00") || strings.HasSuffix(name, modelSuffix) {
		faultf("weights: %q is not the plain name of a file, of up to %d bytes, without a dot in front and other than %s behind", name, mostName, modelSuffix)
	}
	j.weights = append(j.weights, weights{i, file, name})
}
