package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// Version is the version of the protocol. Agents speak to their own version only: they are deployed together.
const Version = 1

// A connection carries messages one way: who dials sends them. It begins with a preface and a body each way (handshake.go), then
// come frames, all numbers little-endian:
//
//	0   1 byte   frame type
//	1   3 bytes  zero
//	4   4 bytes  length of the body that follows
//	8   8 bytes  number: of the message, of the probe; of a credit the bytes taken in all
//
// A message is one open frame, its payload in any number of data frames, and an end frame. Frames of several messages may alternate.
type frameType uint8

const (
	// From the sender.
	frameOpen  frameType = 1 // body: head of the message
	frameData  frameType = 2 // body: the next bytes of the payload
	frameEnd   frameType = 3 // body: trailer
	frameAbort frameType = 4 // the message will not be finished
	framePing  frameType = 5

	// From the receiver.
	frameAck    frameType = 6 // the message is here
	frameCredit frameType = 7 // number: the cost of all messages that were taken from the channel
	framePong   frameType = 8 // body: clocks at arrival and at answer
	frameFault  frameType = 9 // body: why the connection is broken off

	frameBye frameType = 10 // from both: the session is over
)

const (
	frameSize   = 16
	trailerSize = 24
	pongSize    = 16
	headSize    = 72 // of a message without dimensions and text
	maxFault    = 512
	maxChunk    = 1 << 20 // bytes of a data frame

	maxOutstanding = 1024 // messages between the first that is not acknowledged and the last
	minCost        = 512  // of a message in the window, so that notes are bounded too
)

// frame is the header of one.
type frame struct {
	kind   frameType
	length uint32
	number uint64
}

func (f frame) append(b []byte) []byte {
	b = append(b, byte(f.kind), 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, f.length)
	return binary.LittleEndian.AppendUint64(b, f.number)
}

// parseFrame reads a header of frameSize bytes and checks that its length suits its type; those of data and open frames are checked
// against the limits.
func parseFrame(b []byte, l Limits) (frame, error) {
	f := frame{frameType(b[0]), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])}
	if b[1] != 0 || b[2] != 0 || b[3] != 0 {
		return f, malformed("frame's padding", fmt.Sprintf("%x", b[1:4]), "zero")
	}
	low, high := 0, 0
	switch f.kind {
	case frameOpen:
		low, high = headSize, headSize+4*maxRank+l.Text
	case frameData:
		low, high = 1, maxChunk
	case frameEnd:
		low, high = trailerSize, trailerSize
	case framePong:
		low, high = pongSize, pongSize
	case frameFault:
		high = maxFault
	case frameAbort, framePing, frameAck, frameCredit, frameBye:
	default:
		return f, malformed("frame type", f.kind, "between %d and %d", frameOpen, frameBye)
	}
	if int64(f.length) < int64(low) || int64(f.length) > int64(high) {
		return f, malformed(fmt.Sprintf("length of a frame of type %d", f.kind), f.length, "between %d and %d", low, high)
	}
	return f, nil
}

// cost is what a message takes of the window.
func (m *Message) cost() int64 { return cost(int64(len(m.Payload)), len(m.Text)) }

func cost(payload int64, text int) int64 { return max(payload, minCost+int64(text)) }

// head is the body of an open frame.
type head struct {
	floor   uint64 // all messages below are settled for the sender
	payload int64
	message Message // without the payload
}

func appendHead(b []byte, floor uint64, m *Message) []byte {
	le := binary.LittleEndian
	b = append(b, byte(m.Kind), byte(m.DType), byte(len(m.Shape)), 0)
	b = le.AppendUint32(b, m.Code)
	b = le.AppendUint64(b, floor)
	b = le.AppendUint64(b, m.Request)
	b = le.AppendUint64(b, uint64(len(m.Payload)))
	b = le.AppendUint32(b, uint32(m.Op))
	b = le.AppendUint32(b, uint32(m.Layer))
	for _, s := range []Span{m.Region.Samples, m.Region.Rows, m.Region.Channels} {
		b = le.AppendUint32(b, uint32(s.Lo))
		b = le.AppendUint32(b, uint32(s.Hi))
	}
	b = le.AppendUint64(b, uint64(len(m.Text)))
	for _, d := range m.Shape {
		b = le.AppendUint32(b, uint32(d))
	}
	return append(b, m.Text...)
}

// parseHead reads the body of an open frame, of at least headSize bytes. The error is a *FrameError.
func parseHead(b []byte, l Limits) (head, error) {
	le := binary.LittleEndian
	h := head{floor: le.Uint64(b[8:]), message: Message{Kind: Kind(b[0]), DType: DType(b[1]), Code: le.Uint32(b[4:]),
		Request: le.Uint64(b[16:]), Op: int32(le.Uint32(b[32:])), Layer: int32(le.Uint32(b[36:]))}}
	rank, payload, text := int(b[2]), le.Uint64(b[24:]), le.Uint64(b[64:])
	for i, s := range []*Span{&h.message.Region.Samples, &h.message.Region.Rows, &h.message.Region.Channels} {
		s.Lo, s.Hi = int32(le.Uint32(b[40+8*i:])), int32(le.Uint32(b[44+8*i:]))
	}
	if b[3] != 0 {
		return h, malformed("head's padding", b[3], "zero")
	}
	if payload > uint64(l.Payload) {
		return h, malformed("payload", fmt.Sprintf("%d bytes", payload), "at most %d bytes", l.Payload)
	}
	if rank > maxRank {
		return h, malformed("rank", rank, "at most %d", maxRank)
	}
	if text > uint64(l.Text) || headSize+4*rank+int(text) != len(b) {
		return h, malformed("length of a note", text, "at most %d and the %d bytes left", l.Text, len(b)-headSize-4*rank)
	}
	for i := range rank {
		h.message.Shape = append(h.message.Shape, int(le.Uint32(b[headSize+4*i:])))
	}
	h.payload = int64(payload)
	h.message.Text = string(b[headSize+4*rank:])
	return h, h.message.check(l, h.payload)
}

// trailer is the body of an end frame.
type trailer struct {
	sent   time.Duration
	arrive time.Duration // 0 if no network is emulated
	sum    uint32        // CRC-32C of the payload, if summed
	summed bool
}

func (t trailer) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(t.sent))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.arrive))
	b = binary.LittleEndian.AppendUint32(b, t.sum)
	if t.summed {
		return append(b, 1, 0, 0, 0)
	}
	return append(b, 0, 0, 0, 0)
}

func parseTrailer(b []byte) (trailer, error) {
	le := binary.LittleEndian
	t := trailer{sent: time.Duration(le.Uint64(b)), arrive: time.Duration(le.Uint64(b[8:])), sum: le.Uint32(b[16:])}
	flags := le.Uint32(b[20:])
	t.summed = flags == 1
	if flags > 1 || t.arrive < 0 || t.sent < 0 {
		return t, malformed("trailer", fmt.Sprintf("%x", b), "two times and a checksum")
	}
	return t, nil
}

// checksum is CRC-32C, for which the processors have an instruction.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
