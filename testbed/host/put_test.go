package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
)

// noise returns bytes that are the seed's alone.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(seed, 5))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func fileFor(data []byte) *control.File {
	sum := sha256.Sum256(data)
	return &control.File{Digest: sum[:], Size: int64(len(data))}
}

func held(t testing.TB, b *board, f *control.File) int64 {
	r, err := b.client.Holds(within(t), &control.HoldsRequest{Files: []*control.File{f}})
	require.NoError(t, err)
	return r.Bytes[0]
}

// stored returns what the folder has of files and parts.
func storedIn(t testing.TB, dir, sub string) []string {
	entries, err := os.ReadDir(filepath.Join(dir, sub))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Files arrive in any chunks, are private, and count when they are whole; those that are there need not be sent.
func TestPut(t *testing.T) {
	dir := t.TempDir() + "/agent"
	b := boot(t, Options{Dir: dir})
	for i, size := range []int{0, 1, 1000, 3<<20 + 5} {
		data := noise(size, uint64(i))
		file, err := put(t, b.client, data, control.MaxChunk)
		require.NoError(t, err)
		require.EqualValues(t, size, held(t, b, file))
		require.NoError(t, putFrom(t, b.client, file, data, 0, 1<<16), "again")
		id, err := fileOf(file)
		require.NoError(t, err)
		path := filepath.Join(dir, filesDir, id.name())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Empty(t, storedIn(t, dir, partsDir))
}

// A transfer that breaks goes on where it stopped, also when the agent was started anew meanwhile.
func TestPutGoesOnAfterRestart(t *testing.T) {
	dir := t.TempDir()
	data := noise(500_000, 1)
	file := fileFor(data)
	b := boot(t, Options{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := b.client.Put(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&control.Chunk{File: file, Data: data[:200_000]}))
	require.Eventually(t, func() bool { return held(t, b, file) == 200_000 }, 5*time.Second, time.Millisecond)
	cancel()
	b.stop()

	require.NoError(t, os.WriteFile(filepath.Join(dir, partsDir, "rubbish"), nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, sessionsDir, "left"), 0o700))
	b = boot(t, Options{Dir: dir})
	require.EqualValues(t, 200_000, held(t, b, file))
	require.Empty(t, storedIn(t, dir, sessionsDir))
	require.Equal(t, codes.Aborted, status.Code(putFrom(t, b.client, file, data, 200_001, 1000)), "there is a gap")
	require.NoError(t, putFrom(t, b.client, file, data, 150_000, 100_000), "it may go back")
	require.EqualValues(t, len(data), held(t, b, file))
	b.stop()
	b = boot(t, Options{Dir: dir})
	require.EqualValues(t, len(data), held(t, b, file))
	require.Empty(t, storedIn(t, dir, partsDir))
}

// A file with another digest is thrown away, so that it can be sent anew.
func TestPutOfWrongContent(t *testing.T) {
	b := boot(t, Options{})
	data := noise(3000, 1)
	file := fileFor(data)
	wrong := bytes.Clone(data)
	wrong[2999]++
	err := putFrom(t, b.client, file, wrong, 0, 1000)
	require.Equal(t, codes.DataLoss, status.Code(err), "%v", err)
	require.Zero(t, held(t, b, file))
	require.NoError(t, putFrom(t, b.client, file, data, 0, 1000))
}

// What does not make sense is refused before anything is written.
func TestPutRefuses(t *testing.T) {
	dir := t.TempDir()
	b := boot(t, Options{Dir: dir, Limit: 10_000})
	data := noise(100, 1)
	good := fileFor(data)
	big := func(n int64) *control.File { return &control.File{Digest: good.Digest, Size: n} }
	for name, c := range map[string]struct {
		want   codes.Code
		chunks []*control.Chunk
	}{
		"no file":         {codes.InvalidArgument, []*control.Chunk{{Data: data}}},
		"short digest":    {codes.InvalidArgument, []*control.Chunk{{File: &control.File{Digest: good.Digest[:31], Size: 100}, Data: data}}},
		"negative size":   {codes.InvalidArgument, []*control.Chunk{{File: big(-1), Data: data}}},
		"negative offset": {codes.InvalidArgument, []*control.Chunk{{File: good, Offset: -1, Data: data}}},
		"offset behind":   {codes.InvalidArgument, []*control.Chunk{{File: good, Offset: 101}}},
		"gap":             {codes.Aborted, []*control.Chunk{{File: good, Offset: 50, Data: data[50:]}}},
		"too much":        {codes.InvalidArgument, []*control.Chunk{{File: good, Data: noise(101, 2)}}},
		"too large chunk": {codes.InvalidArgument, []*control.Chunk{{File: big(9000), Data: noise(control.MaxChunk+1, 2)}}},
		"hole":            {codes.InvalidArgument, []*control.Chunk{{File: good, Data: data[:10]}, {Offset: 11, Data: data[11:]}}},
		"second file":     {codes.InvalidArgument, []*control.Chunk{{File: good, Data: data[:10]}, {File: good, Offset: 10, Data: data[10:]}}},
		"early end":       {codes.InvalidArgument, []*control.Chunk{{File: good, Data: data[:10]}}},
		"over the limit":  {codes.ResourceExhausted, []*control.Chunk{{File: big(10_001), Data: data}}},
		"endless":         {codes.ResourceExhausted, []*control.Chunk{{File: big(1<<63 - 1), Data: data}}},
	} {
		stream, err := b.client.Put(within(t))
		require.NoError(t, err)
		for _, chunk := range c.chunks {
			if stream.Send(chunk) != nil {
				break
			}
		}
		_, err = stream.CloseAndRecv()
		require.Equal(t, c.want, status.Code(err), "%s: %v", name, err)
		require.Empty(t, storedIn(t, dir, filesDir), name)
	}
	for _, f := range []*control.File{nil, {Digest: []byte("x"), Size: 1}, big(-1)} {
		_, err := b.client.Holds(within(t), &control.HoldsRequest{Files: []*control.File{f}})
		require.Equal(t, codes.InvalidArgument, status.Code(err))
	}
	_, err := b.client.Holds(within(t), &control.HoldsRequest{Files: make([]*control.File, maxFiles+1)})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.NoError(t, putFrom(t, b.client, good, data, 0, 100), "and the agent goes on")
}

// Several transfers of one file at once do not disturb each other.
func TestPutsOfOneFileAtOnce(t *testing.T) {
	b := boot(t, Options{})
	data := noise(300_000, 3)
	file := fileFor(data)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { errs[i] = putFrom(t, b.client, file, data, 0, 5000+i) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, len(data), held(t, b, file))
	free, err := b.host.folder.Free()
	require.NoError(t, err)
	require.Zero(t, b.host.folder.reserved)
	require.Positive(t, free)
}

// When the limit is reached, what was not used for longest gives way, but never what a session uses.
func TestLimit(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFolder(dir, 1000)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	add := func(seed uint64, size int) (identity, error) {
		data := noise(size, seed)
		id := identity{sha256.Sum256(data), int64(size)}
		return id, f.write(t.Context(), id, &control.Chunk{Data: data}, nil)
	}
	a, err := add(1, 400)
	require.NoError(t, err)
	b, err := add(2, 400)
	require.NoError(t, err)
	_, release, ok := f.Use(a)
	require.True(t, ok)
	free, err := f.Free()
	require.NoError(t, err)
	require.EqualValues(t, 600, free)

	c, err := add(3, 500)
	require.NoError(t, err)
	require.EqualValues(t, 400, f.Holds(a), "it is in use")
	require.Zero(t, f.Holds(b))
	_, err = add(4, 601)
	require.ErrorContains(t, err, "the agent's folder is full: 601 bytes are needed and 600 can be had")
	require.EqualValues(t, 500, f.Holds(c), "nothing gives way in vain")

	release()
	release()
	_, err = add(5, 1000)
	require.NoError(t, err)
	require.Len(t, storedIn(t, dir, filesDir), 1)
	_, _, ok = f.Use(a)
	require.False(t, ok)

	f.room = func(string) (int64, error) { return 99, nil }
	_, err = add(6, 1099+1)
	require.ErrorContains(t, err, "below its limit")
	f.limit = 1 << 20
	_, err = add(7, 1100)
	require.ErrorContains(t, err, "disk is full: 1100 bytes are needed and 1099 can be had")
	_, err = add(8, 50)
	require.NoError(t, err)
	require.Empty(t, storedIn(t, dir, partsDir))
}

// Parts that nobody goes on with give way too, and a folder belongs to one agent.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFolder(dir, 1000)
	require.NoError(t, err)
	_, err = OpenFolder(dir, 1000)
	require.ErrorContains(t, err, "in use by another agent")
	data := noise(900, 1)
	id := identity{sha256.Sum256(data), 900}
	require.ErrorIs(t, f.write(t.Context(), id, &control.Chunk{Data: data[:700]}, func() (*control.Chunk, error) { return nil, os.ErrDeadlineExceeded }), os.ErrDeadlineExceeded)
	require.EqualValues(t, 700, f.Holds(id))
	require.Zero(t, f.Holds(identity{id.digest, 901}), "of another size it is another file")
	other := noise(600, 2)
	require.NoError(t, f.write(t.Context(), identity{sha256.Sum256(other), 600}, &control.Chunk{Data: other}, nil))
	require.Zero(t, f.Holds(id))
	require.Empty(t, storedIn(t, dir, partsDir))
	require.NoError(t, f.Close())
	_, err = OpenFolder("", 1)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(dir+"/file", nil, 0o600))
	_, err = OpenFolder(dir+"/file", 1)
	require.ErrorContains(t, err, "not a directory")
}

// What stops a transfer is told as what it is.
func TestPutStatus(t *testing.T) {
	for want, err := range map[codes.Code]error{
		codes.ResourceExhausted: fmt.Errorf("host: %w", syscall.ENOSPC), codes.Canceled: context.Canceled, codes.Unknown: os.ErrPermission,
		codes.Unavailable: status.Error(codes.Unavailable, "x")} {
		require.Equal(t, want, status.Code(putStatus(err)))
	}
}
