package emulate

import (
	"fmt"
	"math"

	"hidp/devices"
)

const namespaceFolder = "/run/netns" // where ip(8) keeps its names of them too

// wiring is what network namespaces must be joined by to be the network of a platform.
type wiring struct {
	out, in []float64 // bytes/s by node, of payload; nil with a medium
	medium  float64   // bytes/s of payload on the medium that all share; 0: a switch
	address []string  // by node
	prefix  int
}

// Frames of a TCP stream over Ethernet: of 1514 bytes that a queue sees, 1448 are payload. On a medium, where acknowledgements take
// the same turns as data, one of 66 bytes follows every second frame.
const (
	frame          = 1514.0
	framePayload   = 1448.0
	acknowledgment = 66.0
)

// lineRate returns the rate of frames, in bytes/s, at which TCP moves payload at a rate.
func lineRate(payload float64) uint64 { return uint64(math.Round(payload * frame / framePayload)) }

// mediumRate is lineRate where acknowledgements share the medium.
func mediumRate(payload float64) uint64 {
	return uint64(math.Round(payload * (frame + acknowledgment/2) / framePayload))
}

// wiringOf returns the wiring of a platform. The error says why namespaces cannot be it.
func wiringOf(p *devices.Platform) (*wiring, error) {
	w := &wiring{prefix: 16}
	for u := range p.Nodes {
		w.address = append(w.address, fmt.Sprintf("10.77.%d.%d", u/200, 1+u%200))
	}
	n := &p.Network
	if len(p.Nodes) < 2 {
		return w, nil
	}
	if n.Resources[0].Medium {
		return w, w.shared(p)
	}
	w.out, w.in = make([]float64, len(p.Nodes)), make([]float64, len(p.Nodes))
	for u := range n.Paths {
		for v, path := range n.Paths[u] {
			if u == v {
				continue
			}
			if len(path.Hops) != 2 || path.Hops[0].Weight != 1 || path.Hops[1].Weight != 1 {
				return nil, unwired(p, "messages from %s to %s do not go over one switch", p.Nodes[u].Name, p.Nodes[v].Name)
			}
			out, in := n.Resources[path.Hops[0].Resource].Capacity, n.Resources[path.Hops[1].Resource].Capacity
			if w.out[u] != 0 && w.out[u] != out || w.in[v] != 0 && w.in[v] != in {
				return nil, unwired(p, "%s has several links", p.Nodes[u].Name)
			}
			w.out[u], w.in[v] = out, in
		}
	}
	return w, nil
}

// shared fills the wiring of a medium, on which every byte must take the same time whoever sends it.
func (w *wiring) shared(p *devices.Platform) error {
	n := &p.Network
	weight := 0.0
	for u := range n.Paths {
		for v, path := range n.Paths[u] {
			switch {
			case u == v:
			case len(path.Hops) != 1 || path.Hops[0].Resource != 0:
				return unwired(p, "messages from %s to %s do not go over the medium alone", p.Nodes[u].Name, p.Nodes[v].Name)
			case weight != 0 && path.Hops[0].Weight != weight:
				return unwired(p, "its stations have several rates")
			default:
				weight = path.Hops[0].Weight
			}
		}
	}
	w.medium = n.Resources[0].Capacity / weight
	return nil
}

func unwired(p *devices.Platform, format string, args ...any) error {
	return fmt.Errorf("platform %s cannot be made of network namespaces (a [switch], or a [medium] with one rate): %s; use --net shaped",
		p.Name, fmt.Sprintf(format, args...))
}
