package external

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"hidp/devices"
	"hidp/internal/suggest"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// ProtocolError says that what a program wrote is no answer: it is its author's to mend.
type ProtocolError struct{ Command, What string }

// Error implements error.
func (e *ProtocolError) Error() string { return "exec:" + e.Command + ": " + e.What }

// conversation is what goes on with a program.
type conversation struct {
	*process
	timeout     time.Duration
	greeted     bool
	usesBacklog bool
	problems    int // so far
}

// greet says hello and hears it. After an error the program has ended.
func (c *conversation) greet(options strategies.Options) error {
	err := c.deadline(time.Now().Add(c.timeout))
	if err == nil {
		err = c.hello(options)
	}
	if err != nil {
		c.end(0)
		return err
	}
	c.greeted = true
	return nil
}

func (c *conversation) faultf(format string, args ...any) error {
	return &ProtocolError{c.command, fmt.Sprintf(format, args...)}
}

func (c *conversation) hello(options strategies.Options) error {
	const doing = "when it should have said hello"
	if err := c.tell(hello{"hello", Protocol, options}, doing); err != nil {
		return err
	}
	r, err := c.hear(doing)
	switch {
	case err != nil:
		return err
	case r.Type == "error":
		return c.faultf("the program says: %s", r.Reason)
	case r.Type != "hello":
		return c.faultf(`the first message has the type %q; write {"type":"hello","protocol":%d} first`, r.Type, Protocol)
	case r.Protocol != Protocol:
		return c.faultf("the program speaks version %d of the protocol; this hidp speaks version %d", r.Protocol, Protocol)
	}
	c.usesBacklog = r.UsesBacklog
	return nil
}

// tell sends a message.
func (c *conversation) tell(message any, doing string) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("exec:%s: a message that cannot be written: %w", c.command, err)
	}
	err = c.write(data)
	if err == nil || errors.Is(err, syscall.EPIPE) { // what the program wrote before it stopped reading says more
		return nil
	}
	return c.failure(err, doing, c.timeout, nil)
}

// fieldsOf are what messages of programs consist of, by type, beside the type itself.
var fieldsOf = map[string][]string{
	"hello":      {"protocol", "uses_backlog", "name"},
	"plan":       {"id", "plan"},
	"place":      {"id", "placements", "warnings"},
	"infeasible": {"id", "reason"},
	"error":      {"id", "reason"},
	"costs":      {"id", "slices"},
	"forecast":   {"id", "placements"},
}

var typesOf = []string{"plan", "place", "infeasible", "error", "costs", "forecast"}

// hear reads a message.
func (c *conversation) hear(doing string) (*reply, error) {
	line, err := c.read()
	switch {
	case errors.Is(err, errTooLong):
		return nil, c.faultf("%v %s", err, doing)
	case err != nil:
		return nil, c.failure(err, doing, c.timeout, line)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil || keys == nil {
		return nil, c.faultf("wrote %s %s, which is no JSON object; standard output is for messages, one a line, and everything else goes to standard error",
			quote(line), doing)
	}
	return c.parse(line, keys)
}

// parse reads a JSON object as a message of a known type, which has the fields of that type and no others.
func (c *conversation) parse(line []byte, keys map[string]json.RawMessage) (*reply, error) {
	var r reply
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	err := d.Decode(&r)
	if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
		return nil, c.faultf("message %q: %s is a %s; it must be a %v", r.Type, t.Field, t.Value, t.Type)
	}
	known, ok := fieldsOf[r.Type]
	if !ok {
		return nil, c.faultf("wrote a message of type %q%s; a program writes %s", r.Type, suggest.Phrase(r.Type, typesOf), strings.Join(typesOf, ", "))
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key != "type" && !slices.Contains(known, key) {
			return nil, c.faultf("message %q has no key %q%s", r.Type, key, suggest.Phrase(key, known))
		}
	}
	if err != nil { // a key of a placement, since those of the message are known
		return nil, c.faultf("message %q cannot be read: %s", r.Type, strings.TrimPrefix(err.Error(), "json: "))
	}
	return &r, nil
}

