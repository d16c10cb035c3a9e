package workloads_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads"
)

// A graph survives being written and read: same layers, same blocks, same fingerprint.
func TestGraphJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		data, err := json.Marshal(g)
		require.NoError(t, err)
		back, err := ParseGraph(data)
		require.NoError(t, err)
		require.Equal(t, g, back)
	})
}

// What is not a graph is refused and takes nothing down.
func TestParseGraphRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":          ``,
		"no layers":        `{"Name":"x"}`,
		"unknown key":      `{"Name":"x","Depth":3}`,
		"unknown operator": `{"Name":"x","Layers":[{"Op":0,"Out":{"C":1,"H":1,"W":1},"Class":6,"ElemBytes":4},{"Op":77,"Inputs":[0],"Out":{"C":1,"H":1,"W":1},"ElemBytes":4}]}`,
		"reads itself":     `{"Name":"x","Layers":[{"Op":0,"Out":{"C":1,"H":1,"W":1},"Class":6,"ElemBytes":4},{"Op":10,"Inputs":[1],"Out":{"C":1,"H":1,"W":1},"ElemBytes":4}]}`,
		"too large":        `{"Name":"x","Layers":[{"Op":0,"Out":{"C":99999999,"H":99999999,"W":9999},"Class":6,"ElemBytes":4},{"Op":10,"Inputs":[0],"Out":{"C":1,"H":1,"W":1},"ElemBytes":4}]}`,
		"two":              `{"Name":"x","Layers":[]}{}`,
	} {
		_, err := ParseGraph([]byte(text))
		require.Error(t, err, name)
	}
}

func FuzzParseGraph(f *testing.F) {
	b := NewBuilder("seed", Shape{C: 3, H: 8, W: 8})
	b.Conv("c", 0, Conv{Out: 4, Window: Square(3, 1, 1)})
	g, err := b.Build()
	require.NoError(f, err)
	data, err := json.Marshal(g)
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, err := ParseGraph(data); err == nil {
			back, err := json.Marshal(g)
			require.NoError(t, err)
			again, err := ParseGraph(back)
			require.NoError(t, err)
			require.Equal(t, g.Fingerprint(), again.Fingerprint())
		}
	})
}
