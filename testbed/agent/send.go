package agent

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unsafe"

	"hidp/sim/trace"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// send moves the tensor of an op to its receiver. Messages do not wait for each other here: how they share a connection is the
// transport's business.
func (r *Runtime) send(a *activity, op int) {
	ready := r.now
	r.running.Go(func() {
		o := &a.recipe.Plan.Plan.Ops[op]
		bytes := o.Bytes(a.recipe.Graph)
		late := max(0, r.cfg.Clock.Now()-ready-wire.Forgiven)
		err := r.transmit(a, op, bytes, ready)
		if err == nil {
			a.shelf.done(&a.recipe.ops[op])
		} else {
			a.shelf.surrender(o.Part) // the transport may still be about to read it
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.report.SentBytes[o.To] += bytes
		if r.cfg.Emulated && late > 0 {
			r.report.noteLag(a.id, op, late)
		}
		r.report.Trace.AddTransfer(trace.Transfer{Request: a.id, Op: int32(op), From: int32(o.Node), To: int32(o.To), Bytes: bytes,
			Ready: ready, End: r.cfg.Clock.Now(), Wasted: err != nil})
		if err != nil {
			r.happens(0)
			r.unsent(a, op, err)
		}
	})
}

// transmit returns when the receiver has the tensor.
func (r *Runtime) transmit(a *activity, op int, bytes int64, ready time.Duration) error {
	o := &a.recipe.Plan.Plan.Ops[op]
	m := &wire.Message{Kind: wire.Tensor, Request: uint64(a.recipe.index)<<planShift | uint64(a.id), Op: int32(op), Layer: int32(o.Part.Layer),
		Region: regionOf(a.recipe.Graph, o.Part), DType: wire.Float32, Charge: bytes}
	if r.cfg.Emulated {
		m.Ready = ready
	}
	if !r.cfg.Hollow {
		t, made, err := a.shelf.take([]workloads.Part{o.Part})
		if err != nil {
			return &OpError{Node: r.spec.Name, Plan: a.recipe.index, Op: op, Why: err}
		}
		m.Shape, m.Payload = t[0].Shape, payload(t[0])
		if err := r.cfg.Transport.Send(r.ctx, r.cfg.Platform.Nodes[o.To].Name, m); err != nil {
			return err
		}
		a.shelf.free(made)
		return nil
	}
	return r.cfg.Transport.Send(r.ctx, r.cfg.Platform.Nodes[o.To].Name, m)
}

// unsent draws the consequences of a tensor that was not sent.
func (r *Runtime) unsent(a *activity, op int, err error) {
	if r.closed || r.ctx.Err() != nil || errors.Is(err, wire.ErrClosed) {
		return
	}
	var peer *wire.PeerError
	if to := a.recipe.Plan.Plan.Ops[op].To; errors.As(err, &peer) {
		r.lose(to, err)
		err = r.lost[to]
	}
	switch {
	case a.dropped: // others know already
	case r.live[a.id] == a:
		r.fail(a, err)
		r.act()
	case r.cfg.Failed != nil: // all that was left to do here was to send this
		r.notes.add(func() { r.cfg.Failed(a.id, err) })
	}
}

func regionOf(g *workloads.Graph, p workloads.Part) wire.Region {
	span := func(a tensor.Axis) wire.Span { return spanOf(g.Along(p, a)) }
	return wire.Region{Samples: span(tensor.Sample), Rows: span(tensor.Row), Channels: span(tensor.Channel)}
}

func spanOf(r workloads.Range) wire.Span { return wire.Span{Lo: int32(r.Lo), Hi: int32(r.Hi)} }

// littleEndian says that the machine keeps numbers as messages do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// payload returns the bytes of a tensor, which share its memory where the machine allows that.
func payload(t inference.Tensor) []byte {
	if len(t.Data) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(&t.Data[0])), 4*len(t.Data))
	}
	out := make([]byte, 0, 4*len(t.Data))
	for _, x := range t.Data {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// numbers is the reverse of payload; shared says that the numbers lie in the bytes.
func numbers(bytes []byte) (data []float32, shared bool) {
	n := len(bytes) / 4
	if n == 0 {
		return nil, false
	}
	if p := unsafe.Pointer(&bytes[0]); littleEndian && uintptr(p)%4 == 0 {
		return unsafe.Slice((*float32)(p), n), true
	}
	data = make([]float32, n)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))
	}
	return data, false
}
