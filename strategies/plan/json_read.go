package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"hidp/devices"
	"hidp/internal/suggest"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

var (
	planKeys = []string{"version", "strategy", "model", "input_bytes", "graph", "platform", "platform_hash", "platform_data", "leader", "batch",
		"exact", "predicted_latency", "predicted_energy", "warnings", "ops"}
	computeKeys = []string{"id", "kind", "node", "cluster", "layers", "names", "rows", "samples", "channels", "halo", "after"}
	sendKeys    = []string{"id", "kind", "from", "to", "layer", "names", "rows", "samples", "channels", "bytes", "after"}
)

// Header is what a plan file says of its subject: what a caller needs to know before it can read the ops.
type Header struct {
	Strategy   string
	Model      string // zoo name or path
	Platform   string
	InputBytes int // bytes per element of the input; 0 if not said
	Batch      int
}

// DecodeHeader reads the header of the plan file called name. Faults of the ops go unnoticed; otherwise as Decode.
func DecodeHeader(name string, data []byte) (Header, error) {
	r := newPlanReader(name, data)
	h, _, _ := r.header(len(data))
	return h, r.err()
}

// Decode reads the plan file called name for graph g and platform t, strictly, and validates it. The error is a *strict.Error
// that lists every fault with its line and op.
func Decode(name string, data []byte, g *workloads.Graph, t *devices.Platform) (*Plan, error) {
	return decode(name, data, g, t, Validate)
}

// DecodeSound is Decode of a plan that has to be sound, but may need more memory than there is.
func DecodeSound(name string, data []byte, g *workloads.Graph, t *devices.Platform) (*Plan, error) {
	return decode(name, data, g, t, Sound)
}

// check is Validate, or another.
type check func(*Plan, *workloads.Graph, *devices.Platform) error

