package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
)

// maxFiles is how many files one call may ask for.
const maxFiles = 1 << 16

// fileOf checks what a controller says of a file.
func fileOf(m *control.File) (identity, error) {
	if len(m.GetDigest()) != sha256.Size {
		return identity{}, fmt.Errorf("a digest of %d bytes; a SHA-256 has %d", len(m.GetDigest()), sha256.Size)
	}
	if m.Size < 0 {
		return identity{}, fmt.Errorf("a file of %d bytes", m.Size)
	}
	return identity{digest(m.Digest), m.Size}, nil
}

// Holds implements control.AgentServer.
func (h *Host) Holds(_ context.Context, r *control.HoldsRequest) (*control.HoldsReply, error) {
	if len(r.Files) > maxFiles {
		return nil, status.Errorf(codes.InvalidArgument, "%d files are asked for at once; at most %d", len(r.Files), maxFiles)
	}
	reply := &control.HoldsReply{}
	for i, m := range r.Files {
		id, err := fileOf(m)
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "file %d: %v", i, err)
		}
		reply.Bytes = append(reply.Bytes, h.folder.Holds(id))
	}
	return reply, nil
}

// Put implements control.AgentServer.
func (h *Host) Put(stream grpc.ClientStreamingServer[control.Chunk, control.PutReply]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	id, err := fileOf(first.File)
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "%v", err)
	}
	if err := h.folder.write(stream.Context(), id, first, stream.Recv); err != nil {
		return putStatus(err)
	}
	return stream.SendAndClose(&control.PutReply{Bytes: id.size})
}

// putStatus returns the status for the error of a transfer.
func putStatus(err error) error {
	var full *FullError
	var wrong *digestError
	var bad *chunkError
	var gap *gapError
	switch {
	case errors.As(err, &full), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return status.Errorf(codes.ResourceExhausted, "%v", err)
	case errors.As(err, &wrong):
		return status.Errorf(codes.DataLoss, "%v", err)
	case errors.As(err, &gap):
		return status.Errorf(codes.Aborted, "%v", err)
	case errors.As(err, &bad):
		return status.Errorf(codes.InvalidArgument, "%v", err)
	}
	if _, is := status.FromError(err); is {
		return err
	}
	return status.FromContextError(err).Err()
}

// digestError is a file that is not what it was said to be.
type digestError struct{ want, got digest }

func (e *digestError) Error() string {
	return fmt.Sprintf("the file has the digest %v instead of %v; it was thrown away", e.got, e.want)
}

// chunkError is a chunk that does not continue its file.
type chunkError struct{ why string }

func (e *chunkError) Error() string { return e.why }

// gapError is a transfer that goes on behind what is here: it has given way to other files, or the agent was started anew.
type gapError struct{ at, have int64 }

func (e *gapError) Error() string {
	return fmt.Sprintf("the file goes on at byte %d, but only %d are here (any more)", e.at, e.have)
}

// transfer is a file that is being written.
type transfer struct {
	f      *Folder
	id     identity
	part   *stored
	file   *os.File
	sum    hash.Hash
	at     int64 // bytes written and summed
	booked int64 // of Folder.reserved
}

// write takes a file in, from a first chunk and those that next returns until io.EOF. Of several writers of one file one writes and the
// others wait. What has come stays if something goes wrong on the way. The error is a *chunkError, *gapError, *digestError or *FullError, next's,
// ctx's, or the system's.
func (f *Folder) write(ctx context.Context, id identity, first *control.Chunk, next func() (*control.Chunk, error)) error {
	part, err := f.claimPart(ctx, id)
	if err != nil || part == nil {
		return err
	}
	t := &transfer{f: f, id: id, part: part, sum: sha256.New()}
	defer t.close()
	if err := t.resume(first.Offset); err != nil {
		return err
	}
	for c := first; t.at < id.size || len(c.Data) > 0; {
		if err := t.take(c); err != nil {
			return err
		}
		if t.at == id.size {
			break
		}
		if c, err = next(); err == io.EOF {
			return &chunkError{fmt.Sprintf("the file ends after %d of %d bytes", t.at, id.size)}
		} else if err != nil {
			return err
		}
		if c.File != nil {
			return &chunkError{"a second file; every transfer is of one"}
		}
	}
	return t.finish()
}

