package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// What planning may take, for each strategy (docs/limits.md). The time is that of the processor, three times the limit because the
// machines that run tests differ.
const (
	mostPlanningTime  = 3 * 10 * time.Second
	mostPlanningBytes = 500 << 20 // allocated in all, which is more than is held at one time
)

// diamonds is a chain of n blocks of two convolutions side by side and their sum.
func diamonds(t *testing.T, n int) *workloads.Graph {
	b := workloads.NewBuilder("diamonds", workloads.Shape{C: 4, H: 32, W: 32})
	conv := workloads.Conv{Out: 4, Window: workloads.Square(3, 1, 1)}
	for i := range n {
		at := b.Last()
		left, right := b.Conv(fmt.Sprint("left", i), at, conv), b.Conv(fmt.Sprint("right", i), at, conv)
		b.Add(workloads.Layer{Name: fmt.Sprint("sum", i), Op: workloads.OpAdd, Inputs: []int{left, right}, Out: b.Shape(left),
			Class: workloads.ClassElementwise, FLOPs: b.Shape(left).Elements()})
	}
	g, err := b.Build()
	require.NoError(t, err)
	return g
}

// table is a layer table of n layers.
func table(t *testing.T, n int) *workloads.Graph {
	var text strings.Builder
	text.WriteString("name = \"deep\"\ninput_bytes = \"588 kB\"\n")
	for i := range n {
		fmt.Fprintf(&text, "[[layer]]\nname = \"l%d\"\nclass = \"conv1x1\"\nflops = %d\nactivation_bytes = \"%d kB\"\n", i, 1_000_000+i*7919%900_000, 10+i*104_729%90)
	}
	g, err := workloads.ReadTable("deep.toml", []byte(text.String()))
	require.NoError(t, err)
	return g
}

// crowd is a platform of n nodes of five kinds on one medium.
func crowd(t *testing.T, n int) *devices.Platform {
	boards := []string{"jetson-tx2", "jetson-orin-nx-8gb", "jetson-nano", "raspberry-pi-5", "raspberry-pi-4b"}
	var text strings.Builder
	text.WriteString("title = \"A crowd\"\nruntime = \"tensorflow/fp32\"\nleader = \"node0\"\n")
	for i := range n {
		fmt.Fprintf(&text, "[[node]]\nname = \"node%d\"\nboard = %q\n", i, boards[i%len(boards)])
	}
	text.WriteString("[medium]\nrate = { value = \"80 Mbit/s\", assumption = \"a test\" }\nlatency = { value = \"3 ms\", assumption = \"a test\" }\n")
	file := filepath.Join(t.TempDir(), "crowd.toml")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	p, err := devices.Open(file)
	require.NoError(t, err)
	return p
}

// processor returns the time that the processor has worked for this process.
func processor(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Every strategy plans for the largest networks and platforms within the limits, or says at once why it does not.
func TestPlanningIsBounded(t *testing.T) {
	board, err := devices.Open("paper-wlan")
	require.NoError(t, err)
	small, err := zoo.Get("squeezenet1_1")
	require.NoError(t, err)
	for _, c := range []struct {
		name     string
		graph    *workloads.Graph
		platform *devices.Platform
		coarse   bool
	}{
		{"16200 layers", diamonds(t, 5400), board, true},
		{"a table of 10000 layers", table(t, 10_000), board, true},
		{"256 nodes", small, crowd(t, 256), false},
	} {
		for _, e := range Entries() {
			t.Run(c.name+"/"+e.Name, func(t *testing.T) { planWithinBounds(t, e, c.graph, c.platform, c.coarse) })
		}
	}
}

func planWithinBounds(t *testing.T, e strategies.Entry, g *workloads.Graph, platform *devices.Platform, coarse bool) {
	s, err := e.New(nil)
	require.NoError(t, err)
	belief := plan.NewBelief(platform)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processor(t)
	p, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: platform.Leader}, belief)
	if err == nil {
		plan.Forecast(p, g, belief)
		_, err = plan.Encode(p, g, platform)
		require.NoError(t, err)
	} else {
		require.ErrorAs(t, err, new(*plan.InfeasibleError))
		require.ErrorContains(t, err, "steps, which is the most that a plan holds")
	}
	took := processor(t) - start
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%v, %d MB allocated, error %v", took, allocated>>20, err)
	require.Less(t, took, mostPlanningTime)
	require.Less(t, allocated, uint64(mostPlanningBytes))
	if err == nil && (strings.HasPrefix(e.Name, "hidp") || e.Name == "opt-chain") {
		require.Len(t, p.Warnings, 1)
		want := "narrow plan: " + e.Name + " looked at the 32 most promising of 256 nodes"
		if coarse {
			want = "merged to 128 before the search"
		}
		require.Contains(t, p.Warnings[0], want)
	}
}

// Networks of the zoo are planned for as they are.
func TestNoWarningForTheZoo(t *testing.T) {
	for _, e := range zoo.Entries() {
		g, err := e.Build()
		require.NoError(t, err)
		blocks, warning := strategies.SearchBlocks(g, strategies.MostBlocks)
		require.Equal(t, g.Blocks(), blocks)
		require.Empty(t, warning)
	}
}
