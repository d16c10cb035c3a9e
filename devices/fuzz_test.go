package devices

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzBoard: whatever a board file says, it is refused with an error or gives nodes that satisfy checkNode.
func FuzzBoard(f *testing.F) {
	for _, name := range []string{"jetson-tx2", "raspberry-pi-5", "rk3588"} {
		f.Add([]byte(boardText(f, name)))
		f.Add([]byte(head(boardText(f, name))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBoard("fuzz.toml", data)
		if err != nil {
			return
		}
		for _, runtime := range b.Runtimes {
			for _, mode := range b.Modes {
				n, _, err := b.Node(Setting{Name: "n", Runtime: runtime, Mode: mode})
				if err == nil {
					require.NotEmpty(t, n.Clusters)
					require.Less(t, n.DefaultCluster, len(n.Clusters))
					require.GreaterOrEqual(t, n.DefaultCluster, 0)
					require.GreaterOrEqual(t, n.CPUCluster, 0)
				}
			}
		}
	})
}

// FuzzPlatform: whatever a platform file says, it is refused with an error or gives a platform with paths between all nodes.
func FuzzPlatform(f *testing.F) {
	for _, name := range PlatformNames() {
		data, err := platformFiles.ReadFile("platforms/" + name + ".toml")
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(twoNodes + radio))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePlatform("fuzz.toml", data, dir)
		if err != nil {
			return
		}
		require.NotEmpty(t, p.Nodes)
		require.Less(t, p.Leader, len(p.Nodes))
		require.Len(t, p.Network.Paths, len(p.Nodes))
		for u := range p.Nodes {
			require.Len(t, p.Network.Paths[u], len(p.Nodes))
			for v := range p.Nodes {
				if u != v && p.Network.Connected(u, v) {
					require.Positive(t, p.Network.Goodput(u, v))
					require.Positive(t, p.Transfer(u, v, 1<<30))
				}
			}
		}
	})
}
