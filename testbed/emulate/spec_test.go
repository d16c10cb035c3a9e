package emulate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/devices"
)

func TestSpecsOfTheProgram(t *testing.T) {
	require.Equal(t, []string{"emulated-3", "emulated-4", "emulated-wlan"}, SpecNames())
	for _, name := range SpecNames() {
		s, err := OpenSpec(name)
		require.NoError(t, err)
		require.Less(t, s.Need(), coreShare, "%s fits on one core", name)
		p, err := s.Place(Machine{Cores: [][]int{{0}, {1}}})
		require.NoError(t, err)
		require.Equal(t, []int{0}, p.Network)
		for j := range s.Nodes {
			require.Len(t, s.Nodes[j].Clusters, len(s.Platform.Nodes[j].Clusters))
			for k := range s.Nodes[j].Clusters {
				require.Equal(t, []int{1}, p.CPUs[j][k])
			}
		}
	}
}

// The figures of every cluster of an emulated board are one and the same machine's, times the slowdown that specs give the cluster.
func TestBoardsHaveTheSlowdownsOfTheSpecs(t *testing.T) {
	host := map[string]float64{} // seconds by network
	measured := 0
	for board, clusters := range boardSlowdowns(t) {
		for _, r := range measuredRows(t, board) {
			latency := r.seconds / clusters[r.cluster]
			if known, ok := host[r.model]; ok {
				require.InEpsilon(t, known, latency, 1e-3, "%s %s %s", board, r.cluster, r.model)
			}
			host[r.model] = latency
			measured++
		}
	}
	require.GreaterOrEqual(t, measured, 8*6)
}

type row struct {
	cluster, model string
	seconds        float64
}

func measuredRows(t *testing.T, board string) (rows []row) {
	data, err := os.ReadFile(filepath.Join(boardsFolder, board+".toml"))
	require.NoError(t, err)
	_, err = devices.LoadBoard(board)
	require.NoError(t, err)
	for _, section := range strings.Split(string(data), "[[measured]]")[1:] {
		var cluster string
		for _, line := range strings.Split(section, "\n") {
			r := row{cluster: cluster}
			if n, _ := fmt.Sscanf(line, "cluster = %q", &cluster); n == 1 {
				continue
			}
			if n, _ := fmt.Sscanf(line, "  { model = %q, latency = \"%f ms\" }", &r.model, &r.seconds); n == 2 {
				r.seconds /= 1e3
				rows = append(rows, r)
			}
		}
	}
	require.NotEmpty(t, rows, board)
	return rows
}

func specText(t testing.TB, name string) string {
	data, err := specFiles.ReadFile("specs/" + name + ".toml")
	require.NoError(t, err)
	return string(data)
}