// plan puts the problem and answers the program's questions until it has decided. Its time is bounded as a whole.
func (c *conversation) plan(name string, r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	if err := c.deadline(time.Now().Add(c.timeout)); err != nil {
		return nil, err
	}
	c.problems++
	id := c.problems
	doing := fmt.Sprintf("while it planned %s (problem %d)", r.Graph.Name, id)
	if err := c.tell(newProblem(id, r, b, c.usesBacklog), doing); err != nil {
		return nil, err
	}
	q := question{c, name, r, b}
	for {
		m, err := c.hear(doing)
		if err != nil {
			return nil, err
		}
		if m.ID == nil || *m.ID != id {
			return nil, c.faultf("message %q must have the id of the problem, %d", m.Type, id)
		}
		var answer any
		switch m.Type {
		case "plan":
			return q.decode(m.Plan)
		case "place":
			return q.place(m.Placements, m.Warnings)
		case "infeasible":
			return nil, &plan.InfeasibleError{Reason: fmt.Sprintf("%s says: %s", name, m.Reason)}
		case "error":
			return nil, c.faultf("the program says: %s", m.Reason)
		case "costs":
			answer, err = q.costs(id, m.Slices)
		case "forecast":
			answer, err = q.forecast(id, m.Placements)
		default:
			err = c.faultf("message %q is no answer to a problem", m.Type)
		}
		if err == nil {
			err = c.tell(answer, doing)
		}
		if err != nil {
			return nil, err
		}
	}
}

// question is a problem that a program works on.
type question struct {
	*conversation
	name    string
	request plan.Problem
	belief  *plan.Belief
}

// decode reads and validates a plan in the format of plan files. Who made it and for what is known better here.
func (q *question) decode(data json.RawMessage) (*plan.Plan, error) {
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return nil, q.faultf(`message "plan" must have the key plan, in the format of hidp plan -o plan.json`)
	}
	g, t := q.request.Graph, q.belief.Platform
	p, err := plan.Decode("plan", data, g, roomy(t))
	if err != nil {
		return nil, q.faultf("the plan for %s is not valid:\n%v", g.Name, err)
	}
	if p.Leader != q.request.Leader || p.Batch != q.request.Batch {
		return nil, q.faultf("the plan is for leader %s and batch %d; the problem has leader %s and batch %d", t.Nodes[p.Leader].Name, p.Batch,
			t.Nodes[q.request.Leader].Name, q.request.Batch)
	}
	p.Strategy, p.Model, p.Platform = q.name, g.Name, t.Name
	if err := plan.Validate(p, g, t); err != nil {
		return nil, &plan.InfeasibleError{Reason: fmt.Sprintf("the plan of %s: %v", q.name, err)}
	}
	return p, nil
}

// roomy returns t with memory to spare. A plan that is valid there and not on t lacks memory, which is the world's fault and not one of
// the plan's form.
func roomy(t *devices.Platform) *devices.Platform {
	p := *t
	p.Nodes = slices.Clone(t.Nodes)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 1 << 60
	}
	return &p
}

// place makes a plan of placements: the sends are added. Placements that need more memory than there is are no fault of the program's
// form, but no plan.
func (q *question) place(placements []placement, warnings []string) (*plan.Plan, error) {
	p, err := q.build(placements)
	if err != nil {
		return nil, err
	}
	if err := plan.Validate(p, q.request.Graph, q.belief.Platform); err != nil {
		return nil, &plan.InfeasibleError{Reason: fmt.Sprintf("the placements of %s: %v", q.name, err)}
	}
	p.Warnings = warnings
	return p, nil
}

func (q *question) build(placements []placement) (*plan.Plan, error) {
	if len(placements) == 0 {
		return nil, q.faultf("no placements: there must be at least one")
	}
	pb := plan.NewBuilder(q.name, q.request, q.belief)
	for i := range placements {
		j, k, s, err := q.slice(&placements[i])
		if err != nil {
			return nil, q.faultf("placement %d: %v", i, err)
		}
		pb.Compute(j, k, s)
	}
	p, err := pb.Finish()
	if infeasible := (*plan.InfeasibleError)(nil); err != nil && !errors.As(err, &infeasible) {
		return nil, q.faultf("the placements make no plan: %v", err)
	}
	return p, err
}

