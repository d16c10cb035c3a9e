package controller

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/testbed/wire"
)

const whole = `platform = "paper-wlan-3"
tls = "certs"
[network]
kind = "shaped"
clocks = "clocks"
seed = 7
checksum = true
[[agent]]
node = "jetson-tx2"
address = "unix:a.sock"
data = "127.0.0.1:0"
[[agent.cluster]]
name = "gpu"
slowdown = 3.5
threads = 2
cpus = [0, 1]
provider = "cuda"
device = 1
[[agent]]
node = "jetson-nano"
address = "localhost:7001"
`

// A roster says what its file says, and what it encodes to reads back as itself.
func TestRosterRoundTrip(t *testing.T) {
	dir := t.TempDir()
	ca, err := wire.OpenAuthority(filepath.Join(dir, "certs"))
	require.NoError(t, err)
	require.NoError(t, ca.Issue(Name))
	path := filepath.Join(dir, "agents.toml")
	require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
	r, err := OpenRoster(path)
	require.NoError(t, err)
	require.Equal(t, Network{Kind: Shaped, Clocks: "clocks", Seed: 7, Checksum: true}, r.Network)
	require.Equal(t, Entry{Node: "jetson-tx2", Address: "unix:a.sock", Data: "127.0.0.1:0", Clusters: []Cluster{
		{Name: "gpu", Slowdown: 3.5, Threads: 2, CPUs: []int{0, 1}, Provider: "cuda", Device: 1}}}, r.Agents[0])
	network, address := r.target(&r.Agents[0])
	require.Equal(t, []string{"unix", filepath.Join(dir, "a.sock")}, []string{network, address})
	require.Equal(t, "localhost:0", r.Agents[1].data())

	back, err := ParseRoster("again", r.Encode(), dir)
	require.NoError(t, err)
	require.Equal(t, r, back)
	specs := r.Agents[0].clusters(&r.World().Nodes[0])
	require.Len(t, specs, len(r.World().Nodes[0].Clusters), "the agent hears of all clusters")
}

// A platform may come as the JSON of its numbers.
func TestRosterPlatformJSON(t *testing.T) {
	dir := t.TempDir()
	p, err := devices.Open("rk3588-pair")
	require.NoError(t, err)
	data, err := json.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.json"), data, 0o600))
	r, err := ParseRoster("x", []byte("platform = \"p.json\"\n[[agent]]\nnode = \""+p.Nodes[0].Name+"\"\naddress = \"unix:x\"\n"), dir)
	require.NoError(t, err)
	require.Equal(t, p.NodeNames(), r.World().NodeNames())
	require.Equal(t, Real, r.Network.Kind)
}

// All faults of a file are told at once, each with its line and what would be right.
func TestRosterFaults(t *testing.T) {
	_, err := ParseRoster("a.toml", []byte(`platform = "paper-wlan-3"
colour = 1
tls = "nowhere"
[network]
kind = "shaped"
seed = -1
[[agent]]
node = "jetson-tx"
address = "unix:a"
[[agent]]
node = "jetson-nano"
address = "unix:a"
[[agent]]
node = "jetson-nano"
address = "10.0.0.1:99999"
data = "here"
[[agent]]
node = "jetson-tx2"
address = "10.0.0.2:7000"
[[agent.cluster]]
name = "gpuu"
slowdown = 0.5
threads = -1
cpus = [0, 0]
provider = "cudda"
device = 2
`), t.TempDir())
	require.Error(t, err)
	for _, want := range []string{
		`a.toml:2: colour`, `a.toml:3: tls`, `a.toml:6: network.seed`, `a.toml:4: network.clocks: is missing`,
		`a.toml:8: agent[0].node: "jetson-tx" is no node of platform paper-wlan-3 (did you mean "jetson-tx2"?)`,
		`a.toml:12: agent[1].address: "unix:a" is the agent of jetson-tx already`,
		`a.toml:14: agent[2].node: "jetson-nano" has an agent already, at unix:a`, `a.toml:15: agent[2].address: "10.0.0.1:99999" is neither`,
		`a.toml:16: agent[2].data`, `a.toml:5: network.kind: shaped networks are emulated on one machine, and jetson-tx2 at 10.0.0.2:7000 is elsewhere`,
		`a.toml:21: agent[3].cluster[0].name: "gpuu" is no cluster of jetson-tx2 (did you mean "gpu"?)`, `a.toml:22:`, `a.toml:23:`,
		`a.toml:24: agent[3].cluster[0].cpus[1]`, `a.toml:25: agent[3].cluster[0].provider: "cudda" is unknown (did you mean "cuda"?)`,
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = ParseRoster("b.toml", []byte("platform = \"paper-wlan-3\"\n[[agent]]\nnode = \"jetson-nano\"\naddress = \"10.0.0.1:70\"\n"), ".")
	require.ErrorContains(t, err, `b.toml:4: agent[0].address: 10.0.0.1:70 is not on this machine; write tls`)
	_, err = ParseRoster("c.toml", []byte("platform = \"paper-wlam\"\n"), ".")
	require.ErrorContains(t, err, "c.toml:1: platform:")
	require.ErrorContains(t, err, "is empty; an agents file has one [[agent]]")
	_, err = OpenRoster(filepath.Join(t.TempDir(), "none.toml"))
	require.ErrorContains(t, err, "none.toml: cannot be read: no such file")
}
