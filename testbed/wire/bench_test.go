package wire_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"hidp/devices"
	"hidp/testbed/wire"
)

// pair returns two connected transports of a benchmark.
func pair(b *testing.B, change func(o *wire.Options)) (from, to *wire.TCP) {
	var all []*wire.TCP
	for _, name := range []string{"a", "b"} {
		o := wire.DefaultOptions(name)
		change(&o)
		t, err := wire.Listen("127.0.0.1:0", o)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { t.Close() })
		all = append(all, t)
	}
	if err := all[0].AddPeer("b", all[1].Addr().String()); err != nil {
		b.Fatal(err)
	}
	return all[0], all[1]
}

// measure sends a tensor again and again; each is timed from before its Send to its delivery.
func measure(b *testing.B, from, to *wire.TCP, size int) time.Duration {
	m := &wire.Message{Kind: wire.Tensor, DType: wire.Float32, Shape: []int{size / 4}, Payload: make([]byte, size)}
	var times []time.Duration
	clock := wire.Monotonic()
	one := func() {
		start := clock.Now()
		sent := make(chan error, 1)
		go func() { sent <- from.Send(context.Background(), "b", m) }()
		d := <-to.Receive()
		times = append(times, clock.Now()-start)
		d.Release()
		if err := <-sent; err != nil {
			b.Fatal(err)
		}
	}
	one()
	times = times[:0]
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
	slices.Sort(times)
	median := times[len(times)/2]
	b.ReportMetric(float64(median)/1e6, "median-ms")
	b.ReportMetric(float64(times[len(times)*9/10])/1e6, "p90-ms")
	return median
}

var sizes = []struct {
	name  string
	bytes int
}{{"4KB", 4000}, {"600KB", 600_000}, {"3MB", 3_000_000}}

// BenchmarkLoopback is the time of a tensor between two transports without an emulated network.
func BenchmarkLoopback(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			from, to := pair(b, func(*wire.Options) {})
			measure(b, from, to, s.bytes)
		})
	}
}

// BenchmarkShaped is the same over emulated links. error-% is how much longer the median is than bytes/rate + latency.
func BenchmarkShaped(b *testing.B) {
	for _, l := range []struct {
		name     string
		capacity float64 // bytes/s
		latency  time.Duration
	}{{"80Mbit", 10e6, 2 * ms}, {"1Gbit", 125e6, 300 * time.Microsecond}} {
		for _, s := range sizes {
			b.Run(l.name+"/"+s.name, func(b *testing.B) {
				p := link(l.capacity, l.latency)
				n := wire.NewPaced(p, wire.Monotonic(), 1)
				from, to := pair(b, func(o *wire.Options) { o.Network = n })
				median := measure(b, from, to, s.bytes)
				ideal := float64(s.bytes)/l.capacity*1e9 + float64(l.latency)
				b.ReportMetric(100*(float64(median)/ideal-1), "error-%")
			})
		}
	}
}

// link is two nodes a and b with a full-duplex link.
func link(capacity float64, latency time.Duration) *devices.Platform {
	p := &devices.Platform{Nodes: []devices.Node{{Name: "a"}, {Name: "b"}}}
	p.Network.Resources = []devices.Resource{{Name: "a to b", Capacity: capacity}, {Name: "b to a", Capacity: capacity}}
	path := func(r int) devices.Path {
		return devices.Path{Hops: []devices.Hop{{Resource: r, Weight: 1}}, Latency: latency}
	}
	p.Network.Paths = [][]devices.Path{{{}, path(0)}, {path(1), {}}}
	return p
}
