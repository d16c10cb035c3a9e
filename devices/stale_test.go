package devices

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/units"
	"hidp/workloads"
	"hidp/workloads/models"
)

// doubled returns the file of a board with all its measured latencies doubled, but the parameters that were fitted before.
func doubled(t *testing.T, board string) []byte {
	data, err := boardFiles.ReadFile("boards/" + board + ".toml")
	require.NoError(t, err)
	return regexp.MustCompile(`latency = "[^"]*"`).ReplaceAllFunc(data, func(entry []byte) []byte {
		var d units.Duration
		require.NoError(t, d.UnmarshalText([]byte(strings.Split(string(entry), `"`)[1])))
		text, err := (2 * d).MarshalText()
		require.NoError(t, err)
		return []byte(`latency = "` + string(text) + `"`)
	})
}

// A copied board file with doubled rows predicts doubled times, and says that it was fitted again; the same file as it is does not.
func TestStaleParametersAreFittedAgain(t *testing.T) {
	const board = "raspberry-pi-5"
	one, err := LoadBoard(board)
	require.NoError(t, err)
	most := one.fitted[0] // the runtime of which most networks were measured
	for _, f := range one.fitted {
		if len(f.Rescale) > len(most.Rescale) {
			most = f
		}
	}
	platform := func(b *Board) *Platform {
		p := &Platform{Name: "lone", Network: Network{Paths: make([][]Path, 1)}}
		p.Network.Paths[0] = make([]Path, 1)
		p, err := p.resolve([]origin{{b, Setting{Name: "a", Runtime: most.Runtime}}}, nil)
		require.NoError(t, err)
		return p
	}
	require.Empty(t, one.Warnings)
	two, err := ParseBoard("copy.toml", doubled(t, board))
	require.NoError(t, err)
	require.Len(t, two.Warnings, 1)
	require.Contains(t, two.Warnings[0], "board copy")
	before, after := platform(one), platform(two)
	require.Equal(t, two.Warnings, after.Warnings)
	compared := 0
	k, ok := before.Nodes[0].Cluster(most.Cluster)
	require.True(t, ok)
	for _, name := range sortedKeys(most.Rescale) {
		g, err := models.Open(name, models.Options{})
		require.NoError(t, err)
		whole := workloads.Slice{From: 1, To: len(g.Layers), Out: g.Full(len(g.Layers)-1, 1)}
		ratio := NewCosts(after, g).Slice(0, k, whole).Seconds() / NewCosts(before, g).Slice(0, k, whole).Seconds()
		require.InDelta(t, 2, ratio, 0.02, name)
		compared++
	}
	require.Greater(t, compared, 2)
}

// What a person wrote is used as it stands; what a fit wrote without naming its rows is not.
func TestWhoWroteTheParameters(t *testing.T) {
	data, err := boardFiles.ReadFile("boards/raspberry-pi-5.toml")
	require.NoError(t, err)
	bare := regexp.MustCompile(`(?m)^from = .*\n`).ReplaceAll(data, nil)
	require.NotEqual(t, len(data), len(bare))
	b, err := ParseBoard("copy.toml", bare)
	require.NoError(t, err)
	require.NotEmpty(t, b.Warnings)
	b, err = ParseBoard("copy.toml", regexp.MustCompile(`"fit of `).ReplaceAll(bare, []byte(`"by hand, not a fit of `)))
	require.NoError(t, err)
	require.Empty(t, b.Warnings)
}

// A platform's hash tells what runs depend on, and nothing else.
func TestPlatformHash(t *testing.T) {
	p, err := Open("paper-wlan-2")
	require.NoError(t, err)
	q, err := p.WithLeader(p.Nodes[1].Name)
	require.NoError(t, err)
	require.Equal(t, p.Hash(), q.Hash())
	q, err = p.WithRate(50e6)
	require.NoError(t, err)
	require.NotEqual(t, p.Hash(), q.Hash())
}