// resume opens what there is of the file and sums it up to an offset, from where it is written.
func (t *transfer) resume(offset int64) error {
	if offset < 0 || offset > t.id.size {
		return &chunkError{fmt.Sprintf("a file of %d bytes that goes on at byte %d", t.id.size, offset)}
	}
	if offset > t.part.size {
		return &gapError{offset, t.part.size}
	}
	if err := t.f.reserve(t.id.size - offset); err != nil {
		return err
	}
	t.booked = t.id.size - offset
	var err error
	if t.file, err = os.OpenFile(t.part.path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if _, err = io.CopyN(t.sum, t.file, offset); err == nil {
		err = t.file.Truncate(offset)
	}
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	t.at = offset
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	t.part.size = offset
	return nil
}

// take writes a chunk.
func (t *transfer) take(c *control.Chunk) error {
	n := int64(len(c.Data))
	switch {
	case n > control.MaxChunk:
		return &chunkError{fmt.Sprintf("a chunk of %d bytes; at most %d", n, control.MaxChunk)}
	case c.Offset != t.at:
		return &chunkError{fmt.Sprintf("a chunk at byte %d; the next is byte %d", c.Offset, t.at)}
	case n > t.id.size-t.at:
		return &chunkError{fmt.Sprintf("%d bytes at byte %d of a file of %d", n, t.at, t.id.size)}
	}
	if _, err := t.file.WriteAt(c.Data, t.at); err != nil {
		_ = t.file.Truncate(t.at) // part of a chunk is not counted
		return fmt.Errorf("host: %w", err)
	}
	t.sum.Write(c.Data)
	t.at += n
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	t.part.size = t.at
	t.booked -= n
	t.f.reserved -= n
	return nil
}

// finish makes the part a file if its digest is right, and throws it away if not.
func (t *transfer) finish() error {
	if got := digest(t.sum.Sum(nil)); got != t.id.digest {
		t.f.mu.Lock()
		defer t.f.mu.Unlock()
		t.part.size = 0
		return errors.Join(&digestError{t.id.digest, got}, os.Remove(t.part.path))
	}
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	path := t.f.path(filesDir, t.id.name())
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	if err := os.Rename(t.part.path, path); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	delete(t.f.parts, t.id)
	x := &stored{path: path, size: t.id.size, writing: token()}
	x.touch()
	t.f.files[t.id] = x
	t.part.size = 0
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// close ends the transfer, however far it has come.
func (t *transfer) close() {
	if t.file != nil {
		t.file.Close()
	}
	t.f.unreserve(t.booked)
	t.part.writing <- struct{}{}
	t.f.leave(t.id, t.part)
}

// claimPart returns the part of a file for writing, when nobody else writes it; nil if the file is there already. Leave it.
func (f *Folder) claimPart(ctx context.Context, id identity) (*stored, error) {
	for {
		f.mu.Lock()
		if f.files[id] != nil {
			f.mu.Unlock()
			return nil, nil
		}
		x := f.parts[id]
		if x == nil {
			x = &stored{path: f.path(partsDir, id.name()), writing: token()}
			f.parts[id] = x
		}
		x.pins++
		f.mu.Unlock()
		select {
		case <-x.writing:
		case <-ctx.Done():
			f.leave(id, x)
			return nil, context.Cause(ctx)
		}
		f.mu.Lock()
		current := f.parts[id] == x
		f.mu.Unlock()
		if current {
			return x, nil
		}
		x.writing <- struct{}{} // for others who wait for what is not a part any more
		f.leave(id, x)
	}
}

// leave gives a part up, after its token.
func (f *Folder) leave(id identity, x *stored) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x.pins--
	x.used = time.Now()
	if x.pins == 0 && x.size == 0 && f.parts[id] == x {
		delete(f.parts, id)
		_ = os.Remove(x.path) // empty, or never made
	}
}
