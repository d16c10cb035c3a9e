package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func victim(t *testing.T) *TCP {
	o := DefaultOptions("b")
	o.Token, o.Session, o.Connect, o.Handshake = "secret", "s", 300*time.Millisecond, 300*time.Millisecond
	v, err := Listen("127.0.0.1:0", o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Close()) })
	return v
}

// say connects to the victim, sends bytes and returns all that comes back until the connection ends.
func say(t *testing.T, v *TCP, b ...[]byte) []byte {
	c, err := net.Dial("tcp", v.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	for _, x := range b {
		c.Write(x)
	}
	c.SetDeadline(time.Now().Add(5 * time.Second))
	got, err := io.ReadAll(c)
	var timeout net.Error
	if err != nil && (!isTimeout(err)) {
		require.ErrorAs(t, err, &timeout) // reset
	}
	require.False(t, isTimeout(err), "the victim does not hang up")
	return got
}

func greeting(v *TCP, change func(h *hello)) []byte {
	h := hello{incarnation: 77, name: "a", to: "b", session: "s", token: "secret", limits: v.options.Limits}
	h.limits.Peers = 0
	change(&h)
	return preface(0, h.append(nil))
}

func TestStrangersAreRefused(t *testing.T) {
	v := victim(t)
	for why, change := range map[string]func(h *hello){
		"wrong token":     func(h *hello) { h.token = "guess" },
		"another session": func(h *hello) { h.session = "old" },
		"this is b":       func(h *hello) { h.to = "c" },
		"agent's own":     func(h *hello) { h.name = "b" },
		"limits":          func(h *hello) { h.limits.Window++ },
		"emulates":        func(h *hello) { h.emulated = true },
		"given":           func(h *hello) { h.receiver = v.incarnation },
	} {
		got := say(t, v, greeting(v, change))
		code, body, err := readPreface(bytes.NewReader(got), maxWelcome)
		require.NoError(t, err)
		require.Equal(t, refused, code)
		require.Contains(t, string(body), why)
	}
	for _, garbage := range [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n"), preface(0, make([]byte, maxHello+1)), preface(0, []byte("short")),
		preface(0, greeting(v, func(h *hello) { h.name = "../../etc" })[prefaceSize:]), {}} {
		require.Empty(t, say(t, v, garbage))
	}
	require.Empty(t, v.sources)
}

func TestOtherVersionIsToldSo(t *testing.T) {
	v := victim(t)
	b := greeting(v, func(*hello) {})
	binary.LittleEndian.PutUint16(b[8:], Version+1)
	_, _, err := readPreface(bytes.NewReader(say(t, v, b)), maxWelcome)
	require.NoError(t, err)

	old, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer old.Close()
	go func() {
		if c, err := old.Accept(); err == nil {
			io.ReadFull(c, make([]byte, prefaceSize))
			reply := preface(otherVersion, nil)
			binary.LittleEndian.PutUint16(reply[8:], Version+1)
			c.Write(reply)
			time.Sleep(10 * time.Millisecond)
			c.Close()
		}
	}()
	require.NoError(t, v.AddPeer("old", old.Addr().String()))
	err = v.Send(context.Background(), "old", &Message{Kind: Note})
	require.ErrorIs(t, err, ErrVersion)
	require.ErrorContains(t, err, "old")
}

// TestHostilePeerIsDropped lets a peer that was let in send what must not be.
func TestHostilePeerIsDropped(t *testing.T) {
	huge := appendHead(nil, 0, &Message{Kind: Tensor, DType: Float32, Shape: []int{1, 1}})
	binary.LittleEndian.PutUint64(huge[24:], 1<<60)
	open := func(number uint64, floor uint64, size int) []byte {
		m := &Message{Kind: Tensor, DType: Int8, Shape: []int{size}}
		b := appendHead(frame{frameOpen, headSize + 4, number}.append(nil), floor, m)
		binary.LittleEndian.PutUint64(b[frameSize+24:], uint64(size))
		return b
	}
	for field, b := range map[string][]byte{
		"payload":                  append(frame{frameOpen, uint32(len(huge)), 0}.append(nil), huge...),
		"frame type":               frame{kind: 99}.append(nil),
		"length of a frame":        frame{kind: frameData, length: 1 << 31}.append(nil),
		"number of a data frame":   append(frame{frameData, 1, 5}.append(nil), 1),
		"number of an end frame":   append(frame{frameEnd, trailerSize, 5}.append(nil), make([]byte, trailerSize)...),
		"number of a message":      open(maxOutstanding, 0, 1),
		"window":                   append(open(0, 0, 256<<20), open(1, 0, 1)...),
		"end of a message":         append(open(0, 0, 9), append(frame{frameEnd, trailerSize, 0}.append(nil), make([]byte, trailerSize)...)...),
		"frame from a sender":      frame{kind: frameAck}.append(nil),
		"data frame":               append(open(0, 0, 1), append(frame{frameData, 2, 0}.append(nil), 1, 2)...),
		"time of arrival":          trailer{arrive: 1}.append(frame{frameEnd, trailerSize, 0}.append(append(frame{frameData, 1, 0}.append(open(0, 0, 1)), 1))),
		"checksum":                 trailer{summed: true, sum: 1}.append(frame{frameEnd, trailerSize, 0}.append(append(frame{frameData, 1, 0}.append(open(0, 0, 1)), 1))),
		"trailer":                  trailer{sent: -1}.append(frame{frameEnd, trailerSize, 0}.append(append(frame{frameData, 1, 0}.append(open(0, 0, 1)), 1))),
		"frame's padding":          {byte(frameOpen), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"number of a message ":     append(open(0, 0, 1), open(0, 0, 1)...),
		"number of a message, old": append(open(5, 5, 1), open(4, 0, 1)...),
	} {
		t.Run(field, func(t *testing.T) {
			v := victim(t)
			got := say(t, v, greeting(v, func(*hello) {}), b)
			d := <-v.Receive()
			var bad *FrameError
			require.ErrorAs(t, d.Lost, &bad)
			require.Contains(t, field, bad.Field[:min(len(bad.Field), len(field))])
			require.Contains(t, string(got), bad.Field, "the peer is told")
			again := say(t, v, greeting(v, func(h *hello) { h.receiver = v.incarnation }))
			require.Contains(t, string(again), "given the connection up")
		})
	}
}

func TestSilentStrangersDoNotKeepPeersOut(t *testing.T) {
	v := victim(t)
	for range 2 * maxGreeting {
		c, err := net.Dial("tcp", v.Addr().String())
		require.NoError(t, err)
		defer c.Close()
	}
	o := v.options
	o.Name, o.Connect = "a", 10*time.Second
	a, err := Listen("127.0.0.1:0", o)
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, a.AddPeer("b", v.Addr().String()))
	require.NoError(t, a.Send(context.Background(), "b", &Message{Kind: Note}))
}

func TestNobodyThere(t *testing.T) {
	v := victim(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	l.Close()
	require.NoError(t, v.AddPeer("nobody", addr))
	err = v.Send(context.Background(), "nobody", &Message{Kind: Note})
	require.ErrorIs(t, err, ErrPeerLost)
	require.ErrorContains(t, err, "nobody")
	require.ErrorContains(t, err, "refused")
	select {
	case d := <-v.Receive():
		require.Fail(t, "reported a peer that it never met", "%v", d)
	default:
	}
}
