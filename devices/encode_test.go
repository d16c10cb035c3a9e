package devices

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every platform of the catalogue survives being written to JSON and read again.
func TestPlatformJSONRoundTrip(t *testing.T) {
	for _, name := range PlatformNames() {
		p, err := Open(name)
		require.NoError(t, err)
		data, err := json.Marshal(p)
		require.NoError(t, err)
		back, err := ParsePlatformJSON(data)
		require.NoError(t, err, name)
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		require.Equal(t, p.Nodes, back.Nodes)
		require.Equal(t, p.Network, back.Network)
	}
}

// What is broken in a platform is found before anybody indexes with it.
func TestParsePlatformJSONRefuses(t *testing.T) {
	for what, breakIt := range map[string]func(*Platform){
		"no nodes":     func(p *Platform) { p.Nodes = nil },
		"leader":       func(p *Platform) { p.Leader = 9 },
		"same names":   func(p *Platform) { p.Nodes[1].Name = p.Nodes[0].Name },
		"paths":        func(p *Platform) { p.Network.Paths = p.Network.Paths[:1] },
		"ragged paths": func(p *Platform) { p.Network.Paths[0] = nil },
		"no resource":  func(p *Platform) { p.Network.Paths[0][1].Hops[0].Resource = 99 },
		"latency":      func(p *Platform) { p.Network.Paths[0][1].Latency = -1 },
		"capacity":     func(p *Platform) { p.Network.Resources[0].Capacity = 0 },
		"physical":     func(p *Platform) { p.Nodes[0].Physical = 0 },
		"mask":         func(p *Platform) { p.Nodes[0].Clusters[0].Mask = 1 << 20 },
		"default":      func(p *Platform) { p.Nodes[0].DefaultCluster = -1 },
		"crossings":    func(p *Platform) { p.Nodes[0].Crossings = nil },
		"keep":         func(p *Platform) { p.Nodes[0].Keep[0][0] = 0 },
		"message":      func(p *Platform) { p.Nodes[0].Message = -1 },
	} {
		p, err := Open("paper-wlan")
		require.NoError(t, err)
		data, err := json.Marshal(p)
		require.NoError(t, err)
		p, err = ParsePlatformJSON(data)
		require.NoError(t, err)
		breakIt(p)
		data, err = json.Marshal(p)
		require.NoError(t, err)
		_, err = ParsePlatformJSON(data)
		require.Error(t, err, what)
	}
	_, err := ParsePlatformJSON([]byte(`{"Nodes":[],"Color":1}`))
	require.ErrorContains(t, err, "Color")
}
