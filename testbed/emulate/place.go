package emulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"hidp/devices"
)

// Shares of cores that emulated clusters may need. A core that computes to the limit is late with every result, as work does not
// arrive evenly and the kernel's own work takes some of it.
const (
	coreShare  = 0.9
	aloneShare = 0.6 // of the only core of a machine: the network needs the rest
)

// Placement is where the clusters of a Spec compute.
type Placement struct {
	CPUs    [][][]int // by node and cluster: logical CPUs to be pinned to; nil: not pinned
	Network []int     // CPUs for everything else that agents do
	Need    float64   // cores that the clusters need together: the sum of threads/slowdown over the physical ones
	Limit   float64   // cores that they may need
	Cores   [][]int   // that they compute on
}

// UnfaithfulError says that a machine cannot compute as fast as a set of emulated boards would.
type UnfaithfulError struct {
	Spec        string
	Need, Limit float64 // cores
	Cores       int     // of the machine
	Why         string  // what does not fit, if the sum does
}

// Error implements error.
func (e *UnfaithfulError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("the boards of %s cannot be emulated faithfully here: %s", e.Spec, e.Why)
	}
	return fmt.Sprintf("the boards of %s cannot be emulated faithfully here: their clusters need %.2f cores (the sum of threads/slowdown) and may use %.2f "+
		"of the machine's %d, the rest is for the network; raise all slowdowns by a factor of %.2f, leave out boards, or use a machine with %d cores",
		e.Spec, e.Need, e.Limit, e.Cores, math.Ceil(100*e.Need/e.Limit)/100, coresFor(e.Need))
}

// coresFor returns how many cores a machine must have to give so many to emulated clusters.
func coresFor(need float64) int {
	if need <= aloneShare {
		return 1
	}
	return 1 + int(math.Ceil(need/coreShare))
}

// limitOf returns how much so many cores can compute beside the network.
func limitOf(cores int) float64 {
	if cores == 1 {
		return aloneShare
	}
	return coreShare * float64(cores-1)
}

// Need returns the cores that the clusters need together.
func (s *Spec) Need() float64 {
	need := 0.0
	for j := range s.Nodes {
		for k := range s.Platform.Nodes[j].Physical {
			need += s.Nodes[j].Clusters[k].need()
		}
	}
	return need
}

func (c *ClusterSpec) need() float64 { return float64(c.Threads) / c.Slowdown }

// Place assigns the clusters to the cores of a machine. The error is an *UnfaithfulError if it cannot keep up with them, or says
// which CPU of the spec does not exist.
func (s *Spec) Place(m Machine) (*Placement, error) {
	p := &Placement{Need: s.Need(), Limit: limitOf(len(m.Cores))}
	if p.Need > p.Limit {
		return nil, &UnfaithfulError{Spec: s.Name, Need: p.Need, Limit: p.Limit, Cores: len(m.Cores)}
	}
	a := assignment{spec: s, machine: m, pool: s.pool(m), load: make([]float64, len(m.Cores))}
	var waiting []*request
	for j := range s.Nodes {
		p.CPUs = append(p.CPUs, make([][]int, len(s.Nodes[j].Clusters)))
		for k := range s.Nodes[j].Clusters {
			r := &request{node: &s.Platform.Nodes[j], cluster: k, spec: &s.Nodes[j].Clusters[k], cpus: &p.CPUs[j][k]}
			switch {
			case r.spec.CPUs != nil:
				if err := a.given(r); err != nil {
					return nil, err
				}
			case k < r.node.Physical:
				waiting = append(waiting, r)
			}
		}
	}
	slices.SortStableFunc(waiting, func(x, y *request) int { return cmp.Compare(x.spec.Slowdown, y.spec.Slowdown) })
	for _, r := range waiting {
		if err := a.choose(r); err != nil {
			return nil, err
		}
	}
	for j := range s.Nodes {
		groups(&s.Platform.Nodes[j], s.Nodes[j].Clusters, p.CPUs[j])
	}
	p.Cores = a.used()
	p.Network = rest(m.CPUs(), p.Cores)
	return p, nil
}

// pool returns the indices of the cores that a way of pinning computes on; none if it pins nothing.
func (s *Spec) pool(m Machine) []int {
	last := len(m.Cores) - 1
	one, others := []int{last}, between(min(1, last), last)
	switch s.Pin {
	case PinOne:
		return one
	case PinSpread:
		return others
	case PinAll:
		return between(0, last)
	case PinNone:
		return nil
	}
	if s.Need() <= coreShare && s.widest() == 1 {
		return one
	}
	return others
}

