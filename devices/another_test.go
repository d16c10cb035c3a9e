package devices

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One more board stands where its twin stands: it reaches others as the twin does, over ports of its own or the same medium, and
// what the others had stays what it was.
func TestWithAnotherBoard(t *testing.T) {
	for _, name := range []string{"paper-wlan", "paper-gbe", "orin-cluster", "emulated-wlan"} {
		p, err := Open(name)
		require.NoError(t, err)
		for u := range p.Nodes {
			c, err := p.WithAnother(p.Nodes[u].Name)
			require.NoError(t, err)
			n := len(p.Nodes)
			require.NoError(t, c.consistent())
			require.Len(t, c.Nodes, n+1)
			require.Equal(t, p.Leader, c.Leader)
			require.Equal(t, p.Nodes[u].Clusters, c.Nodes[n].Clusters)
			require.NotContains(t, p.NodeNames(), c.Nodes[n].Name)
			for v := range n {
				if v == u {
					continue
				}
				require.Equal(t, p.Network.Paths[u][v], c.Network.Paths[u][v])
				require.Equal(t, p.Transfer(u, v, 1e6), c.Transfer(n, v, 1e6))
				require.Equal(t, p.Transfer(v, u, 1e6), c.Transfer(v, n, 1e6))
			}
			require.Equal(t, c.Transfer(u, n, 1e6), c.Transfer(n, u, 1e6))
			for _, r := range c.Network.Paths[u][n].Hops {
				if !c.Network.Resources[r.Resource].Medium {
					require.NotEqual(t, c.Network.Paths[n][u].Hops[0].Resource, r.Resource, "ports are full duplex")
				}
			}
			runtime, err := c.WithRuntime(p.Nodes[u].Runtime)
			require.NoError(t, err)
			require.Equal(t, c.NodeNames(), runtime.NodeNames())
		}
	}
	pair, err := Open("rk3588-pair")
	require.NoError(t, err)
	_, err = pair.WithAnother("rk3588-a")
	require.ErrorContains(t, err, "nothing says how another board like rk3588-a is attached", "a link joins two boards")
	lone, err := Open("board:jetson-tx2")
	require.NoError(t, err)
	_, err = lone.WithAnother(lone.Nodes[0].Name)
	require.ErrorContains(t, err, "nothing says how another board")
	_, err = lone.WithAnother("nobody")
	require.ErrorContains(t, err, `no node "nobody"`)
}
