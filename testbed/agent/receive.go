package agent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
)

// receive takes what arrives until the transport is closed.
func (r *Runtime) receive() {
	for d := range r.cfg.Transport.Receive() {
		from, known := r.index[d.From]
		if !known || from == r.cfg.Node {
			d.Release()
			continue // not of this session
		}
		r.mu.Lock()
		switch {
		case r.closed || r.ctx.Err() != nil:
		case d.Lost != nil:
			r.lose(from, d.Lost)
		case r.lost[from] == nil:
			if err := r.deliver(from, &d); err != nil {
				r.lose(from, err)
			}
		}
		r.mu.Unlock()
	}
}

// lose notes that a node is gone, or not to be trusted.
func (r *Runtime) lose(j int, why error) {
	if r.lost[j] != nil || r.closed {
		return
	}
	name := r.cfg.Platform.Nodes[j].Name
	r.lost[j] = &NodeLostError{Node: name, Why: why}
	r.happens(0)
	if !errors.Is(why, wire.ErrPeerClosed) || len(r.live) > 0 { // else it has closed its session in good order
		r.report.Lost = append(r.report.Lost, name)
		if r.cfg.Lost != nil {
			r.notes.add(func() { r.cfg.Lost(name, why) })
		}
	}
	r.machine.NodeLost(j)
	r.act()
}

// deliver takes in a message. The error is a *RefusedError: the sender is not to be trusted.
func (r *Runtime) deliver(from int, d *wire.Delivery) error {
	m := &d.Message
	if m.Kind != wire.Tensor { // notes are for those who control the run
		return nil
	}
	id, plan := int64(m.Request&(maxRequests-1)), int(m.Request>>planShift)
	refused := func(format string, args ...any) error {
		return &RefusedError{d.From, id, plan, m.Op, fmt.Sprintf(format, args...)}
	}
	if plan >= len(r.recipes) || r.recipes[plan].part == nil {
		return refused("this node has no part in such a plan")
	}
	rec := r.recipes[plan]
	if why := rec.mismatch(m, from, r.cfg.Node, r.cfg.Hollow); why != "" {
		return refused("%s", why)
	}
	if r.ended[id] {
		d.Release()
		return nil // it was on its way when the request was dropped
	}
	a := r.live[id]
	switch {
	case a != nil && a.recipe != rec:
		return refused("the request runs plan %d", a.recipe.index)
	case a == nil && rec.part.Leads:
		return refused("this node leads the plan and has not begun the request")
	case a == nil && len(r.live) >= r.cfg.Most:
		return refused("%d requests are under way already", len(r.live))
	case a == nil:
		if a = r.joinLate(id, rec); a.dropped {
			d.Release()
			return nil
		}
	}
	if !r.machine.Expects(a.handle, int(m.Op)) {
		return refused("the tensor is here already")
	}
	if err := r.shelve(a, d); err != nil {
		return refused("%v", err)
	}
	r.arrived(a, from, d)
	return nil
}

// joinLate begins a request with its first tensor. If it needs a node that was lost before, it fails at once.
func (r *Runtime) joinLate(id int64, rec *recipe) *activity {
	r.happens(0)
	a := r.join(id, rec)
	for j := range r.cfg.Platform.Nodes {
		if r.lost[j] != nil {
			r.machine.NodeLost(j)
		}
	}
	r.act()
	return a
}

// arrived tells the machine of a tensor.
func (r *Runtime) arrived(a *activity, from int, d *wire.Delivery) {
	op := int(d.Message.Op)
	bytes := a.recipe.Plan.Plan.Ops[op].Bytes(a.recipe.Graph)
	r.report.ReceivedBytes[from] += bytes
	r.report.noteLag(a.id, op, r.happens(d.Arrived))
	r.report.arrive(Arrival{Request: a.id, Op: int32(op), From: int32(from), Bytes: bytes, Sent: d.Sent, At: d.Arrived})
	r.machine.TensorArrived(a.handle, op)
	r.act()
}

// shelve keeps the tensor of a message.
func (r *Runtime) shelve(a *activity, d *wire.Delivery) error {
	if a.shelf == nil {
		return nil
	}
	op := int(d.Message.Op)
	data, shared := numbers(d.Message.Payload)
	t := inference.Tensor{Shape: d.Message.Shape, Data: data}
	release := d.Release
	if !shared {
		d.Release()
		release = nil
	}
	if err := a.shelf.put(a.recipe.Plan.Plan.Ops[op].Part, t, release); err != nil {
		return err
	}
	a.shelf.done(&a.recipe.ops[op])
	return nil
}

// mismatch says what is wrong with a message that is to carry the tensor of one of the plan's ops to node j.
func (rec *recipe) mismatch(m *wire.Message, from, j int, hollow bool) string {
	if m.Op < 0 || int(m.Op) >= len(rec.ops) {
		return fmt.Sprintf("the plan has %d ops", len(rec.ops))
	}
	op := &rec.Plan.Plan.Ops[m.Op]
	shape := submodel.Shape(rec.Graph, op.Part)
	if hollow {
		shape = nil
	}
	switch {
	case op.Kind != plan.Send || op.Node != from || op.To != j:
		return "the op sends nothing from there to here"
	case int(m.Layer) != op.Part.Layer || m.Region != regionOf(rec.Graph, op.Part):
		return fmt.Sprintf("it carries layer %d %v instead of layer %d %v", m.Layer, m.Region, op.Part.Layer, regionOf(rec.Graph, op.Part))
	case m.DType != wire.Float32 || !slices.Equal(m.Shape, shape) || !hollow && len(m.Payload) != 4*product(shape):
		return fmt.Sprintf("it carries %d bytes of shape %v instead of %v", len(m.Payload), m.Shape, shape)
	}
	return ""
}

// Lost returns why nodes cannot be reached, joined, or nil if all can.
func (r *Runtime) Lost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for j := range r.cfg.Platform.Nodes {
		errs = append(errs, r.lost[j])
	}
	return errors.Join(errs...)
}

// Arrival is a tensor that a node got.
type Arrival struct {
	Request int64
	Op      int32
	From    int32
	Bytes   int64
	Sent    time.Duration // when the sender began, by its clock
	At      time.Duration // when it was here, by this node's clock
}
