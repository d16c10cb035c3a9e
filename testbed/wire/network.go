package wire

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"hidp/devices"
	"hidp/sim/flow"
	"hidp/workloads"
)

// Network emulates the network between agents: it decides when a message arrives, the transport moves the bytes.
type Network interface {
	// Carry takes a message of so many bytes from one agent to another. It returns as soon as it knows when the message arrives, which is
	// never before that can be told from what shares the network with it. If granted is not nil, it is called with the number of
	// bytes that may have been sent, ascending, up to all of them. The error is ctx's, or a *PeerError if there is no path.
	//
	// Ready is when the message was to be sent, 0 for now; a network may forgive that it is late (Forgiven).
	Carry(ctx context.Context, from, to string, bytes int64, ready time.Duration, granted func(int64)) (arrive time.Duration, err error)
}

// routes are the paths of a platform by name, with the chance in them.
type routes struct {
	platform *devices.Platform
	index    map[string]int
	seed     uint64

	mu      sync.Mutex
	streams map[[2]int]*rand.Rand
}

func newRoutes(p *devices.Platform, seed uint64) *routes {
	r := &routes{platform: p, index: map[string]int{}, seed: seed, streams: map[[2]int]*rand.Rand{}}
	for i := range p.Nodes {
		r.index[p.Nodes[i].Name] = i
	}
	return r
}

// route is what a message meets on its way.
type route struct {
	from, to int
	path     *devices.Path
	hops     []flow.Hop
	before   time.Duration // from ready to the first byte on the network: what a message costs its sender
	after    time.Duration // from the last byte to arrival, without jitter
}

func (r *routes) route(from, to string) (route, error) {
	u, ok := r.index[from]
	if !ok {
		return route{}, &PeerError{from, "send", ErrUnknownPeer}
	}
	v, ok := r.index[to]
	if !ok || u == v || !r.platform.Network.Connected(u, v) {
		return route{}, &PeerError{to, "send", ErrUnknownPeer}
	}
	path := &r.platform.Network.Paths[u][v]
	x := route{from: u, to: v, path: path, before: r.platform.Nodes[u].Message, after: path.Latency + r.platform.Nodes[v].Message}
	for _, h := range path.Hops {
		x.hops = append(x.hops, flow.Hop{Resource: int32(h.Resource), Weight: h.Weight})
	}
	return x, nil
}

// jitter draws the extra latency of the next message on a route, from the stream that the simulator draws from.
func (r *routes) jitter(x route) time.Duration {
	if x.path.Jitter == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	pair := [2]int{x.from, x.to}
	s, ok := r.streams[pair]
	if !ok {
		s = workloads.Stream(r.seed, "latency "+r.platform.Nodes[x.from].Name+" > "+r.platform.Nodes[x.to].Name)
		r.streams[pair] = s
	}
	return devices.RoundDuration(float64(s.ExpFloat64() * x.path.Jitter.Seconds()))
}

// Delays returns what the messages of a platform take beyond the transmission of their bytes, for Options.Delay at the given node: the
// message cost at both ends, the latency of the path, and its jitter, drawn from the seed's streams in the order of arrival. From nodes
// without a path there is no delay. It may be called at the same time.
func Delays(p *devices.Platform, to string, seed uint64) func(from string) time.Duration {
	routes := newRoutes(p, seed)
	return func(from string) time.Duration {
		r, err := routes.route(from, to)
		if err != nil {
			return 0
		}
		return r.before + r.after + routes.jitter(r)
	}
}
