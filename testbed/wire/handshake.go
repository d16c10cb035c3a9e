package wire

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The preface is the same in all versions of the protocol:
//
//	0   8 bytes  magic
//	8   2 bytes  version
//	10  2 bytes  status; 0 from the dialer
//	12  4 bytes  length of the body that follows
const (
	magic       = "hidpwire"
	prefaceSize = 16
	maxHello    = 1024
	maxWelcome  = 24 + 8*maxOutstanding
	maxSecret   = 255 // bytes of a session and of a token
)

// status is the answer to a hello.
type status uint16

const (
	welcomed status = iota
	otherVersion
	refused   // body: why
	restarted // the receiver is not the one that the sender was connected to
)

// hello is what a dialer says first.
type hello struct {
	incarnation uint64 // of the sender: a random number per transport
	receiver    uint64 // incarnation of the receiver that it was connected to; 0 for none
	floor       uint64 // all messages below are settled for the sender
	emulated    bool
	limits      Limits
	name, to    string
	session     string
	token       string
}

// welcome is the answer to a hello that is accepted.
type welcome struct {
	incarnation uint64
	taken       uint64   // cost of all messages of the sender's that were taken
	received    []uint64 // messages from floor on that are here
}

func preface(s status, body []byte) []byte {
	b := append(make([]byte, 0, prefaceSize+len(body)), magic...)
	b = binary.LittleEndian.AppendUint16(b, Version)
	b = binary.LittleEndian.AppendUint16(b, uint16(s))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// readPreface reads a preface and its body. The error is ErrVersion if the other side speaks another version.
func readPreface(r io.Reader, limit int) (status, []byte, error) {
	var b [prefaceSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, nil, err
	}
	if string(b[:8]) != magic {
		return 0, nil, malformed("start of the connection", fmt.Sprintf("%q", b[:8]), "%q", magic)
	}
	if v := binary.LittleEndian.Uint16(b[8:]); v != Version {
		return otherVersion, nil, fmt.Errorf("%w: %d, here it is %d", ErrVersion, v, Version)
	}
	n := binary.LittleEndian.Uint32(b[12:])
	if int64(n) > int64(limit) {
		return 0, nil, malformed("length of a greeting", n, "at most %d", limit)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return status(binary.LittleEndian.Uint16(b[10:])), body, err
}

func (h *hello) append(b []byte) []byte {
	for _, x := range []uint64{h.incarnation, h.receiver, h.floor, uint64(h.limits.Payload), uint64(h.limits.Window), uint64(h.limits.Text), uint64(h.limits.Index)} {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	if h.emulated {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, s := range []string{h.name, h.to, h.session, h.token} {
		b = append(append(b, byte(len(s))), s...)
	}
	return b
}

func parseHello(b []byte) (*hello, error) {
	wrong := malformed("hello", fmt.Sprintf("%d bytes", len(b)), "seven numbers, a flag and four strings")
	if len(b) < 57 || b[56] > 1 {
		return nil, wrong
	}
	var x [7]uint64
	for i := range x {
		x[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	h := &hello{incarnation: x[0], receiver: x[1], floor: x[2], emulated: b[56] == 1,
		limits: Limits{Payload: int64(x[3]), Window: int64(x[4]), Text: int(x[5]), Index: int32(x[6])}}
	b = b[57:]
	for _, s := range []*string{&h.name, &h.to, &h.session, &h.token} {
		if len(b) < 1 || len(b) < 1+int(b[0]) {
			return nil, wrong
		}
		*s, b = string(b[1:1+b[0]]), b[1+b[0]:]
	}
	if len(b) != 0 || h.incarnation == 0 {
		return nil, wrong
	}
	return h, checkName(h.name)
}

func (w *welcome) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, w.incarnation)
	b = binary.LittleEndian.AppendUint64(b, w.taken)
	for _, n := range w.received {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func parseWelcome(b []byte) (*welcome, error) {
	if len(b) < 16 || len(b)%8 != 0 {
		return nil, malformed("welcome", fmt.Sprintf("%d bytes", len(b)), "two numbers and a list")
	}
	w := &welcome{incarnation: binary.LittleEndian.Uint64(b), taken: binary.LittleEndian.Uint64(b[8:])}
	for b = b[16:]; len(b) > 0; b = b[8:] {
		w.received = append(w.received, binary.LittleEndian.Uint64(b))
	}
	return w, nil
}

// answer turns the reply to a hello into a welcome or the reason why there is none.
func answer(s status, body []byte) (*welcome, error) {
	switch s {
	case welcomed:
		return parseWelcome(body)
	case otherVersion:
		return nil, ErrVersion
	case restarted:
		return nil, ErrPeerRestarted
	case refused:
		return nil, fmt.Errorf("%w: %q", ErrRefused, bytes.ToValidUTF8(body[:min(len(body), maxFault)], nil))
	}
	return nil, malformed("status", s, "at most %d", restarted)
}

// final reports whether there is no point in dialing again.
func final(err error) bool {
	var bad *FrameError
	return errors.As(err, &bad) || errors.Is(err, ErrVersion) || errors.Is(err, ErrRefused) || errors.Is(err, ErrPeerRestarted)
}

// admit returns why a hello is refused, "" if it is not. A stranger learns nothing that it does not know.
func (t *TCP) admit(h *hello) string {
	o := &t.options
	same := func(a, b string) bool {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:]) == 1
	}
	token, session := same(h.token, o.Token), same(h.session, o.Session)
	limits := o.Limits
	limits.Peers = 0
	switch {
	case !token:
		return "wrong token"
	case !session:
		return "another session"
	case h.to != o.Name:
		return fmt.Sprintf("this is %s, not %s", o.Name, h.to)
	case h.name == o.Name:
		return "the name is this agent's own"
	case h.limits != limits:
		return fmt.Sprintf("limits are %+v, not %+v", limits, h.limits)
	case h.emulated != (o.Network != nil):
		return "only one of the two emulates a network"
	}
	return ""
}
