package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
)

const (
	attempts  = 6                      // to send one file without getting further, each going on where the one before stopped
	firstWait = 100 * time.Millisecond // before the second attempt; doubled for each further one
	holdsMost = 1000                   // files asked for at once
)

// missing returns how many bytes of each file the agent lacks.
func (l *link) missing(ctx context.Context, blobs []blob) ([]int64, error) {
	var out []int64
	for len(blobs) > 0 {
		some := blobs[:min(holdsMost, len(blobs))]
		blobs = blobs[len(some):]
		request := &control.HoldsRequest{}
		for _, b := range some {
			request.Files = append(request.Files, b.file)
		}
		reply, err := l.client.Holds(ctx, request)
		if err != nil {
			return nil, l.failed(ctx, err)
		}
		if len(reply.Bytes) != len(some) {
			return nil, &TransferError{l.Node, fmt.Errorf("the agent tells of %d files, it was asked about %d", len(reply.Bytes), len(some))}
		}
		for i, b := range some {
			out = append(out, max(0, b.file.Size-max(0, reply.Bytes[i])))
		}
	}
	return out, nil
}

// put sends a file of which the agent lacks so many bytes, through breaks of the connection. sent is told of bytes on their way;
// those that have to be sent again are taken back.
func (l *link) put(ctx context.Context, b blob, lacks int64, stall time.Duration, sent func(int64)) error {
	var err error
	damaged := false
	for failures, wait := 0, l.pause; failures < attempts; failures, wait = failures+1, 2*wait {
		if failures > 0 && sleep(ctx, wait/2) != nil {
			return context.Cause(ctx)
		}
		var n int64
		if n, err = l.transfer(ctx, b, b.file.Size-lacks, stall, sent); err == nil {
			return nil
		}
		switch code := status.Code(err); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case code == codes.ResourceExhausted:
			return &FitError{Node: l.Node, What: "disk", Need: b.file.Size, Have: -1, Why: said(err)}
		case code == codes.DataLoss && !damaged: // the agent has thrown it away
			damaged = true
		case code != codes.Unavailable && code != codes.Internal && code != codes.Canceled && code != codes.Aborted:
			return &TransferError{l.Node, err}
		}
		left, again := l.missing(ctx, []blob{b})
		if again != nil {
			sent(-n)
			continue
		}
		sent(lacks - left[0] - n)
		if left[0] == 0 {
			return nil
		}
		if left[0] < lacks {
			failures, wait = 0, l.pause
		}
		lacks = left[0]
	}
	return l.failed(ctx, err)
}

// errStalled is why a transfer that does not move is given up.
var errStalled = status.Error(codes.Unavailable, "nothing moves")

// transfer sends a file from an offset and returns how many bytes it has got rid of.
func (l *link) transfer(ctx context.Context, b blob, offset int64, stall time.Duration, sent func(int64)) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(stall, func() { cancel(errStalled) })
	defer alarm.Stop()
	stream, err := l.client.Put(ctx)
	if err != nil {
		return 0, err
	}
	w := &chunks{stream: stream, file: b.file, skip: offset, at: offset, moved: func(n int64) { alarm.Reset(stall); sent(n) }}
	err = b.write(w)
	if err == nil {
		err = w.flush()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return w.at - offset, stalled(ctx, err)
	}
	reply, err := stream.CloseAndRecv() // tells why the stream ended, too
	if err == nil && reply.Bytes != b.file.Size {
		err = status.Errorf(codes.Internal, "the agent has stored %d bytes of %d", reply.Bytes, b.file.Size)
	}
	return w.at - offset, stalled(ctx, err)
}

func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// chunks sends what is written to it, but for its beginning, in pieces.
type chunks struct {
	stream control.Agent_PutClient
	file   *control.File
	skip   int64 // bytes of what is still to be written that are not sent
	at     int64 // offset of the next chunk
	buffer []byte
	begun  bool
	moved  func(int64)
}

// Write implements io.Writer.
func (c *chunks) Write(p []byte) (int, error) {
	n := len(p)
	skipped := min(c.skip, int64(n))
	c.skip -= skipped
	p = p[skipped:]
	for len(p) > 0 {
		take := min(len(p), control.MaxChunk-len(c.buffer))
		c.buffer = append(c.buffer, p[:take]...)
		p = p[take:]
		if len(c.buffer) == control.MaxChunk {
			if err := c.send(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush sends what is left; an empty file has one empty chunk.
func (c *chunks) flush() error {
	if len(c.buffer) == 0 && c.begun {
		return nil
	}
	return c.send()
}

func (c *chunks) send() error {
	chunk := &control.Chunk{Offset: c.at, Data: c.buffer}
	if !c.begun {
		chunk.File, c.begun = c.file, true
	}
	if err := c.stream.Send(chunk); err != nil {
		return err
	}
	c.at += int64(len(c.buffer))
	c.moved(int64(len(c.buffer)))
	c.buffer = make([]byte, 0, cap(c.buffer)) // gRPC may still hold the other
	return nil
}

// failed says what became of a call that an agent did not answer.
func (l *link) failed(ctx context.Context, err error) error {
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return l.gone(err)
	}
	return &TransferError{l.Node, err}
}

// gone is the error of a node whose agent does not answer.
func (l *link) gone(err error) *NodeLostError {
	l.last.Lock()
	defer l.last.Unlock()
	if l.last.err != nil && status.Code(err) == codes.Unavailable {
		err = cause(l.last.err)
	} else {
		err = errors.New(handshake(err))
	}
	return &NodeLostError{Node: l.Node, Address: l.Address, Why: err}
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
