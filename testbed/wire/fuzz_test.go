package wire

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// playback is a connection that brings given bytes and swallows what is written.
type playback struct {
	net.Conn
	*bytes.Reader
}

func (p playback) Read(b []byte) (int, error)       { return p.Reader.Read(b) }
func (p playback) Write(b []byte) (int, error)      { return len(b), nil }
func (p playback) Close() error                     { return nil }
func (p playback) SetReadDeadline(time.Time) error  { return nil }
func (p playback) SetWriteDeadline(time.Time) error { return nil }

func play(b []byte) *conn { return newConn(playback{Reader: bytes.NewReader(b)}, time.Second) }

// deaf is a transport without a socket whose inbox takes everything and gives nothing.
func deaf() *TCP {
	o := DefaultOptions("b")
	o.Limits = Limits{Payload: 1 << 12, Window: 1 << 14, Text: 64, Index: 1000, Peers: 1}
	return &TCP{options: o, in: &inbox{closed: true}}
}

// conversation is a valid stream of one message in two pieces and one note.
func conversation() []byte {
	m := &Message{Kind: Tensor, Request: 3, Op: 4, Layer: 5, DType: Int8, Shape: []int{2, 3}, Payload: []byte("abcdef")}
	note := &Message{Kind: Note, Code: 2, Text: "hello"}
	b := appendHead(frame{frameOpen, headSize + 8, 0}.append(nil), 0, m)
	b = append(frame{frameData, 4, 0}.append(b), "abcd"...)
	b = appendHead(frame{frameOpen, headSize + 5, 1}.append(b), 0, note)
	b = frame{kind: framePing, number: 9}.append(b)
	b = trailer{sent: 5}.append(frame{frameEnd, trailerSize, 1}.append(b))
	b = append(frame{frameData, 2, 0}.append(b), "ef"...)
	b = trailer{sent: 5, summed: true, sum: checksum(m.Payload)}.append(frame{frameEnd, trailerSize, 0}.append(b))
	return frame{kind: frameBye}.append(b)
}

// receive feeds bytes to a new reception and checks what must hold whatever they are.
func receive(t *testing.T, b []byte) (*source, error) {
	s := newSource(deaf(), "a", 1)
	r := reception{source: s, conn: play(b), partial: map[uint64]*partial{}}
	err := r.run()
	require.Error(t, err, "every stream ends")
	var unfinished int64
	for _, p := range r.partial {
		unfinished += cost(p.head.payload, len(p.head.message.Text))
		require.LessOrEqual(t, int64(cap(p.payload)), s.t.options.Limits.Payload, "no more memory than the limit")
	}
	require.LessOrEqual(t, s.open, s.t.options.Limits.Window)
	require.GreaterOrEqual(t, s.open, unfinished)
	require.LessOrEqual(t, len(s.received), maxOutstanding)
	finished := s.open - unfinished
	r.drop()
	require.Equal(t, finished, s.open)
	return s, err
}

func TestConversation(t *testing.T) {
	s, err := receive(t, conversation())
	require.ErrorIs(t, err, ErrPeerClosed)
	require.Len(t, s.received, 2)
}

// FuzzFrame feeds arbitrary bytes to all that reads from the network.
func FuzzFrame(f *testing.F) {
	f.Add(conversation())
	f.Add(conversation()[:100])
	h := hello{incarnation: 1, name: "a", to: "b", session: "s", token: "t", limits: DefaultLimits()}
	f.Add(preface(0, h.append(nil)))
	w := welcome{incarnation: 1, taken: 3, received: []uint64{4, 5}}
	f.Add(preface(0, w.append(nil)))
	credit := frame{kind: frameCredit, number: 700}.append(frame{kind: frameAck, number: 0}.append(nil))
	f.Add(append(frame{framePong, pongSize, 1}.append(credit), make([]byte, 16)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		receive(t, b)

		l := &link{t: deaf(), window: window{free: 1 << 10}, changed: make(chan struct{}), out: map[uint64]*outgoing{}, probes: map[uint64]*probe{1: {done: make(chan struct{})}}}
		c := play(b)
		l.out[0] = &outgoing{settled: make(chan struct{}), ended: c}
		l.next = 1
		require.Error(t, l.hear(c))
		require.LessOrEqual(t, l.window.free, l.t.options.Limits.Window)

		if code, body, err := readPreface(bytes.NewReader(b), maxWelcome); err == nil {
			if h, err := parseHello(body); err == nil {
				again, err := parseHello(h.append(nil))
				require.NoError(t, err)
				require.Equal(t, h, again)
			}
			answer(code, body)
		}
		if len(b) >= headSize {
			if h, err := parseHead(b, DefaultLimits()); err == nil && h.payload < 1<<16 {
				h.message.Payload = make([]byte, h.payload)
				require.Equal(t, b, appendHead(nil, h.floor, &h.message))
			}
		}
	})
}
