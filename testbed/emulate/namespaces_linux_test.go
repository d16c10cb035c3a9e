package emulate

import (
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
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
	err = makeNamespaces(names, w)
	if os.IsPermission(err) {
		parts.Need(t, parts.Namespaces, err)
	}
	require.NoError(t, err)
	return names, w
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
	deadline := time.Now().Add(10 * time.Second)
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

// nearly measures until the result is within a share of what is wanted; other load of the machine may spoil some.
func nearly(t *testing.T, want, share float64, measure func() float64) {
	got := 0.0
	for range 12 {
		got = measure()
		t.Logf("%.1f of %.1f Mbit/s", got*8e-6, want*8e-6)
		if math.Abs(got-want) <= share*want {
			return
		}
	}
	require.InEpsilon(t, want, got, share)
}

// A board's link carries the platform's rate, in both directions; several senders share the receiver's link.
func TestSwitchedGoodput(t *testing.T) {
	p, err := devices.Open("emulated-3")
	require.NoError(t, err)
	names, w := lab(t, p)
	rate := p.Network.Goodput(0, 1)
	raised(t)
	nearly(t, rate, 0.03, func() float64 { return goodput(t, names[0], names[1], w.address[1], 30<<20) })
	var all sync.WaitGroup
	share := make([]float64, 2)
	for i := range share {
		all.Go(func() { share[i] = goodput(t, names[i], names[2], w.address[2], 12<<20) })
	}
	all.Wait()
	t.Logf("two senders: %.1f and %.1f Mbit/s", share[0]*8e-6, share[1]*8e-6)
	require.Less(t, min(share[0], share[1]), rate*0.75)
}

// All stations together have the medium's rate.
func TestMediumGoodput(t *testing.T) {
	p, err := devices.Open("emulated-wlan")
	require.NoError(t, err)
	names, w := lab(t, p)
	rate := p.Network.Goodput(0, 1)
	raised(t)
	nearly(t, rate, 0.03, func() float64 { return goodput(t, names[0], names[1], w.address[1], 6<<20) })
	nearly(t, rate, 0.06, func() float64 {
		var all sync.WaitGroup
		start := time.Now()
		for i := range 2 { // disjoint pairs
			all.Go(func() { goodput(t, names[i], names[2+i], w.address[2+i], 4<<20) })
		}
		all.Wait()
		return float64(2*(skipped+4<<20)) / time.Since(start).Seconds()
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
