package devices

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

func parse(t *testing.T, text string) (*Platform, error) {
	t.Helper()
	return ParsePlatform("my.toml", []byte(text), t.TempDir())
}

const twoNodes = `runtime = "tensorflow/fp32"
[[node]]
name = "a"
board = "jetson-tx2"
[[node]]
name = "b"
board = "jetson-nano"
`

const radio = `[medium]
rate = { value = "80 Mbit/s", assumption = "x" }
latency = { value = "2 ms", assumption = "y" }
`

func TestAllFaultsAtOnceWithLines(t *testing.T) {
	_, err := parse(t, `runtime = "tensorflow/fp32"
leader = "c"
measured = "recale"
colour = "red"
[[node]]
name = "a"
board = "jetson-tx3"
[[node]]
name = "a"
board = "jetson-nano"
runtime = "tensorflow/fp33"
[[node]]
name = "d"
board = "raspberry-pi-5"
mode = "1500mh"
[medium]
rate = { value = "80", assumption = "x" }
latency = { value = "-2 ms" }
[[medium.station]]
node = "e"
rate = { value = "8 Mbit/s", assumption = "x", source = "y" }
`)
	require.Error(t, err)
	for _, want := range []string{
		`my.toml:2: leader: no node "c"`,
		`my.toml:3: measured: no policy "recale" (did you mean "rescale"?)`,
		`my.toml:4: colour: `,
		`my.toml:7: node[0].board: no board "jetson-tx3" (did you mean "jetson-tx2"?)`,
		`my.toml:9: node[1].name: "a" is taken`,
		`my.toml:11: node[1].runtime: board jetson-nano has no runtime "tensorflow/fp33" (did you mean "tensorflow/fp32"?)`,
		`my.toml:15: node[2].mode: no mode of raspberry-pi-5 "1500mh" (did you mean "1500mhz"?)`,
		`my.toml:17: medium.rate.value: "80" needs a unit`,
		`my.toml:18: medium.latency.value: "-2 ms" is negative`,
		`my.toml:20: medium.station[0].node: no node "e"`,
		`my.toml:21: medium.station[0].rate: needs either source`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestSingleFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                            `needs`,
		twoNodes:                      "has 0 kinds of network",
		"node = []\n" + radio:         "node: is empty",
		twoNodes + radio + "[switch]": "has 2 kinds of network",
		twoNodes + `[[link]]
nodes = ["a", "a"]
rate = { value = "1 Mbit/s", assumption = "x" }
latency = { value = "2 h", assumption = "y" }
`: "joins \"a\" to itself",
		twoNodes + strings.Replace(radio, "80 M", "0 M", 1):              "must be at least",
		strings.Replace(twoNodes, "runtime", "#", 1) + radio:             "names no runtime",
		"base = \"paper-wlan\"\nkeep = [\"jetson-tx2\", \"jetson-tx2\"]": "keep: platform paper-wlan: node \"jetson-tx2\" is listed twice",
		"base = \"paper-wlam\"":                                          `did you mean "paper-wlan"?`,
		"base = \"paper-wlan-2\"":                                        `no platform without a base "paper-wlan-2"`,
		"base = \"paper-wlan\"\n" + radio:                                "medium: does not go with base",
		"base = \"paper-wlan\"\nruntime = \"x\"":                         `runtime: board jetson-tx2 has no runtime "x"`,
		twoNodes + radio + "[[medium.station]]\nnode = \"a\"\nrate = { value = \"90 Mbit/s\", source = \"x\" }": "more than the medium's",
	} {
		_, err := parse(t, text)
		if text == "" {
			want = "node: is empty"
		}
		require.ErrorContains(t, err, want, text)
	}
	_, err := Open("paper-wlam")
	require.ErrorContains(t, err, `no platform "paper-wlam" (did you mean "paper-wlan"?)`)
	_, err = Open("board:jetson-tx")
	require.ErrorContains(t, err, `did you mean "jetson-tx2"?`)
	_, err = Open("board:jetson-tx2@tensorflow/fp3")
	require.ErrorContains(t, err, `did you mean "tensorflow/fp32"?`)
	_, err = Open("nowhere.toml")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOwnBoardBesideThePlatform(t *testing.T) {
	dir := t.TempDir()
	board, err := boardFiles.ReadFile("boards/raspberry-pi-5.toml")
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(board), "# Fitted")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.toml"), []byte(head), 0o644))
	path := filepath.Join(dir, "two.toml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(twoNodes, `"jetson-nano"`, `"./mine.toml"`, 1)+radio), 0o644))
	p, err := Open(path)
	require.NoError(t, err)
	require.Equal(t, "two", p.Name)
	require.Equal(t, "mine", p.Nodes[1].Board)

	lone, err := Open("board:raspberry-pi-5")
	require.NoError(t, err)
	require.Equal(t, lone.Nodes[0].Clusters, p.Nodes[1].Clusters, "a board without stored parameters is fitted when it is loaded")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.toml"), []byte(strings.Replace(head, `cores = 4`, `cores = 0`, 1)), 0o644))
	_, err = Open(path)
	require.ErrorContains(t, err, "node[1].board: "+filepath.Join(dir, "mine.toml")+":")
	require.ErrorContains(t, err, "cores: is 0")
}

func TestMediumPaths(t *testing.T) {
	p, err := parse(t, twoNodes+radio)
	require.NoError(t, err)
	require.Equal(t, 10e6, p.Network.Goodput(0, 1))
	require.True(t, p.Network.Resources[0].Medium)

	twice, err := parse(t, twoNodes+radio+"via_ap = true\n")
	require.NoError(t, err)
	require.Equal(t, 5e6, twice.Network.Goodput(0, 1))

	slow, err := parse(t, twoNodes+radio+"via_ap = true\n[[medium.station]]\nnode = \"b\"\nrate = { value = \"20 Mbit/s\", assumption = \"z\" }\n")
	require.NoError(t, err)
	require.Equal(t, 2e6, slow.Network.Goodput(0, 1)) // 1/80 + 1/20 of a Mbit's airtime each
	require.Contains(t, slow.Assumptions, "network: rate of b: z")
	faster, err := slow.WithRate(160e6)
	require.NoError(t, err)
	require.Equal(t, 4e6, faster.Network.Goodput(0, 1))
	require.Equal(t, 2e6, slow.Network.Goodput(0, 1), "platforms are immutable")
}

func TestLinksRouteOverFewestHops(t *testing.T) {
	link := func(a, b, rate string) string {
		return "[[link]]\nnodes = [\"" + a + "\", \"" + b + "\"]\nrate = { value = \"" + rate + "\", source = \"x\" }\nlatency = { value = \"1 ms\", source = \"x\" }\n"
	}
	p, err := parse(t, twoNodes+"[[node]]\nname = \"c\"\nboard = \"jetson-nano\"\n[[node]]\nname = \"d\"\nboard = \"jetson-nano\"\n"+
		link("a", "b", "80 Mbit/s")+link("b", "c", "8 Mbit/s"))
	require.NoError(t, err)
	require.Equal(t, 1e6, p.Network.Goodput(0, 2))
	require.Equal(t, 2*time.Millisecond, p.Network.Paths[0][2].Latency)
	require.Len(t, p.Network.Paths[2][0].Hops, 2)
	require.NotEqual(t, p.Network.Paths[2][0].Hops, p.Network.Paths[0][2].Hops, "directions are separate")
	require.False(t, p.Network.Connected(0, 3))
	require.True(t, p.Network.Connected(3, 3))
}

func TestModifiersLeaveTheOriginalAlone(t *testing.T) {
	p := testPlatform(t)
	led, err := p.WithLeader("jetson-nano")
	require.NoError(t, err)
	require.Equal(t, 2, led.Leader)
	require.Equal(t, 0, p.Leader)
	_, err = p.WithLeader("jetson-nan")
	require.ErrorContains(t, err, `did you mean "jetson-nano"?`)
	for _, rate := range []float64{0, -1} {
		_, err = p.WithRate(rate)
		require.ErrorContains(t, err, "must be positive")
	}

	two, err := led.Subset("raspberry-pi-5", "jetson-nano")
	require.NoError(t, err)
	require.Equal(t, []string{"raspberry-pi-5", "jetson-nano"}, two.NodeNames())
	require.Equal(t, 1, two.Leader)
	require.Len(t, two.Network.Paths, 2)

	rt, err := two.WithRuntime("pytorch/fp32")
	require.NoError(t, err)
	require.Equal(t, []string{"raspberry-pi-5", "jetson-nano"}, rt.NodeNames())
	require.Equal(t, 1, rt.Leader)
	require.Equal(t, "pytorch/fp32", rt.Nodes[0].Runtime)
	require.Equal(t, "tensorflow/fp32", two.Nodes[0].Runtime)
	_, err = p.WithRuntime("tensorrt/fp16")
	require.ErrorContains(t, err, "board raspberry-pi-5 has no runtime")
	_, err = (&Platform{Name: "made", Nodes: make([]Node, 1)}).WithRuntime("ncnn")
	require.ErrorContains(t, err, "not made from board files")

	bare, err := p.WithoutRescale()
	require.NoError(t, err)
	require.Empty(t, bare.Nodes[0].Clusters[2].Rescale)
	require.NotEmpty(t, p.Nodes[0].Clusters[2].Rescale)
}

func TestPerturbedIsReproducibleAndIndependentOfOtherNodes(t *testing.T) {
	p := testPlatform(t)
	a, b := p.Perturbed(0.2, 7), p.Perturbed(0.2, 7)
	require.Equal(t, a.Nodes, b.Nodes)
	require.NotEqual(t, a.Nodes, p.Perturbed(0.2, 8).Nodes)
	require.Equal(t, p.Nodes, p.Perturbed(0, 7).Nodes)
	two, err := p.Subset("jetson-nano", "jetson-tx2")
	require.NoError(t, err)
	require.Equal(t, a.Nodes[2], two.Perturbed(0.2, 7).Nodes[0])
	for _, c := range workloads.Classes() {
		require.NotEqual(t, p.Nodes[0].Clusters[0].Params.Rate[c], a.Nodes[0].Clusters[0].Params.Rate[c])
	}
}

func TestRuntimesChooseAndFallBack(t *testing.T) {
	p, err := Open("paper-optimized")
	require.NoError(t, err)
	require.Equal(t, "tensorrt/fp16+ncnn", p.Nodes[0].Runtime)
	lone, err := Open("board:jetson-tx2@tensorrt/fp16")
	require.NoError(t, err)
	require.Equal(t, p.Nodes[0].Clusters, lone.Nodes[0].Clusters, "CPU cores fall back to ncnn")
	require.Contains(t, lone.Assumptions, "jetson-tx2: tensorrt/fp16 does not run on CPUs; CPU cores run ncnn beside it")

	cpuOnly, err := Open("board:jetson-agx-orin@tflite/fp32")
	require.NoError(t, err)
	require.Len(t, cpuOnly.Nodes[0].Clusters, 1, "the GPU does not run TFLite")
	require.Zero(t, cpuOnly.Nodes[0].DefaultCluster)
}

func TestModesScaleByClocks(t *testing.T) {
	b, err := LoadBoard("jetson-tx2")
	require.NoError(t, err)
	full, _, err := b.Node(Setting{Name: "n", Runtime: DefaultRuntime})
	require.NoError(t, err)
	quiet, assumed, err := b.Node(Setting{Name: "n", Runtime: DefaultRuntime, Mode: "max-q"})
	require.NoError(t, err)
	require.Len(t, quiet.Clusters, 2, "Denver cores are off, and a group of one cluster is none")
	require.Equal(t, "a57", quiet.Clusters[0].Name)
	require.Zero(t, quiet.CPUCluster)
	a57, _ := full.Cluster("a57")
	require.InEpsilon(t, 1200/2035.2, quiet.Clusters[0].Params.Rate[0]/full.Clusters[a57].Params.Rate[0], 1e-9)
	require.Less(t, quiet.Clusters[0].ActivePower, full.Clusters[a57].ActivePower)
	require.InEpsilon(t, 850/1300.5, quiet.Clusters[1].Params.ActBandwidth/full.Clusters[full.DefaultCluster].Params.ActBandwidth, 1e-9)
	require.Greater(t, quiet.Clusters[1].Params.ConvOverhead, full.Clusters[full.DefaultCluster].Params.ConvOverhead)
	require.Contains(t, assumed, "jetson-tx2: power mode max-q: parameters scaled by clocks, not measured")

	one, _, err := b.Node(Setting{Name: "n", Runtime: DefaultRuntime, Mode: "max-p-denver"})
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 2, 2}, []int{one.Clusters[0].Cores, one.Clusters[1].Cores, one.Clusters[2].Cores, one.Clusters[3].Cores})

	// Orin Nano: GPU STREAM of 95 GB/s at 1020 MHz after 63.4 at 612 MHz.
	nano, err := LoadBoard("jetson-orin-nano")
	require.NoError(t, err)
	require.InDelta(t, 95/63.4, nano.scale(nano.cluster("gpu"), nano.modeIndex("maxn-super")).bandwidth, 0.01)
}

func TestNumbersOfAPlatformMayStandAlone(t *testing.T) {
	p, err := ParsePlatform("p.toml", []byte("runtime = \"ncnn\"\n[[node]]\nname = \"a\"\nboard = \"jetson-nano\"\n[[node]]\nname = \"b\"\nboard = \"raspberry-pi-5\"\n"+
		"[switch]\nrate = \"940 Mbit/s\"\nlatency = \"0.3 ms\"\n"), "")
	require.NoError(t, err)
	require.Contains(t, p.Assumptions, "network: rate: as the platform file says")
	_, err = ParsePlatform("p.toml", []byte("runtime = \"ncnn\"\n[[node]]\nname = \"a\"\nboard = \"jetson-nano\"\n[medium]\nrate = \"-80 Mbit/s\"\nlatency = 3\n"), "")
	require.ErrorContains(t, err, "p.toml:6: medium.rate")
	require.ErrorContains(t, err, "p.toml:7: medium.latency")
	require.ErrorContains(t, err, "needs a unit")
}
