package plan_test

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/internal/strict"
	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/modnn"
	"hidp/strategies/omniboost"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// planned returns a random plan with everything that a file must carry: strips, samples, channels, ignored halos, pipelines.
func planned(t testing.TB, seed uint64) (*plan.Plan, *workloads.Graph, *devices.Platform) {
	rng := rand.New(rand.NewPCG(seed, 7))
	g, p := conformance.RandomGraph(rng), conformance.RandomPlatform(rng)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 1 << 40
	}
	entry, opts := modnn.Entries()[0], strategies.Options{"fc": "0"}
	switch rng.IntN(4) {
	case 0:
		opts["split"] = "samples"
	case 1:
		opts["halo"], opts["sync"] = "ignore", "once"
	case 2:
		entry, opts = omniboost.Entries()[0], nil
	}
	s, err := entry.New(opts)
	require.NoError(t, err)
	plan, err := s.Plan(plan.Problem{Graph: g, Batch: 1 + rng.IntN(3), Leader: p.Leader}, plan.NewBelief(p))
	require.NoError(t, err)
	return plan, g, p
}

// normal returns the plan with absent and empty lists of dependencies made the same.
func normal(p *plan.Plan) *plan.Plan {
	for i := range p.Ops {
		if len(p.Ops[i].After) == 0 {
			p.Ops[i].After = nil
		}
	}
	return p
}

func TestPlanFilesRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		p, g, plat := planned(t, seed)
		data, err := plan.Encode(p, g, plat)
		require.NoError(t, err)
		got, err := plan.Decode("p.json", data, g, plat)
		require.NoError(t, err, "%s", data)
		require.Equal(t, normal(p), normal(got))
		again, err := plan.Encode(got, g, plat)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		h, err := plan.DecodeHeader("p.json", data)
		require.NoError(t, err)
		require.Equal(t, plan.Header{Strategy: p.Strategy, Model: p.Model, Platform: p.Platform,
			InputBytes: g.Layers[0].ElemBytes, Batch: p.Batch}, h)
	}
}