// axes are those along which slices are split.
var axes = []struct {
	name string
	axis tensor.Axis
	of   func(*placement) *[2]int
}{
	{"rows", tensor.Row, func(p *placement) *[2]int { return p.Rows }},
	{"samples", tensor.Sample, func(p *placement) *[2]int { return p.Samples }},
	{"channels", tensor.Channel, func(p *placement) *[2]int { return p.Channels }},
}

// mostExtent bounds what is read as an end of a range: boxes count with 32 bits.
const mostExtent = 1 << 30

// slice reads a placement.
func (q *question) slice(x *placement) (j, k int, s workloads.Slice, err error) {
	t, g := q.belief.Platform, q.request.Graph
	j, ok := t.Node(x.Node)
	if !ok {
		return 0, 0, s, fmt.Errorf("node %q is not one of platform %s", x.Node, t.Name)
	}
	if k, ok = t.Nodes[j].Cluster(x.Cluster); !ok {
		return 0, 0, s, fmt.Errorf("node %s has no cluster %q", x.Node, x.Cluster)
	}
	s.From, s.To = x.Layers[0], x.Layers[1]
	if s.From < 1 || s.To <= s.From || s.To > len(g.Layers) {
		return 0, 0, s, fmt.Errorf("layers [%d,%d) are not of %s, which has layers 1 to %d", s.From, s.To, g.Name, len(g.Layers)-1)
	}
	out := workloads.Part{Layer: s.To - 1, Box: g.Full(s.To-1, q.request.Batch)}
	for _, a := range axes {
		if r := a.of(x); r != nil {
			if r[0] < 0 || r[1] <= r[0] || r[1] > mostExtent {
				return 0, 0, s, fmt.Errorf("%s are [%d,%d); write [from, to) with 0 ≤ from < to", a.name, r[0], r[1])
			}
			out = g.Restrict(out, a.axis, workloads.Range{Lo: r[0], Hi: r[1]})
		}
	}
	s.Out = out.Box
	switch x.Halo {
	case "":
	case "ignore":
		s.Halo = workloads.HaloIgnore
	default:
		return 0, 0, s, fmt.Errorf(`halo is %q; it can only be "ignore"`, x.Halo)
	}
	return j, k, s, g.Check(s, q.request.Batch)
}

// costs prices slices.
func (q *question) costs(id int, slices []placement) (*costs, error) {
	out := &costs{Type: "costs", ID: id, Slices: []sliceCost{}}
	g, prices := q.request.Graph, q.belief.Costs(q.request.Graph)
	for i := range slices {
		j, k, s, err := q.slice(&slices[i])
		if err != nil {
			return nil, q.faultf("slice %d: %v", i, err)
		}
		w := g.Work(s)
		cost := sliceCost{Seconds: prices.Work(j, k, w).Seconds(), Inputs: []part{}}
		for _, in := range w.Inputs {
			along := func(a tensor.Axis) [2]int {
				r := g.Along(in, a)
				return [2]int{r.Lo, r.Hi}
			}
			cost.Inputs = append(cost.Inputs, part{in.Layer, along(tensor.Row), along(tensor.Sample), along(tensor.Channel), g.Bytes(in)})
		}
		out.Slices = append(out.Slices, cost)
	}
	return out, nil
}

// forecast predicts the plan that placements make.
func (q *question) forecast(id int, placements []placement) (*forecast, error) {
	out := &forecast{Type: "forecast", ID: id}
	p, err := q.build(placements)
	if infeasible := (*plan.InfeasibleError)(nil); errors.As(err, &infeasible) {
		out.Infeasible = infeasible.Reason
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if err := plan.Validate(p, q.request.Graph, q.belief.Platform); err != nil {
		out.Infeasible = err.Error()
		return out, nil
	}
	b := q.belief
	if !q.usesBacklog {
		b = plan.NewBelief(b.Platform) // nothing that the program learns may depend on the backlog
	}
	f := plan.Forecast(p, q.request.Graph, b)
	out.Seconds, out.Joules = f.Latency.Seconds(), f.Energy
	return out, nil
}
