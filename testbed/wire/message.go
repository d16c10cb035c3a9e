package wire

import (
	"fmt"
	"math"
	"time"
)

// Kind says what a message is.
type Kind uint8

// The kinds of messages.
const (
	Tensor Kind = 1 // a piece of a tensor: what a send op of a plan moves
	Note   Kind = 2 // what agents tell each other besides: Code and Text are theirs, there is no payload
)

// DType is the type of a tensor's elements. They are little-endian.
type DType uint8

// The element types.
const (
	Float32 DType = 1
	Float16 DType = 2
	Int8    DType = 3
	Uint8   DType = 4
	Int32   DType = 5
	Int64   DType = 6
)

// Size returns the bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case Int8, Uint8:
		return 1
	case Float16:
		return 2
	case Float32, Int32:
		return 4
	case Int64:
		return 8
	}
	return 0
}

// Span is a half-open range [Lo, Hi); 0 ≤ Lo ≤ Hi.
type Span struct{ Lo, Hi int32 }

// Region says which part of a layer's output a piece is. How it relates to the shape is for the agents to check: a partial sum over
// rows has their region and one row.
type Region struct{ Samples, Rows, Channels Span }

// Message is what one agent sends another. Which fields mean something depends on the Kind.
type Message struct {
	Kind    Kind
	Request uint64 // the request it belongs to
	Op      int32  // the send op of the plan
	Layer   int32  // whose output the tensor is; -1 for the network's input
	Region  Region
	DType   DType
	Shape   []int  // of the piece; none, with no payload, where runs are modelled and no tensor exists
	Payload []byte // the elements in row-major order: product of Shape × DType.Size() bytes

	Code uint32 // Note: what it is about
	Text string // Note

	// Charge is the bytes that an emulated network is charged with, where they are not those of the payload; 0 if they are. It is not
	// sent.
	Charge int64

	// Ready is when an emulated network is to take it that the message is sent, by the agent's clock; 0: when it is. It is not sent.
	Ready time.Duration
}

// charge returns the bytes that an emulated network carries for the message.
func (m *Message) charge() int64 {
	if m.Charge > 0 {
		return m.Charge
	}
	return int64(len(m.Payload))
}

// Limits bound what is accepted from a peer, and sent to one. Nothing is allocated for what exceeds them.
type Limits struct {
	Payload int64 // bytes of one message
	Window  int64 // bytes of messages on the way or waiting at a receiver, from each sender; at least Payload
	Text    int   // bytes of Message.Text
	Index   int32 // largest op, layer and end of a span
	Peers   int   // peers that send to one transport
}

// maxRank is the largest number of dimensions, maxName the longest name of a node, in bytes.
const (
	maxRank = 8
	maxName = 64
)

// DefaultLimits returns limits that the activations of the largest model of the zoo fit at a batch of 16 (VGG19: 12.8 MB per
// sample) and that a board with 4 GB can keep for several peers.
func DefaultLimits() Limits {
	return Limits{Payload: 256 << 20, Window: 256 << 20, Text: 4096, Index: 1 << 24, Peers: 64}
}

// Validate reports the first limit that is impossible.
func (l Limits) Validate() error {
	switch {
	case l.Payload < 1 || l.Payload > math.MaxInt32:
		return fmt.Errorf("wire: limit of the payload is %d bytes; it must be between 1 and %d", l.Payload, math.MaxInt32)
	case l.Window < l.Payload:
		return fmt.Errorf("wire: window of %d bytes is smaller than the largest payload, %d", l.Window, l.Payload)
	case l.Text < 0 || l.Text > math.MaxUint16:
		return fmt.Errorf("wire: limit of a note is %d bytes; it must be between 0 and %d", l.Text, math.MaxUint16)
	case l.Index < 1:
		return fmt.Errorf("wire: limit of indices is %d; it must be positive", l.Index)
	case l.Peers < 1:
		return fmt.Errorf("wire: limit of peers is %d; it must be positive", l.Peers)
	}
	return nil
}

// FrameError says what is wrong with a message or with the bytes that a peer sent.
type FrameError struct {
	Field string // which part
	Got   string // what it is
	Want  string // what would be right
}

// Error implements error.
func (e *FrameError) Error() string {
	return fmt.Sprintf("wire: %s is %s; it must be %s", e.Field, e.Got, e.Want)
}

func malformed(field string, got any, want string, args ...any) error {
	return &FrameError{Field: field, Got: fmt.Sprint(got), Want: fmt.Sprintf(want, args...)}
}

// check returns a *FrameError if the message, whose payload has the given size, is not valid or exceeds the limits.
func (m *Message) check(l Limits, payload int64) error {
	switch m.Kind {
	case Tensor:
		if m.Text != "" || m.Code != 0 {
			return malformed("note of a tensor", fmt.Sprintf("%d %.20q", m.Code, m.Text), "empty")
		}
		return m.checkTensor(l, payload)
	case Note:
		if len(m.Text) > l.Text {
			return malformed("length of a note", len(m.Text), "at most %d", l.Text)
		}
		if payload != 0 || len(m.Shape) != 0 {
			return malformed("payload of a note", payload, "empty")
		}
		return m.checkIndices(l)
	}
	return malformed("kind", m.Kind, "%d or %d", Tensor, Note)
}

func (m *Message) checkTensor(l Limits, payload int64) error {
	if err := m.checkIndices(l); err != nil {
		return err
	}
	size := int64(m.DType.Size())
	if size == 0 {
		return malformed("element type", m.DType, "between %d and %d", Float32, Int64)
	}
	if len(m.Shape) > maxRank {
		return malformed("rank", len(m.Shape), "at most %d", maxRank)
	}
	if len(m.Shape) == 0 {
		size = 0
	}
	for _, d := range m.Shape {
		if d < 1 || int64(d) > l.Payload {
			return malformed("dimension", d, "between 1 and %d", l.Payload)
		}
		if size *= int64(d); size > l.Payload { // both factors are below 2³¹
			return malformed("tensor", fmt.Sprint(m.Shape), "of at most %d bytes", l.Payload)
		}
	}
	if payload != size {
		return malformed("payload", fmt.Sprintf("%d bytes", payload), "%d bytes for shape %v", size, m.Shape)
	}
	return nil
}

func (m *Message) checkIndices(l Limits) error {
	if m.Op < 0 || m.Op > l.Index {
		return malformed("op", m.Op, "between 0 and %d", l.Index)
	}
	if m.Layer < -1 || m.Layer > l.Index {
		return malformed("layer", m.Layer, "between -1 and %d", l.Index)
	}
	for _, s := range []Span{m.Region.Samples, m.Region.Rows, m.Region.Channels} {
		if s.Lo < 0 || s.Hi < s.Lo || s.Hi > l.Index {
			return malformed("region", fmt.Sprintf("[%d,%d)", s.Lo, s.Hi), "an ascending range within [0,%d)", l.Index)
		}
	}
	return nil
}
