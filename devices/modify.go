package devices

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"hidp/internal/suggest"
	"hidp/workloads"
)

// NodeNames returns the names of the nodes in order.
func (p *Platform) NodeNames() []string {
	var names []string
	for i := range p.Nodes {
		names = append(names, p.Nodes[i].Name)
	}
	return names
}

func (p *Platform) lookup(name string) (int, error) {
	i, ok := p.Node(name)
	if !ok {
		names := p.NodeNames()
		return 0, fmt.Errorf("platform %s has no node %q%s; it has %s", p.Name, name, suggest.Phrase(name, names), strings.Join(names, ", "))
	}
	return i, nil
}

// WithLeader returns the platform with another leader. The error names an unknown node.
func (p *Platform) WithLeader(name string) (*Platform, error) {
	i, err := p.lookup(name)
	if err != nil {
		return nil, err
	}
	c := *p
	c.Leader = i
	return &c, nil
}

// WithRate returns the platform whose medium, ports or links all have the given rate. Stations that were slower than the medium
// stay slower by the same factor.
func (p *Platform) WithRate(bitsPerSecond float64) (*Platform, error) {
	if !(bitsPerSecond > 0) || math.IsInf(bitsPerSecond, 1) {
		return nil, fmt.Errorf("a network rate of %v bit/s; it must be positive", bitsPerSecond)
	}
	c := *p
	c.Network.Resources = slices.Clone(p.Network.Resources)
	for i := range c.Network.Resources {
		c.Network.Resources[i].Capacity = bitsPerSecond / 8
	}
	return &c, nil
}

// WithRuntime returns the platform with another runtime on every node (see Setting.Runtime); "tensorrt/fp16+ncnn" runs on
// boards with and without a GPU. It starts from the boards again, so it undoes Perturbed. The error names a board that lacks the
// runtime; it is an error too if the platform was not made from files.
func (p *Platform) WithRuntime(runtime string) (*Platform, error) {
	return p.reset(func(s *Setting) { s.Runtime = runtime })
}

// WithoutRescale returns the platform without per-model corrections (Cluster.Rescale), under the conditions of WithRuntime.
func (p *Platform) WithoutRescale() (*Platform, error) {
	return p.reset(func(s *Setting) { s.Ignore = true })
}

func (p *Platform) reset(change func(*Setting)) (*Platform, error) {
	if len(p.origins) != len(p.Nodes) {
		return nil, fmt.Errorf("platform %s was not made from board files", p.Name)
	}
	c := *p
	origins := slices.Clone(p.origins)
	for i := range origins {
		change(&origins[i].setting)
	}
	return c.resolve(origins, p.ownAssumptions)
}

// Subset returns the platform reduced to the given nodes, in the given order; the network stays what it is. The leader stays if it
// is among them, else the first node leads. The error names an unknown or repeated node.
func (p *Platform) Subset(names ...string) (*Platform, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("platform %s: a subset needs at least one node", p.Name)
	}
	c := *p
	c.Leader, c.Nodes, c.origins = 0, nil, nil
	var picked []int
	for _, name := range names {
		i, err := p.lookup(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(picked, i) {
			return nil, fmt.Errorf("platform %s: node %q is listed twice", p.Name, name)
		}
		if i == p.Leader {
			c.Leader = len(picked)
		}
		picked = append(picked, i)
		c.Nodes = append(c.Nodes, p.Nodes[i])
		if len(p.origins) == len(p.Nodes) {
			c.origins = append(c.origins, p.origins[i])
		}
	}
	c.Network.Paths = make([][]Path, len(picked))
	for a, u := range picked {
		for _, v := range picked {
			c.Network.Paths[a] = append(c.Network.Paths[a], p.Network.Paths[u][v])
		}
	}
	return &c, nil
}

// Perturbed returns the platform as somebody with imperfect measurements believes it to be: every rate, bandwidth and overhead of
// every cluster is multiplied by an own log-normal factor exp(sigma·N(0,1)). Factors depend on the seed and on the names of node,
// cluster and parameter only, so nodes that come or go change nothing for the others.
func (p *Platform) Perturbed(sigma float64, seed uint64) *Platform {
	c := *p
	c.Nodes = slices.Clone(p.Nodes)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		n.Clusters = slices.Clone(n.Clusters)
		for k := range n.Clusters {
			cl := &n.Clusters[k]
			factor := func(parameter string) float64 {
				h := fnv.New64a()
				fmt.Fprintf(h, "%s/%s/%s", n.Name, cl.Name, parameter)
				return math.Exp(sigma * rand.New(rand.NewPCG(seed, h.Sum64())).NormFloat64())
			}
			for _, class := range workloads.Classes() {
				cl.Params.Rate[class] *= factor(class.String())
			}
			cl.Params.ActBandwidth *= factor("activations")
			cl.Params.WeightBandwidth *= factor("weights")
			cl.Params.ConvOverhead *= factor("conv overhead")
			cl.Params.OtherOverhead *= factor("other overhead")
			cl.Params.InvokeOverhead *= factor("invoke overhead")
		}
	}
	return &c
}