func between(from, to int) (all []int) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

// widest returns the most threads of a cluster.
func (s *Spec) widest() int {
	most := 1
	for j := range s.Nodes {
		for k := range s.Platform.Nodes[j].Physical {
			most = max(most, s.Nodes[j].Clusters[k].Threads)
		}
	}
	return most
}

// request is a cluster that wants CPUs.
type request struct {
	node    *devices.Node
	cluster int
	spec    *ClusterSpec
	cpus    *[]int
}

func (r *request) String() string {
	return fmt.Sprintf("cluster %s of %s", r.node.Clusters[r.cluster].Name, r.node.Name)
}

// assignment is which cores have how much to do.
type assignment struct {
	spec    *Spec
	machine Machine
	pool    []int
	load    []float64 // by core: the share of time that it is busy
}

// given takes the CPUs that the spec names.
func (a *assignment) given(r *request) error {
	*r.cpus = r.spec.CPUs
	for _, cpu := range r.spec.CPUs {
		core := slices.IndexFunc(a.machine.Cores, func(core []int) bool { return slices.Contains(core, cpu) })
		if core < 0 {
			return fmt.Errorf("%s: %v is pinned to CPU %d; CPUs here are %s", a.spec.Name, r, cpu, list(a.machine.CPUs()))
		}
		if r.cluster < r.node.Physical {
			if err := a.burden(r, core, r.spec.need()/float64(len(r.spec.CPUs))); err != nil {
				return err
			}
		}
	}
	return nil
}

// choose takes the cores of the pool that have the least to do, one logical CPU of each.
func (a *assignment) choose(r *request) error {
	if a.pool == nil {
		return nil
	}
	threads := r.spec.Threads
	if threads > len(a.pool) {
		return &UnfaithfulError{Spec: a.spec.Name, Why: fmt.Sprintf("%v computes with %d threads and may use %d cores here; write threads = %d", r, threads, len(a.pool), len(a.pool))}
	}
	cores := slices.Clone(a.pool)
	slices.SortStableFunc(cores, func(x, y int) int { return cmp.Compare(a.load[x], a.load[y]) })
	for _, core := range cores[:threads] {
		if err := a.burden(r, core, 1/r.spec.Slowdown); err != nil {
			return err
		}
		*r.cpus = append(*r.cpus, a.machine.Cores[core][0])
	}
	slices.Sort(*r.cpus)
	return nil
}

func (a *assignment) burden(r *request, core int, share float64) error {
	a.load[core] += share
	if a.load[core] <= coreShare+1e-9 {
		return nil
	}
	return &UnfaithfulError{Spec: a.spec.Name, Why: fmt.Sprintf("%v, %.4g times slower than this machine, would keep the core of CPU %d busy for %.2f of the time beside "+
		"what else is emulated there, of at most %.2f; raise slowdowns, or pin otherwise", r, r.spec.Slowdown, a.machine.Cores[core][0], a.load[core], coreShare)}
}

// used returns the cores that have something to do.
func (a *assignment) used() (cores [][]int) {
	for i, load := range a.load {
		if load > 0 {
			cores = append(cores, a.machine.Cores[i])
		}
	}
	return cores
}

// groups lets groups compute where their members do: they never work at the same time.
func groups(n *devices.Node, specs []ClusterSpec, cpus [][]int) {
	for k := n.Physical; k < len(specs); k++ {
		if cpus[k] != nil {
			continue
		}
		var all []int
		for i := range n.Physical {
			if n.Clusters[k].Mask&(1<<i) != 0 {
				all = append(all, cpus[i]...)
			}
		}
		slices.Sort(all)
		all = slices.Compact(all)
		cpus[k] = all[:min(len(all), specs[k].Threads)]
	}
}

// rest returns the CPUs that are not of the given cores, or all if that leaves none.
func rest(all []int, cores [][]int) []int {
	busy := slices.Concat(cores...)
	left := slices.DeleteFunc(slices.Clone(all), func(cpu int) bool { return slices.Contains(busy, cpu) })
	if len(left) == 0 {
		return all
	}
	return left
}

func list(cpus []int) string {
	var s []string
	for _, c := range cpus {
		s = append(s, strconv.Itoa(c))
	}
	return strings.Join(s, ", ")
}
