package plan

import (
	"bytes"
	"encoding/json"
	"fmt"

	"hidp/devices"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// planVersion is the version of the plan file format. A file is a JSON object:
//
//	version            1
//	strategy           who made the plan
//	model              zoo name or path of the model, as the user gave it
//	input_bytes        bytes per element of the network's input (1 for an 8-bit image)
//	graph              fingerprint of the network, 16 hex digits; left out, any network that the ops fit will do
//	platform           name of the platform it was made for
//	platform_hash      what that platform was, devices.Platform.Hash (left out in old files)
//	platform_data      the platform itself, resolved, where the name alone does not lead to it
//	leader             name of the node that receives the request
//	batch              inputs per request
//	exact              whether the ops compute the network's own answer
//	predicted_latency  seconds the planner expects (information only)
//	predicted_energy   joules the planner expects (information only)
//	warnings           what the planner left out to be done in time, as texts; not there if nothing
//	ops                the steps, in topological order
//
// An op has an id (its position, from 0), a kind and, in after, the ids it waits for. A compute op has node, cluster and layers
// [from, to); a send has from, to and the layer whose tensor it moves. Both have rows, samples and channels, each [lo, hi), left
// out where nothing is split. A compute op that ignores its halo says "halo": "ignore". Names and bytes are there for the reader;
// bytes must agree with the network.
const planVersion = 1

// planHead is the file without its ops, in the order of its keys.
type planHead struct {
	Version    int      `json:"version"`
	Strategy   string   `json:"strategy"`
	Model      string   `json:"model"`
	InputBytes int      `json:"input_bytes"`
	Graph      string   `json:"graph"`
	Platform   string   `json:"platform"`
	Hash       string   `json:"platform_hash,omitempty"`
	Leader     string   `json:"leader"`
	Batch      int      `json:"batch"`
	Exact      bool     `json:"exact"`
	Latency    *float64 `json:"predicted_latency,omitempty"`
	Energy     *float64 `json:"predicted_energy,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
}

// planOp is one op in the file, in the order of its keys.
type planOp struct {
	ID       int      `json:"id"`
	Kind     string   `json:"kind"`
	Node     string   `json:"node,omitempty"`
	Cluster  string   `json:"cluster,omitempty"`
	From     string   `json:"from,omitempty"`
	To       string   `json:"to,omitempty"`
	Layers   *[2]int  `json:"layers,omitempty"`
	Layer    *int     `json:"layer,omitempty"`
	Names    []string `json:"names,omitempty"`
	Rows     *[2]int  `json:"rows,omitempty"`
	Samples  *[2]int  `json:"samples,omitempty"`
	Channels *[2]int  `json:"channels,omitempty"`
	Halo     string   `json:"halo,omitempty"`
	Bytes    *int64   `json:"bytes,omitempty"`
	After    []int    `json:"after,omitempty"`
}

// Encode writes plan p of graph g for platform t as a file that people can read, one op a line, and Decode understands. A
// prediction, if given, is noted in it. A plan that Validate rejects is an error.
func Encode(p *Plan, g *workloads.Graph, t *devices.Platform, predicted ...Prediction) ([]byte, error) {
	return encode(p, g, t, nil, predicted)
}

// EncodeWith is Encode of a plan that carries its platform: for platforms that are not in the catalogue under their name.
func EncodeWith(p *Plan, g *workloads.Graph, t *devices.Platform, predicted ...Prediction) ([]byte, error) {
	if len(t.Nodes) > mostCarried {
		return Encode(p, g, t, predicted...)
	}
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("plan: writing a plan's platform: %w", err)
	}
	return encode(p, g, t, data, predicted)
}

// mostCarried bounds the nodes of a platform that a plan file carries: its paths grow with their square.
const mostCarried = 100

func encode(p *Plan, g *workloads.Graph, t *devices.Platform, carried json.RawMessage, predicted []Prediction) ([]byte, error) {
	if err := Validate(p, g, t); err != nil {
		return nil, err
	}
	head := planHead{Version: planVersion, Strategy: p.Strategy, Model: p.Model, InputBytes: g.Layers[0].ElemBytes,
		Graph: fmt.Sprintf("%016x", p.Graph), Platform: p.Platform, Hash: t.Hash(), Leader: t.Nodes[p.Leader].Name, Batch: p.Batch, Exact: p.Exact(),
		Warnings: p.Warnings}
	for _, x := range predicted {
		latency := x.Latency.Seconds()
		head.Latency, head.Energy = &latency, &x.Energy
	}
	text, err := marshal(head, "  ")
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(bytes.TrimSuffix(text, []byte("\n}")))
	if carried != nil { // on one line
		out.WriteString(",\n  \"platform_data\": ")
		out.Write(carried)
	}
	out.WriteString(",\n  \"ops\": [")
	for i := range p.Ops {
		line, err := marshal(p.fileOp(i, g, t), "")
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		out.Write(line)
	}
	out.WriteString("\n  ]\n}\n")
	return out.Bytes(), nil
}

// marshal writes JSON without the HTML escapes that would make paths and layer names unreadable.
func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("plan: writing a plan: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (p *Plan) fileOp(i int, g *workloads.Graph, t *devices.Platform) planOp {
	op := &p.Ops[i]
	out := planOp{ID: i, Kind: op.Kind.String(), After: op.After}
	part := op.Part
	if op.Kind == Compute {
		part = op.Slice.Last()
		out.Node, out.Cluster = t.Nodes[op.Node].Name, t.Nodes[op.Node].Clusters[op.Cluster].Name
		out.Layers = &[2]int{op.Slice.From, op.Slice.To}
		if op.Slice.To > op.Slice.From+1 {
			out.Names = append(out.Names, g.Layers[op.Slice.From].Name)
		}
		if op.Slice.Halo == workloads.HaloIgnore {
			out.Halo = "ignore"
		}
	} else {
		sent := op.Bytes(g)
		out.From, out.To, out.Layer, out.Bytes = t.Nodes[op.Node].Name, t.Nodes[op.To].Name, &part.Layer, &sent
	}
	out.Names = append(out.Names, g.Layers[part.Layer].Name)
	full := g.Tensor(part.Layer, p.Batch)
	for _, x := range out.splits() {
		if r := g.Along(part, x.axis); r != g.Along(full, x.axis) {
			*x.pair = &[2]int{r.Lo, r.Hi}
		}
	}
	return out
}

// split is the range of an axis in the file, nil where all of it is meant.
type split struct {
	key  string
	axis tensor.Axis
	pair **[2]int
}

// splits returns the axes that the file has keys for.
func (o *planOp) splits() [3]split {
	return [3]split{{"rows", tensor.Row, &o.Rows}, {"samples", tensor.Sample, &o.Samples}, {"channels", tensor.Channel, &o.Channels}}
}