func TestSpecFaults(t *testing.T) {
	text := specText(t, "emulated-4")
	for _, c := range []struct{ old, new, want string }{
		{`platform = "emulated-4"`, `platform = "emulated-44"`, `s.toml:2: platform: no platform "emulated-44" (did you mean "emulated-4"?)`},
		{`platform = "emulated-4"`, `platform = "emulated-3"`, `node[3].name: "board-4" is not a node of emulated-3`},
		{`platform = "emulated-4"`, ``, `platform: is missing`},
		{`platform = "emulated-4"`, `platform = "nowhere.toml"`, `nowhere.toml`},
		{`platform = "emulated-4"`, "platform = \"emulated-4\"\npin = \"last\"", `s.toml:3: pin: no way of pinning "last"`},
		{`name = "board-4"`, `name = "board-3"`, `board-3 is there already`},
		{`name = "board-4"`, `name = "board-5"`, `did you mean "board-`},
		{"[[node]]\nname = \"board-4\"\ncluster.cpu.slowdown = 12", "", `board-4 of platform emulated-4 is missing`},
		{`cluster.cpu.slowdown = 12`, ``, `cluster: is missing`},
		{`cluster.cpu.slowdown = 12`, `cluster.gpu.slowdown = 12`, `no such cluster on emulated-12`},
		{`cluster.cpu.slowdown = 12`, `cluster.gpu.slowdown = 12`, `cluster: cpu is missing`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu.threads = 1`, `slowdown: is missing`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu.slowdown = 0.5`, `this machine can be slowed down 1 to 1000 times`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu.slowdown = nan`, `slowdown`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu = { slowdown = 12, threads = 65 }`, `threads: is 65; write 1 to 64`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu = { slowdown = 12, cpus = [1, 1] }`, `cpus[1]: 1 is there already`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu = { slowdown = 12, cpus = [-1] }`, `a logical CPU is 0 to 1023`},
		{`cluster.cpu.slowdown = 12`, `cluster.cpu = { slowdown = 12, speed = 1 }`, `unknown key`},
	} {
		require.Contains(t, text, c.old)
		_, err := ParseSpec("s.toml", []byte(strings.Replace(text, c.old, c.new, 1)))
		require.ErrorContains(t, err, c.want, c.new)
	}
	_, err := OpenSpec("emulated-44")
	require.ErrorContains(t, err, `did you mean "emulated-4"?`)
	_, err = OpenSpec(filepath.Join(t.TempDir(), "none.toml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A user's spec may name a platform file beside it.
func TestSpecBesideItsPlatform(t *testing.T) {
	dir := t.TempDir()
	platform := "runtime = \"onnxruntime/fp32\"\n[[node]]\nname = \"a\"\nboard = \"emulated-8\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.toml"), []byte(platform), 0o600))
	spec := "platform = \"p.toml\"\n[[node]]\nname = \"a\"\ncluster.cpu = { slowdown = 2.5, cpus = [0] }\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s.toml"), []byte(spec), 0o600))
	s, err := OpenSpec(filepath.Join(dir, "s.toml"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "p.toml"), s.PlatformName)
	require.Equal(t, []NodeSpec{{Clusters: []ClusterSpec{{Slowdown: 2.5, Threads: 1, CPUs: []int{0}}}}}, s.Nodes)
}

func TestGroupHasTheSpeedOfItsMembers(t *testing.T) {
	text := strings.Replace(specText(t, "emulated-4"), "cluster.cpu.slowdown = 3.3\n", "", 1)
	s, err := ParseSpec("s.toml", []byte(text))
	require.NoError(t, err)
	require.InDelta(t, 1/(1/4.0+1/8.0), s.Nodes[0].Clusters[2].Slowdown, 1e-12)
}

func TestUnfaithfulSetsAreRefused(t *testing.T) {
	s, err := ParseSpec("s.toml", []byte(strings.NewReplacer("slowdown = 4", "slowdown = 1.5", "slowdown = 6", "slowdown = 2").Replace(specText(t, "emulated-4"))))
	require.NoError(t, err)
	_, err = s.Place(Machine{Cores: [][]int{{0}, {1}}})
	var unfaithful *UnfaithfulError
	require.ErrorAs(t, err, &unfaithful)
	require.InDelta(t, 1/1.5+1/8.0+1/2.0+1/12.0+1/8.0+1/12.0, unfaithful.Need, 1e-9)
	require.EqualError(t, err, "the boards of s cannot be emulated faithfully here: their clusters need 1.58 cores (the sum of threads/slowdown) "+
		"and may use 0.90 of the machine's 2, the rest is for the network; raise all slowdowns by a factor of 1.76, leave out boards, or use a machine with 3 cores")
	p, err := s.Place(Machine{Cores: [][]int{{0, 4}, {1, 5}, {2, 6}, {3, 7}}})
	require.NoError(t, err)
	require.Equal(t, []int{0, 4}, p.Network)
	require.Equal(t, []int{1}, p.CPUs[0][0], "the other thread of a core stays idle")

	four, err := OpenSpec("emulated-4")
	require.NoError(t, err)
	_, err = four.Place(Machine{Cores: [][]int{{0}}})
	require.ErrorContains(t, err, "may use 0.60 of the machine's 1")
}

