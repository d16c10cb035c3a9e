package emulate

import (
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/internal/parts"
)

// lab makes the namespaces of a platform; without root the test is skipped.
func lab(t *testing.T, p *devices.Platform) (names []string, w *wiring) {
	parts.Need(t, parts.Namespaces, checkNamespaces())
	w, err := wiringOf(p)
	require.NoError(t, err)
	return wired(t, p, w), w
}

// wired makes the namespaces of a platform with the rates of w.
func wired(t *testing.T, p *devices.Platform, w *wiring) (names []string) {
	id := newID()
	for _, n := range append(p.NodeNames(), "sw") {
		names = append(names, mark(id)+"-"+n)
	}
	t.Cleanup(func() {
		for _, n := range names {
			require.NoError(t, removeNamespace(n))
		}
		left, err := filepath.Glob(filepath.Join(namespaceFolder, mark(id)+"*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
	err := makeNamespaces(names, w)
	if os.IsPermission(err) {
		parts.Need(t, parts.Namespaces, err)
	}
	require.NoError(t, err)
	return names
}

const skipped = 1 << 20 // bytes until the queue and the burst of a limit have filled

// goodput sends over TCP from one namespace to another and returns the bytes/s that arrive once it runs.
func goodput(t *testing.T, from, to, address string, bytes int) float64 {
	var l net.Listener
	require.NoError(t, within(to, func() (err error) {
		l, err = net.Listen("tcp", address+":0")
		return err
	}))
	defer l.Close()
	var out net.Conn
	require.NoError(t, within(from, func() (err error) {
		out, err = net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
		return err
	}))
	defer out.Close()
	in, err := l.Accept()
	require.NoError(t, err)
	defer in.Close()
	deadline := time.Now().Add(30 * time.Second)
	require.NoError(t, in.SetDeadline(deadline))
	require.NoError(t, out.SetDeadline(deadline))
	go func() { _, _ = out.Write(make([]byte, skipped+bytes)) }()
	_, err = io.CopyN(io.Discard, in, skipped)
	require.NoError(t, err)
	start := time.Now()
	_, err = io.CopyN(io.Discard, in, int64(bytes))
	require.NoError(t, err)
	return float64(bytes) / time.Since(start).Seconds()
}

// raised puts the test above other load, as agents are, where that can be done.
func raised(t *testing.T) {
	c := theseCgroups()
	own, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	i := strings.Index(string(own), ":cpu:")
	if c.v1 == "" || i < 0 {
		return
	}
	path, _, _ := strings.Cut(string(own[i+len(":cpu:"):]), "\n")
	p, err := cgroups{v1: c.v1}.raise(mark(newID()), func(*Priority) error { return nil })
	require.NoError(t, err)
	if p.Group == "" || p.add(os.Getpid()) != nil {
		require.NoError(t, p.remove())
		return
	}
	t.Cleanup(func() {
		require.NoError(t, (&Priority{Group: filepath.Join(c.v1, path)}).add(os.Getpid()))
		require.NoError(t, p.remove())
	})
}

// nearly measures until the result is within a share of what is wanted, and reports whether it ever was; other load of
// the machine may spoil some.
func nearly(t *testing.T, want, share float64, measure func() float64) bool {
	for range 12 {
		got := measure()
		t.Logf("%.1f of %.1f Mbit/s", got*8e-6, want*8e-6)
		if math.Abs(got-want) <= share*want {
			return true
		}
	}
	return false
}

// unlimited returns the bytes/s that the machine carries between the boards of a platform whose links have no limit.
func unlimited(t *testing.T, p *devices.Platform) float64 {
	w := &wiring{prefix: 16, out: make([]float64, len(p.Nodes)), in: make([]float64, len(p.Nodes))}
	for i := range p.Nodes {
		w.address = append(w.address, fmt.Sprintf("10.77.0.%d", 1+i))
	}
	names := wired(t, p, w)
	return goodput(t, names[0], names[1], w.address[1], 30<<20)
}

// onRates calls carries with the namespaces of the platform. If that reports that the links do not have their rate, and
// if it is the machine that does not carry twice the rate without any limit, the test goes on with links that are
// slower: 5 times, then 25 times.
func onRates(t *testing.T, platform string, carries func(names []string, w *wiring, rate, slower float64) bool) {
	p, err := devices.Open(platform)
	require.NoError(t, err)
	for _, slower := range []float64{1, 5, 25} {
		q := *p
		q.Network.Resources = slices.Clone(p.Network.Resources)
		for i := range q.Network.Resources {
			q.Network.Resources[i].Capacity /= slower
		}
		names, w := lab(t, &q)
		rate := q.Network.Goodput(0, 1)
		if carries(names, w, rate, slower) {
			return
		}
		could := unlimited(t, p)
		require.Less(t, could, 2*rate, "links lack their rate in bytes/s, and the machine carries enough without limits")
		t.Logf("the machine is too slow: without limits it carries %.1f Mbit/s", could*8e-6)
	}
	t.Fatal("the machine is too slow for all links")
}

// A board's link carries the platform's rate, in both directions; several senders share the receiver's link.
func TestSwitchedGoodput(t *testing.T) {
	raised(t)
	onRates(t, "emulated-3", func(names []string, w *wiring, rate, slower float64) bool {
		bytes := int(30 << 20 / slower)
		if !nearly(t, rate, 0.03, func() float64 { return goodput(t, names[0], names[1], w.address[1], bytes) }) {
			return false
		}
		var all sync.WaitGroup
		share := make([]float64, 2)
		for i := range share {
			all.Go(func() { share[i] = goodput(t, names[i], names[2], w.address[2], bytes/2) })
		}
		all.Wait()
		t.Logf("two senders: %.1f and %.1f Mbit/s", share[0]*8e-6, share[1]*8e-6)
		require.Less(t, min(share[0], share[1]), rate*0.75)
		return true
	})
}

// All stations together have the medium's rate.
func TestMediumGoodput(t *testing.T) {
	raised(t)
	onRates(t, "emulated-wlan", func(names []string, w *wiring, rate, slower float64) bool {
		one := nearly(t, rate, 0.03, func() float64 { return goodput(t, names[0], names[1], w.address[1], int(6<<20/slower)) })
		return one && nearly(t, rate, 0.06, func() float64 {
			var all sync.WaitGroup
			bytes := int(4 << 20 / slower)
			start := time.Now()
			for i := range 2 { // disjoint pairs
				all.Go(func() { goodput(t, names[i], names[2+i], w.address[2+i], bytes) })
			}
			all.Wait()
			return float64(2*(skipped+bytes)) / time.Since(start).Seconds()
		})
	})
}

func TestWiring(t *testing.T) {
	for text, want := range map[string]string{
		"[medium]\nrate = \"80 Mbit/s\"\nlatency = \"1 ms\"\n[[medium.station]]\nnode = \"a\"\nrate = \"20 Mbit/s\"\n":                                           "its stations have several rates",
		"[[link]]\nnodes = [\"a\", \"b\"]\nrate = \"1 Mbit/s\"\nlatency = \"1 ms\"\n[[link]]\nnodes = [\"b\", \"c\"]\nrate = \"2 Mbit/s\"\nlatency = \"1 ms\"\n": "do not go over one switch",
	} {
		nodes := "runtime = \"onnxruntime/fp32\"\n"
		for _, n := range []string{"a", "b", "c"} {
			nodes += "[[node]]\nname = \"" + n + "\"\nboard = \"emulated-8\"\n"
		}
		p, err := devices.ParsePlatform("p.toml", []byte(nodes+text), "")
		require.NoError(t, err)
		_, err = wiringOf(p)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "use --net shaped")
	}
	p, err := devices.Open("board:emulated-8")
	require.NoError(t, err)
	w, err := wiringOf(p)
	require.NoError(t, err)
	require.Len(t, w.address, 1)
}
