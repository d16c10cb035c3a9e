package workloads_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

const speechTable = `
name = "speech"
source = "invented"
input_bytes = "1.5 kB"
[[layer]]
name = "front"
class = "convkxk"
flops = 2e6
params = 1000
activation_bytes = "3 kB"
[[layer]]
name = "left"
class = "fc"
flops = 4000000
params = 500
weight_bytes = "500 B"
activation_bytes = "1 kB"
[[layer]]
name = "right"
class = "grouped"
flops = 10
weight_bytes = "0 B"
activation_bytes = "1 kB"
inputs = ["front"]
[[layer]]
name = "sum"
class = "elementwise"
flops = 250
activation_bytes = "1 kB"
inputs = ["left", "right"]
`

func TestReadTable(t *testing.T) {
	g, err := ReadTable("speech.toml", []byte(speechTable))
	require.NoError(t, err)
	require.Equal(t, "speech", g.Name)
	require.Equal(t, int64(1500), g.Bytes(g.Tensor(0, 1)))
	require.Equal(t, int64(2*3000), g.Bytes(g.Tensor(1, 2)))
	require.Equal(t, []Block{{1, 2}, {2, 5}}, g.Blocks())
	require.Equal(t, ClassFC, g.Layers[2].Class)
	require.Equal(t, []int{1}, g.Layers[2].Inputs, "the layer before")
	require.Equal(t, []int{2, 3}, g.Layers[4].Inputs)
	require.Equal(t, int64(6000260), g.FLOPs())
	require.Equal(t, int64(3000005), g.MACs())
	require.Equal(t, int64(1500), g.Params())
	require.Equal(t, int64(4*1000+500), g.WeightBytes(), "4 bytes a parameter unless said")
	half := g.Strip(Slice{From: 1, To: 5, Out: g.Full(4, 2)}, tensor.Sample, Range{1, 2})
	require.NoError(t, g.Check(half, 2))
	require.ErrorContains(t, g.Check(g.Strip(half, tensor.Channel, Range{0, 10}), 2), "split by channels")
}

func TestReadTableNamesTheFault(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`class = "fc"`, `class = "fcc"`, `speech.toml:13: layer[1].class: "fcc" is not a cost class (did you mean "fc"?)`},
		{`inputs = ["front"]`, `inputs = ["frnt"]`, `speech.toml:24: layer[2].inputs[0]: there is no layer "frnt" (did you mean "front"?)`},
		{`inputs = ["front"]`, `inputs = ["sum"]`, `speech.toml:24: layer[2].inputs[0]: "sum" comes later; list layers in the order of execution`},
		{`inputs = ["front"]`, `inputs = ["right"]`, `cannot read its own output`},
		{`inputs = ["front"]`, `inputs = []`, `layer[2].inputs: is empty`},
		{`inputs = ["left", "right"]`, `inputs = ["left", "right", "left"]`, `"left" is named twice`},
		{`inputs = ["left", "right"]`, `inputs = ["left"]`, `speech.toml:18: layer[2]: no layer reads the output of "right"`},
		{`inputs = ["front"]`, `inputs = ["input"]`, ``},
		{`name = "left"`, `name = "front"`, `speech.toml:12: layer[1].name: "front" is layer 1 already`},
		{`name = "left"`, `name = "input"`, `is the network's input`},
		{`name = "left"`, `name = ""`, `layer[1].name: is empty`},
		{`name = "speech"`, `name = ""`, `speech.toml:2: name: is empty`},
		{`flops = 2e6`, `flops = -2e6`, `speech.toml:8: layer[0].flops: is -2e+06`},
		{`flops = 2e6`, `flops = 2e30`, `layer[0].flops: is 2e+30`},
		{`params = 1000`, `params = -1`, `layer[0].params: is -1`},
		{`"3 kB"`, `"0 B"`, `layer[0].activation_bytes: is 0 B; a tensor has from 1 B`},
		{`"3 kB"`, `"3 TB"`, `layer[0].activation_bytes: is 3 TB`},
		{`"3 kB"`, `"3"`, `layer[0].activation_bytes`},
		{`weight_bytes = "500 B"`, `weight_bytes = "900 TB"`, `weight_bytes: is 900 TB`},
		{`flops = 2e6`, `flop = 2e6`, `did you mean "flops"`},
		{`input_bytes = "1.5 kB"`, ``, `input_bytes`},
	} {
		text := strings.Replace(speechTable, c.old, c.new, 1)
		require.NotEqual(t, speechTable, text)
		g, err := ReadTable("speech.toml", []byte(text))
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
		require.Nil(t, g)
	}
	_, err := ReadTable("empty.toml", []byte(`name = "x"`+"\ninput_bytes = \"1 B\"\nlayer = []"))
	require.ErrorContains(t, err, "at least one [[layer]]")
	_, err = ReadTable("broken.toml", []byte(`name = `))
	require.ErrorContains(t, err, "broken.toml:1")
}

func TestReadTableReportsAllFaults(t *testing.T) {
	text := strings.NewReplacer(`"fc"`, `"FC9"`, "2e6", "-1", `"front"]`, `"back"]`).Replace(speechTable)
	_, err := ReadTable("speech.toml", []byte(text))
	require.Len(t, strings.Split(err.Error(), "\n"), 3, "%v", err)
}

// Whatever is read, reading ends in an error or in a graph that can be walked.
func FuzzTable(f *testing.F) {
	f.Add([]byte(speechTable))
	f.Add([]byte(`name = "x"` + "\ninput_bytes = \"1 B\"\n[[layer]]\nname=\"a\"\nclass=\"fc\"\nflops=1e15\nactivation_bytes=\"1 GiB\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ReadTable("fuzz.toml", data)
		if err != nil {
			require.Contains(t, err.Error(), "fuzz.toml")
			return
		}
		require.GreaterOrEqual(t, g.FLOPs(), int64(0))
		require.GreaterOrEqual(t, g.WeightBytes(), int64(0))
		s := Slice{From: 1, To: len(g.Layers), Out: g.Full(g.Output(), 1)}
		require.NoError(t, g.Check(s, 1))
		w := g.Work(s)
		require.Equal(t, []Part{{0, g.Full(0, 1)}}, w.Inputs)
		require.Len(t, w.Layers, len(g.Layers)-1)
	})
}
