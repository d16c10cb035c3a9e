package devices

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryBoardAndPlatformOpens(t *testing.T) {
	for _, name := range BoardNames() {
		b, err := LoadBoard(name)
		require.NoError(t, err)
		for _, runtime := range b.Runtimes {
			for _, mode := range b.Modes {
				n, _, err := b.Node(Setting{Name: "n", Runtime: runtime, Mode: mode})
				require.NoError(t, err)
				checkNode(t, &n)
			}
		}
		p, err := Open("board:" + name)
		require.NoError(t, err)
		require.Len(t, p.Nodes, 1)
	}
	for _, name := range PlatformNames() {
		p, err := Open(name)
		require.NoError(t, err)
		require.Equal(t, name, p.Name)
		for u := range p.Nodes {
			checkNode(t, &p.Nodes[u])
			for v := range p.Nodes {
				require.True(t, p.Network.Connected(u, v))
			}
		}
	}
}

// checkNode checks what planners and the simulator rely on.
func checkNode(t *testing.T, n *Node) {
	t.Helper()
	require.NotEmpty(t, n.Clusters)
	all := uint32(1)<<n.Physical - 1
	require.Len(t, n.Keep, len(n.Clusters))
	require.Len(t, n.Crossings, len(n.Clusters))
	for k := range n.Clusters {
		c := &n.Clusters[k]
		require.Equal(t, k >= n.Physical, c.Group(), "%s %s", n.Name, c.Name)
		if k < n.Physical {
			require.EqualValues(t, 1<<k, c.Mask)
		}
		require.Zero(t, c.Mask&^all)
		require.Positive(t, c.Cores)
		require.Positive(t, c.ActivePower)
		for _, r := range c.Params.Rate {
			require.Positive(t, r)
		}
		require.Positive(t, c.Params.ActBandwidth)
		require.Positive(t, c.Params.WeightBandwidth)
		require.Positive(t, c.Params.ConvOverhead)
		require.Positive(t, c.Params.Fill)
		require.Len(t, n.Keep[k], n.Physical)
		for _, keep := range n.Keep[k] {
			require.True(t, keep > 0 && keep <= 1)
		}
		require.Len(t, n.Crossings[k], len(n.Clusters))
	}
	require.Contains(t, []int{n.CPUCluster, n.DefaultCluster}, n.DefaultCluster)
	require.Equal(t, n.Clusters[n.DefaultCluster].Kind == CPU, n.CPUCluster == n.DefaultCluster || n.Clusters[n.CPUCluster].Kind == GPU)
	require.Positive(t, n.Memory)
	require.Positive(t, n.IdlePower)
}
