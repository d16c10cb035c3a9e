package devices

import (
	"slices"

	"hidp/internal/units"
)

// network builds the resources and paths of the file's nodes.
//
// A medium is one resource that every path uses with weight 1 (2 via an access point); a station of a lower rate r uses it with
// weight medium rate/r, the airtime its bytes take. A switch is one resource per node and direction. Links are one resource per
// pair and direction; messages take a shortest path of links, with the latencies of all of them.
func (f *platformFile) network() Network {
	n := len(f.Node)
	w := Network{Paths: make([][]Path, n)}
	for u := range w.Paths {
		w.Paths[u] = make([]Path, n)
	}
	switch {
	case f.Medium != nil:
		f.medium(&w)
	case f.Switch != nil:
		f.star(&w)
	default:
		f.links(&w)
	}
	return w
}

func (f *platformFile) medium(w *Network) {
	m := f.Medium
	w.Resources = []Resource{{Name: "medium", Capacity: m.Rate.Value.BytesPerSecond(), Medium: true}}
	weight := make([]float64, len(f.Node)) // airtime of a byte to or from the node, in units of the medium's rate
	for u, node := range f.Node {
		weight[u] = 1
		if i := slices.IndexFunc(m.Station, func(s stationFile) bool { return s.Node == node.Name }); i >= 0 {
			weight[u] = m.Rate.Value.BytesPerSecond() / m.Station[i].Rate.Value.BytesPerSecond()
		}
	}
	for u := range f.Node {
		for v := range f.Node {
			if u == v {
				continue
			}
			airtime := max(weight[u], weight[v])
			if m.ViaAP {
				airtime = weight[u] + weight[v]
			}
			w.Paths[u][v] = newPath(m.Latency, m.Jitter, Hop{0, airtime})
		}
	}
}

func (f *platformFile) star(w *Network) {
	s := f.Switch
	for _, node := range f.Node {
		rate := s.Rate.Value.BytesPerSecond()
		w.Resources = append(w.Resources, Resource{Name: node.Name + " out", Capacity: rate}, Resource{Name: node.Name + " in", Capacity: rate})
	}
	for u := range f.Node {
		for v := range f.Node {
			if u != v {
				w.Paths[u][v] = newPath(s.Latency, s.Jitter, Hop{2 * u, 1}, Hop{2*v + 1, 1})
			}
		}
	}
}

func newPath(latency quantity[units.Duration], jitter *quantity[units.Duration], hops ...Hop) Path {
	p := Path{Hops: hops, Latency: latency.Value.Std()}
	if jitter != nil {
		p.Jitter = jitter.Value.Std()
	}
	return p
}

// links joins the pairs that links name, and the others along the path of fewest links (the first found, by node order).
func (f *platformFile) links(w *Network) {
	index := func(name string) int {
		return slices.IndexFunc(f.Node, func(n nodeFile) bool { return n.Name == name })
	}
	direct := make([][]Path, len(f.Node))
	for u := range direct {
		direct[u] = make([]Path, len(f.Node))
	}
	for _, l := range f.Link {
		a, b := index(l.Nodes[0]), index(l.Nodes[1])
		for _, way := range [][2]int{{a, b}, {b, a}} {
			name := f.Node[way[0]].Name + " to " + f.Node[way[1]].Name
			w.Resources = append(w.Resources, Resource{Name: name, Capacity: l.Rate.Value.BytesPerSecond()})
			direct[way[0]][way[1]] = newPath(l.Latency, l.Jitter, Hop{len(w.Resources) - 1, 1})
		}
	}
	for u := range f.Node {
		w.Paths[u] = route(direct, u)
	}
}

// route returns the paths from u over direct connections, breadth first.
func route(direct [][]Path, u int) []Path {
	paths := make([]Path, len(direct))
	for queue := []int{u}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for v, d := range direct[at] {
			if v == u || len(d.Hops) == 0 || len(paths[v].Hops) > 0 {
				continue
			}
			paths[v] = Path{Hops: append(slices.Clone(paths[at].Hops), d.Hops...), Latency: paths[at].Latency + d.Latency, Jitter: paths[at].Jitter + d.Jitter}
			queue = append(queue, v)
		}
	}
	return paths
}
