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

// WithNetworkScaled returns the platform whose medium, ports or links are faster by a factor.
func (p *Platform) WithNetworkScaled(factor float64) (*Platform, error) {
	if !(factor > 0) || math.IsInf(factor, 1) {
		return nil, fmt.Errorf("a network faster by a factor of %v; the factor must be positive", factor)
	}
	c := *p
	c.Network.Resources = slices.Clone(p.Network.Resources)
	for i := range c.Network.Resources {
		c.Network.Resources[i].Capacity *= factor
	}
	return &c, nil
}

// WithAnother returns the platform with one more board like the given node, which comes last: on the same medium where all nodes
// share one, else at a switch, with ports like the node's. The error names an unknown node, or says that nothing tells how another
// board would be attached: to a lone board, or to boards that links join.
func (p *Platform) WithAnother(name string) (*Platform, error) {
	u, err := p.lookup(name)
	if err != nil {
		return nil, err
	}
	out, in, ok := p.Network.Ports(u)
	if !ok {
		return nil, fmt.Errorf("platform %s: nothing says how another board like %s is attached", p.Name, name)
	}
	n := len(p.Nodes)
	c := *p
	c.Nodes = append(slices.Clone(p.Nodes), p.Nodes[u])
	c.Nodes[n].Name = p.anotherName(name)
	if len(p.origins) == n {
		c.origins = append(slices.Clone(p.origins), p.origins[u])
		c.origins[n].setting.Name = c.Nodes[n].Name
	}
	newOut, newIn := out, in
	c.Network.Resources = slices.Clone(p.Network.Resources)
	for _, port := range []struct{ old, new *int }{{&out, &newOut}, {&in, &newIn}} {
		if r := p.Network.Resources[*port.old]; !r.Medium {
			*port.new = len(c.Network.Resources)
			c.Network.Resources = append(c.Network.Resources, Resource{Name: c.Nodes[n].Name + strings.TrimPrefix(r.Name, name), Capacity: r.Capacity})
		}
	}
	with := func(path Path, from, to int) Path {
		path.Hops = slices.Clone(path.Hops)
		for i := range path.Hops {
			if path.Hops[i].Resource == from {
				path.Hops[i].Resource = to
			}
		}
		return path
	}
	v := (u + 1) % n
	c.Network.Paths = make([][]Path, n+1)
	for a := range n {
		c.Network.Paths[a] = append(slices.Clone(p.Network.Paths[a]), with(p.Network.Paths[a][u], in, newIn))
		c.Network.Paths[n] = append(c.Network.Paths[n], with(p.Network.Paths[u][a], out, newOut))
	}
	receives := p.Network.Paths[u][v].Hops[len(p.Network.Paths[u][v].Hops)-1].Resource // v's port, or the medium
	c.Network.Paths[u][n] = with(p.Network.Paths[u][v], receives, newIn)
	c.Network.Paths[n][u] = with(with(p.Network.Paths[u][v], receives, in), out, newOut)
	c.Network.Paths[n] = append(c.Network.Paths[n], Path{})
	return &c, nil
}

// Ports returns the resources through which all messages leave and reach node u: its ports at a switch, or a medium that all share.
func (w *Network) Ports(u int) (out, in int, ok bool) {
	out, in = -1, -1
	for v := range w.Paths {
		if v == u {
			continue
		}
		leave, reach := w.Paths[u][v].Hops, w.Paths[v][u].Hops
		if len(leave) == 0 || len(leave) != len(reach) || len(leave) > 2 || len(leave) == 1 && !w.Resources[leave[0].Resource].Medium {
			return 0, 0, false
		}
		o, i := leave[0].Resource, reach[len(reach)-1].Resource
		if out >= 0 && (o != out || i != in) {
			return 0, 0, false
		}
		out, in = o, i
	}
	return out, in, out >= 0
}

// anotherName returns a name that no node has.
func (p *Platform) anotherName(name string) string {
	for i := 2; ; i++ {
		if another := fmt.Sprintf("%s-%d", name, i); !slices.Contains(p.NodeNames(), another) {
			return another
		}
	}
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