// example is a plan small enough to be read: half of a convolution on another node.
func example(t testing.TB) (*plan.Plan, *workloads.Graph, *devices.Platform) {
	b := workloads.NewBuilder("tiny", workloads.Shape{C: 1, H: 8, W: 8})
	x := b.Conv("conv", 0, workloads.Conv{Out: 2, Window: workloads.Square(3, 1, 1), Act: workloads.ReLU})
	b.Linear("fc", x, 10, workloads.NoAct)
	g, err := b.Build()
	require.NoError(t, err)
	plat := conformance.Boards(1e6, 1, 1)
	pb := plan.NewBuilder("by-hand", plan.Problem{Graph: g, Batch: 1}, plan.NewBelief(plat))
	conv := workloads.Slice{From: 1, To: 2, Out: g.Full(1, 1)}
	pb.Compute(0, 0, g.Strip(conv, tensor.Row, workloads.Range{Lo: 0, Hi: 4}))
	pb.Compute(1, 0, g.Strip(conv, tensor.Row, workloads.Range{Lo: 4, Hi: 8}))
	pb.Compute(0, 0, workloads.Slice{From: 2, To: 3, Out: g.Full(2, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	return p, g, plat
}

const exampleFile = `{
  "version": 1,
  "strategy": "by-hand",
  "model": "tiny",
  "input_bytes": 4,
  "graph": "FINGERPRINT",
  "platform": "boards",
  "platform_hash": "PLATFORM",
  "leader": "n0",
  "batch": 1,
  "exact": true,
  "predicted_latency": 0.0025,
  "predicted_energy": 0.5,
  "ops": [
    {"id":0,"kind":"compute","node":"n0","cluster":"cpu","layers":[1,2],"names":["conv"],"rows":[0,4]},
    {"id":1,"kind":"send","from":"n0","to":"n1","layer":0,"names":["input"],"rows":[3,8],"bytes":160},
    {"id":2,"kind":"compute","node":"n1","cluster":"cpu","layers":[1,2],"names":["conv"],"rows":[4,8],"after":[1]},
    {"id":3,"kind":"send","from":"n1","to":"n0","layer":1,"names":["conv"],"rows":[4,8],"bytes":256,"after":[2]},
    {"id":4,"kind":"compute","node":"n0","cluster":"cpu","layers":[2,3],"names":["fc"],"after":[0,3]}
  ]
}
`

func TestPlanFileText(t *testing.T) {
	p, g, plat := example(t)
	data, err := plan.Encode(p, g, plat, plan.Prediction{Latency: 2500 * time.Microsecond, Energy: 0.5})
	require.NoError(t, err)
	text := regexp.MustCompile(`("graph": )"[0-9a-f]{16}"`).ReplaceAllString(string(data), `$1"FINGERPRINT"`)
	text = regexp.MustCompile(`("platform_hash": )"[0-9a-f]{16}"`).ReplaceAllString(text, `$1"PLATFORM"`)
	require.Equal(t, exampleFile, text)
	got, err := plan.Decode("p.json", edit(t, "{", "{"), g, plat)
	require.NoError(t, err, "fingerprints may be left out")
	require.Equal(t, normal(p), got)
}

func TestEncodeRefusesInvalidPlans(t *testing.T) {
	p, g, plat := example(t)
	p.Ops[2].After = nil
	_, err := plan.Encode(p, g, plat)
	require.ErrorAs(t, err, new(*plan.InvalidError))
}

// edit returns the example file without its fingerprints after a replacement that must apply.
func edit(t *testing.T, old, new string) []byte {
	text := strings.Replace(exampleFile, `  "graph": "FINGERPRINT",`+"\n", "", 1)
	text = strings.Replace(text, `  "platform_hash": "PLATFORM",`+"\n", "", 1)
	require.Contains(t, text, old)
	return []byte(strings.Replace(text, old, new, 1))
}

func TestPlanFileFaults(t *testing.T) {
	_, g, plat := example(t)
	for _, c := range []struct{ old, new, want string }{
		{`"version": 1`, `"version": 2`, `p.json:2: version is 2; this program reads version 1`},
		{`"version": 1`, `"version": "1"`, `p.json:2: version must be a whole number from 0 to`},
		{`  "model": "tiny",`, ``, `p.json:1: model is missing`},
		{`"model"`, `"modle"`, `p.json:4: has no key "modle" (did you mean "model"?)`},
		{`"model": "tiny"`, `"model": "tiny", "model": "big"`, `p.json:4: has key "model" twice`},
		{`"leader": "n0"`, `"leader": "m0"`, `leader is "m0", which is not a node of platform boards (did you mean "n0"?); it has n0, n1`},
		{`"batch": 1`, `"batch": 0`, `p.json:8: batch must be at least 1`},
		{`"batch": 1`, `"batch": 999999999999`, `p.json:8: batch must be a whole number from 0 to 1048576`},
		{`"batch": 1`, `"batch": 1.5`, `p.json:8: batch must be a whole number`},
		{`"batch": 1`, `"batch": 1, "graph": "xyz"`, `graph must be the network's fingerprint`},
		{`"batch": 1`, `"batch": 1, "graph": "0123456789abcdef"`, `the plan was made for another version of the network`},
		{`"exact": true`, `"exact": false`, `p.json:9: exact is false, but the ops say otherwise`},
		{`"input_bytes": 4`, `"input_bytes": 1`, `input_bytes is 1, but the network's input has 4 bytes per element`},
		{`0.0025`, `"soon"`, `predicted_latency is a text; it must be a number`},
		{`{"id":2,"kind":"compute"`, `{"id":7,"kind":"compute"`, `p.json:15: op 2: id is 7; ids count up from 0, so this op's is 2`},
		{`{"id":2,"kind":"compute"`, `{"id":2,"kind":"copy"`, `op 2: kind is "copy"; it must be compute or send`},
		{`{"id":2,"kind":"compute"`, `{"id":2`, `op 2: kind is missing`},
		{`"node":"n1","cluster":"cpu"`, `"node":"n1","cluster":"cpus"`, `op 2: cluster is "cpus", which node n1 does not have (did you mean "cpu"?); it has cpu`},
		{`"from":"n1"`, `"node":"n1"`, `op 3: has no key "node"`},
		{`"layers":[2,3]`, `"layers":[3,2]`, `op 4: layers must be two numbers [from, to) with from < to`},
		{`"layers":[2,3]`, `"layers":[2,99]`, `op 4: layers is [2,99), but tiny has layers 1 to 2`},
		{`"layers":[2,3]`, `"layers":[2]`, `op 4: layers must be two numbers`},
		{`"layers":[2,3]`, `"layers":{"from":2}`, `op 4: layers must be a list of whole numbers`},
		{`"rows":[0,4]`, `"rows":[0,1e3]`, `op 0: rows must be a list of whole numbers`},
		{`"rows":[0,4]`, `"rows":[0,99999999999999999999]`, `op 0: rows must be a list of whole numbers`},
		{`"rows":[0,4]`, `"rows":[0,40]`, `op 0: rows is [0,40), but layer 1 (conv) has 8`},
		{`"rows":[0,4]`, `"rows":[4,0]`, `op 0: rows must be two numbers`},
		{`"rows":[0,4]`, `"rows":[0,4],"halo":"none"`, `op 0: halo is "none"; it can only be ignore`},
		{`"bytes":256`, `"bytes":255`, `op 3: bytes is 255, but what is sent has 256`},
		{`"layer":1`, `"layer":12`, `op 3: layer is 12, but tiny has layers 0 to 2`},
		{`"names":["fc"]`, `"names":[3]`, `op 4: names must be a list of layer names`},
		{`"after":[0,3]`, `"after":[3,0]`, `op 4: after must be ascending, but 0 follows 3`},
		{`"after":[0,3]`, `"after":[0,5]`, `op 4: after names op 5; an op waits for earlier ones only`},
		{`"after":[0,3]`, `"after":[0]`, `p.json:17: op 4: reads layer 1 (conv) samples [0,1) rows [4,8)`},
		{`"to":"n1"`, `"to":"n0"`, `op 1: sends to node 0, which is not another node`},
		{`"ops": [`, `"ops": 3, "x": [`, `ops is a number; it must be a list`},
		{"  ]\n}\n", "  ]\n}\n{}", `p.json:20: goes on behind the plan's last }`},
		{"  ]\n}\n", "  ]\n", `ends too early: the file is cut off`},
		{`"exact": true,`, `"exact": true`, `p.json:10: is not JSON`},
	} {
		_, err := plan.Decode("p.json", edit(t, c.old, c.new), g, plat)
		require.ErrorContains(t, err, c.want, "%s → %s", c.old, c.new)
		require.ErrorAs(t, err, new(*strict.Error))
	}
}

func TestAllFaultsOfAPlanAtOnce(t *testing.T) {
	_, g, plat := example(t)
	text := string(edit(t, `"leader": "n0"`, `"leader": "n9"`))
	text = strings.Replace(text, `"cluster":"cpu"`, `"cluster":"gpu"`, 1)
	text = strings.Replace(text, `"kind":"send"`, `"kind":"sent"`, 1)
	_, err := plan.Decode("p.json", []byte(text), g, plat)
	var faults *strict.Error
	require.True(t, errors.As(err, &faults))
	for _, want := range []string{`p.json:7: leader is "n9"`, `p.json:13: op 0: cluster is "gpu"`, `p.json:14: op 1: kind is "sent"`} {
		require.Contains(t, err.Error(), want)
	}
	for i := range faults.Faults[1:] {
		require.LessOrEqual(t, faults.Faults[i].Line, faults.Faults[i+1].Line)
	}
}

func TestHostilePlanFiles(t *testing.T) {
	_, g, plat := example(t)
	for name, text := range map[string]string{
		"empty":       "",
		"blank":       " \n ",
		"no object":   "[]",
		"null":        "null",
		"binary":      "\x00\x01\x02\xff",
		"deep":        strings.Repeat("[", 1<<20),
		"many values": `{"ops":[` + strings.Repeat("0,", 1<<19) + `0]}`,
		"many ops":    `{"version":1,"model":"tiny","leader":"n0","ops":[` + strings.Repeat("{},", 1<<14) + `{}]}`,
		"no ops":      `{"version":1,"model":"tiny","leader":"n0","ops":[]}`,
		"wrong ops":   `{"version":1,"model":"tiny","leader":"n0","ops":[1,"a",null,[]]}`,
		"long key":    `{"` + strings.Repeat("a", 1<<16) + `":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Decode("p.json", []byte(text), g, plat)
			require.ErrorAs(t, err, new(*strict.Error))
			require.Less(t, len(err.Error()), 1<<14)
		})
	}
	_, err := plan.Decode("p.json", make([]byte, 33<<20), g, plat)
	require.ErrorContains(t, err, "larger than 32 MiB")
}

// FuzzDecode: no file makes the reader panic, and what it accepts is a valid plan that survives being written and read again.
func FuzzDecode(f *testing.F) {
	_, g, plat := example(f)
	f.Add([]byte(exampleFile))
	f.Add([]byte(strings.Replace(exampleFile, `  "graph": "FINGERPRINT",`+"\n", "", 1)))
	f.Add([]byte(`{"version":1,"model":"tiny","leader":"n1","batch":2,"ops":[{"id":0,"kind":"send","from":"n1","to":"n0","layer":0,"samples":[0,1]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Decode("p.json", data, g, plat)
		if err != nil {
			require.ErrorAs(t, err, new(*strict.Error))
			return
		}
		require.NoError(t, plan.Validate(p, g, plat))
		text, err := plan.Encode(p, g, plat)
		require.NoError(t, err)
		again, err := plan.Decode("p.json", text, g, plat)
		require.NoError(t, err)
		require.Equal(t, normal(p), normal(again))
	})
}