func decode(name string, data []byte, g *workloads.Graph, t *devices.Platform, check check) (*Plan, error) {
	r := newPlanReader(name, data)
	h, f, ok := r.header(len(data))
	if !ok {
		return nil, r.err()
	}
	d := planDecoder{planReader: r, g: g, t: t, p: &Plan{Strategy: h.Strategy, Model: h.Model, Platform: h.Platform,
		Graph: g.Fingerprint(), Batch: h.Batch}}
	d.head(f)
	d.ops(f)
	if len(r.faults) == 0 {
		d.validate(f, check)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return d.p, nil
}

// header reads the file and the keys that stand for themselves. It reports whether the rest can be read.
func (r *planReader) header(size int) (h Header, f fields, ok bool) {
	v, ok := r.read(size)
	if ok {
		f, ok = r.fields(&v, "", planKeys)
	}
	if !ok {
		return h, f, false
	}
	if version, ok := f.whole("version", true, maxPlanNumber); ok && version != planVersion {
		f.faultf("version", "is %d; this program reads version %d", version, planVersion)
	}
	h.Strategy, _ = f.text("strategy", false)
	h.Model, _ = f.text("model", true)
	h.Platform, _ = f.text("platform", false)
	bytes, _ := f.whole("input_bytes", false, 16)
	h.InputBytes = int(bytes)
	batch, given := f.whole("batch", false, maxPlanBatch)
	h.Batch = int(batch)
	switch {
	case f.at["batch"] == nil:
		h.Batch = 1
	case given && batch == 0:
		f.faultf("batch", "must be at least 1")
	}
	for _, key := range []string{"predicted_latency", "predicted_energy"} {
		if v := f.at[key]; v != nil {
			if _, number := v.scalar.(json.Number); !number {
				f.faultf(key, "is %s; it must be a number", v.kind())
			}
		}
	}
	return h, f, true
}

// planDecoder reads a plan for a given graph and platform.
type planDecoder struct {
	*planReader
	g     *workloads.Graph
	t     *devices.Platform
	p     *Plan
	lines []int // by op
}

// head reads what needs the graph or the platform.
func (d *planDecoder) head(f fields) {
	d.p.Leader, _ = d.node(f, "leader")
	if text, ok := f.text("graph", false); ok {
		print, err := strconv.ParseUint(text, 16, 64)
		switch {
		case err != nil || len(text) != 16:
			f.faultf("graph", "must be the network's fingerprint, 16 hex digits")
		case print != d.p.Graph:
			f.faultf("graph", "is %s, but the fingerprint of %s is %016x: the plan was made for another version of the network",
				text, d.g.Name, d.p.Graph)
		}
	}
	d.p.Warnings = f.texts("warnings")
	if n, ok := f.whole("input_bytes", false, 16); ok && int(n) != d.g.Layers[0].ElemBytes {
		f.faultf("input_bytes", "is %d, but the network's input has %d bytes per element", n, d.g.Layers[0].ElemBytes)
	}
}

// node returns the index of the node that key names.
func (d *planDecoder) node(f fields, key string) (int, bool) {
	name, ok := f.text(key, true)
	if !ok {
		return 0, false
	}
	j, ok := d.t.Node(name)
	if !ok {
		var known []string
		for i := range d.t.Nodes {
			known = append(known, d.t.Nodes[i].Name)
		}
		f.faultf(key, "is %q, which is not a node of platform %s%s; it has %s", shorten(name), d.t.Name,
			suggest.Phrase(name, known), strings.Join(known, ", "))
	}
	return j, ok
}

func (d *planDecoder) ops(f fields) {
	v := f.at["ops"]
	switch {
	case v == nil:
		f.faultf("ops", "is missing")
		return
	case v.scalar != json.Delim('['):
		f.faultf("ops", "is %s; it must be a list", v.kind())
		return
	case len(v.items) > MostOps:
		f.faultf("ops", "has %d entries, more than the %d supported", len(v.items), MostOps)
		return
	}
	for i := range v.items {
		d.lines = append(d.lines, v.items[i].line)
		d.p.Ops = append(d.p.Ops, d.op(i, &v.items[i]))
	}
	if e := f.at["exact"]; e != nil {
		exact, ok := e.scalar.(bool)
		if !ok {
			f.faultf("exact", "is %s; it must be true or false", e.kind())
		} else if len(d.faults) == 0 && exact != d.p.Exact() {
			f.faultf("exact", "is %v, but the ops say otherwise (an op with \"halo\": \"ignore\" makes a plan inexact)", exact)
		}
	}
}

// op reads one op. Unreadable fields have been reported as faults.
func (d *planDecoder) op(i int, v *jsonValue) Op {
	path := fmt.Sprintf("op %d", i)
	op := Op{}
	known := computeKeys
	if kind, ok := v.get("kind").(string); ok && kind == "send" {
		op.Kind, known = Send, sendKeys
	}
	f, ok := d.fields(v, path, known)
	if !ok {
		return op
	}
	if kind, ok := f.text("kind", true); ok && kind != op.Kind.String() {
		f.faultf("kind", "is %q; it must be compute or send", shorten(kind))
	}
	if id, ok := f.whole("id", true, maxPlanNumber); ok && id != int64(i) {
		f.faultf("id", "is %d; ids count up from 0, so this op's is %d", id, i)
	}
	d.names(f)
	op.After = d.after(f, i)
	if op.Kind == Send {
		d.send(f, &op)
	} else {
		d.compute(f, &op)
	}
	return op
}

// get returns the scalar of a key, for a first look at an object.
func (v *jsonValue) get(key string) any {
	for i, k := range v.keys {
		if k == key {
			return v.items[i].scalar
		}
	}
	return nil
}

// names checks the type of what is there for the reader only.
func (d *planDecoder) names(f fields) {
	if v := f.at["names"]; v != nil {
		good := v.scalar == json.Delim('[')
		for i := range v.items {
			_, text := v.items[i].scalar.(string)
			good = good && text
		}
		if !good {
			f.faultf("names", "must be a list of layer names")
		}
	}
}

func (d *planDecoder) after(f fields, i int) []int {
	after, ok := f.list("after")
	if !ok {
		return nil
	}
	for k, a := range after {
		switch {
		case a >= i:
			f.faultf("after", "names op %d; an op waits for earlier ones only", a)
			return nil
		case k > 0 && a <= after[k-1]:
			f.faultf("after", "must be ascending, but %d follows %d", a, after[k-1])
			return nil
		}
	}
	return after
}

func (d *planDecoder) compute(f fields, op *Op) {
	j, ok := d.node(f, "node")
	op.Node = j
	if name, given := f.text("cluster", true); given && ok {
		op.Cluster = d.cluster(f, j, name)
	}
	if f.at["layers"] == nil {
		f.faultf("layers", "is missing")
	}
	from, to, given, good := f.pair("layers")
	if !given || !good {
		return
	}
	if from < 1 || to > len(d.g.Layers) {
		f.faultf("layers", "is [%d,%d), but %s has layers 1 to %d", from, to, d.g.Name, len(d.g.Layers)-1)
		return
	}
	op.Slice = workloads.Slice{From: from, To: to, Out: d.box(f, to-1)}
	switch halo, _ := f.text("halo", false); halo {
	case "":
	case "ignore":
		op.Slice.Halo = workloads.HaloIgnore
	default:
		f.faultf("halo", "is %q; it can only be ignore", shorten(halo))
	}
}

func (d *planDecoder) cluster(f fields, j int, name string) int {
	n := &d.t.Nodes[j]
	k, ok := n.Cluster(name)
	if !ok {
		var known []string
		for i := range n.Clusters {
			known = append(known, n.Clusters[i].Name)
		}
		f.faultf("cluster", "is %q, which node %s does not have%s; it has %s", shorten(name), n.Name,
			suggest.Phrase(name, known), strings.Join(known, ", "))
	}
	return k
}

func (d *planDecoder) send(f fields, op *Op) {
	op.Node, _ = d.node(f, "from")
	op.To, _ = d.node(f, "to")
	layer, ok := f.whole("layer", true, maxPlanNumber)
	if !ok {
		return
	}
	if layer >= int64(len(d.g.Layers)) {
		f.faultf("layer", "is %d, but %s has layers 0 to %d", layer, d.g.Name, len(d.g.Layers)-1)
		return
	}
	before := len(d.faults)
	op.Part = workloads.Part{Layer: int(layer), Box: d.box(f, int(layer))}
	if bytes, ok := f.whole("bytes", false, 1<<62); ok && len(d.faults) == before && bytes != op.Bytes(d.g) {
		f.faultf("bytes", "is %d, but what is sent has %d", bytes, op.Bytes(d.g))
	}
}

// box reads the split of layer l's tensor: the whole of what is not mentioned.
func (d *planDecoder) box(f fields, l int) tensor.Box {
	part := workloads.Part{Layer: l, Box: d.g.Full(l, max(1, d.p.Batch))}
	for _, x := range new(planOp).splits() {
		lo, hi, given, good := f.pair(x.key)
		n := d.g.Along(part, x.axis).Hi
		switch {
		case !given || !good:
		case hi > n:
			f.faultf(x.key, "is [%d,%d), but layer %d (%s) has %d", lo, hi, l, d.g.Layers[l].Name, n)
		default:
			part = d.g.Restrict(part, x.axis, workloads.Range{Lo: lo, Hi: hi})
		}
	}
	return part.Box
}

// validate runs a check and gives its faults their lines.
func (d *planDecoder) validate(f fields, check check) {
	var faults *InvalidError
	if err := check(d.p, d.g, d.t); !errors.As(err, &faults) {
		return
	}
	for _, text := range faults.Faults {
		subject, message, _ := strings.Cut(text, ": ")
		line := f.line
		if i, err := strconv.Atoi(strings.TrimPrefix(subject, "op ")); err == nil && i < len(d.lines) {
			line = d.lines[i]
		}
		d.faultf(line, subject, "%s", message)
	}
}