func TestPins(t *testing.T) {
	s, err := OpenSpec("emulated-4")
	require.NoError(t, err)
	m := Machine{Cores: [][]int{{0}, {1}, {2}}}
	for pin, want := range map[Pin]struct{ cores, network string }{
		PinAuto: {"[[2]]", "[0 1]"}, PinOne: {"[[2]]", "[0 1]"}, PinSpread: {"[[1] [2]]", "[0]"}, PinAll: {"[[0] [1] [2]]", "[0 1 2]"}, PinNone: {"[]", "[0 1 2]"},
	} {
		s.Pin = pin
		p, err := s.Place(m)
		require.NoError(t, err, pin)
		require.Equal(t, want.cores, fmt.Sprint(p.Cores), pin)
		require.Equal(t, want.network, fmt.Sprint(p.Network), pin)
	}
	s.Pin = PinAuto
	s.Nodes[3].Clusters[0].CPUs = []int{7}
	_, err = s.Place(m)
	require.ErrorContains(t, err, "cluster cpu of board-4 is pinned to CPU 7; CPUs here are 0, 1, 2")
	s.Nodes[3].Clusters[0] = ClusterSpec{Slowdown: 100, Threads: 5}
	_, err = s.Place(m)
	require.ErrorContains(t, err, "computes with 5 threads and may use 2 cores")
	s.Nodes[3].Clusters[0] = ClusterSpec{Slowdown: 1.05, Threads: 1}
	_, err = s.Place(m)
	require.ErrorContains(t, err, "raise slowdowns, or pin otherwise")
}

// Whatever is placed keeps every core below its share, and the network has a core of its own unless the machine has only one.
func TestPlacementsAreFaithful(t *testing.T) {
	base, err := OpenSpec("emulated-4")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		s := *base
		s.Nodes = nil
		s.Pin = rapid.SampledFrom([]Pin{PinAuto, PinOne, PinSpread}).Draw(t, "pin")
		for j := range base.Nodes {
			var n NodeSpec
			for range base.Nodes[j].Clusters {
				n.Clusters = append(n.Clusters, ClusterSpec{Slowdown: rapid.Float64Range(1, 20).Draw(t, "slowdown"), Threads: rapid.IntRange(1, 2).Draw(t, "threads")})
			}
			s.Nodes = append(s.Nodes, n)
		}
		var m Machine
		for i := range rapid.IntRange(1, 6).Draw(t, "cores") {
			m.Cores = append(m.Cores, []int{i})
		}
		p, err := s.Place(m)
		if err != nil {
			require.ErrorAs(t, err, new(*UnfaithfulError))
			return
		}
		load := map[int]float64{}
		for j := range s.Nodes {
			for k := range s.Platform.Nodes[j].Physical {
				require.Len(t, p.CPUs[j][k], s.Nodes[j].Clusters[k].Threads)
				for _, cpu := range p.CPUs[j][k] {
					load[cpu] += 1 / s.Nodes[j].Clusters[k].Slowdown
				}
			}
		}
		for cpu, busy := range load {
			require.LessOrEqual(t, busy, coreShare+1e-6)
			if len(m.Cores) > 1 {
				require.NotContains(t, p.Network, cpu)
			}
		}
	})
}

func TestMachineGroupsSiblings(t *testing.T) {
	root := t.TempDir()
	for cpu, siblings := range []string{"0,2", "1,3", "0,2", "1,3"} {
		dir := filepath.Join(root, fmt.Sprintf("cpu%d", cpu), "topology")
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "thread_siblings_list"), []byte(siblings+"\n"), 0o600))
	}
	require.Equal(t, Machine{Cores: [][]int{{0, 2}, {1, 3}}}, machineAt(root, []int{0, 1, 2, 3}))
	require.Equal(t, Machine{Cores: [][]int{{1}, {2}}}, machineAt(root, []int{1, 2}))
	require.Equal(t, Machine{Cores: [][]int{{5}, {6}}}, machineAt(root, []int{5, 6}), "unknown ones are cores")
	require.NotEmpty(t, ThisMachine().CPUs())
}
