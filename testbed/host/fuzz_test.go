package host

import (
	"bytes"
	"crypto/sha256"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"hidp/testbed/control"
	"hidp/testbed/inference"
)

// FuzzCommand gives the bytes of commands, as a controller could send them, to a host: what it does not refuse is a job whose
// parts fit each other.
func FuzzCommand(f *testing.F) {
	s := newScene(f, 2, 1)
	for _, change := range []func(o *control.Open){
		func(*control.Open) {},
		func(o *control.Open) { o.Modelled = true },
		func(o *control.Open) {
			o.Network = &control.NetworkSpec{Kind: control.NetworkSpec_SHAPED, Clocks: "/x"}
		},
		func(o *control.Open) { o.Clusters[0].Cpus, o.Clusters[0].Threads = []int32{0, 1}, 2 },
		func(o *control.Open) { o.Plans = append(o.Plans, o.Plans[0]) },
	} {
		o := s.opening(f, 0, nil)
		change(o)
		data, err := proto.Marshal(&control.Command{Number: 1, What: &control.Command_Open{Open: o}})
		require.NoError(f, err)
		f.Add(data)
	}
	h, err := New(Options{Dir: f.TempDir(), Engine: inference.Reference{}})
	require.NoError(f, err)
	f.Cleanup(func() { h.Close() })
	f.Fuzz(func(t *testing.T, data []byte) {
		var c control.Command
		if proto.Unmarshal(data, &c) != nil || c.GetOpen() == nil {
			return
		}
		j, faults := h.check(c.GetOpen())
		if len(faults) > 0 {
			require.Error(t, faults.err())
			return
		}
		require.Len(t, j.clusters, len(j.platform.Nodes[j.node].Clusters))
		require.Len(t, j.plans, len(j.works))
		for _, m := range j.models {
			require.Equal(t, j.plans[m.plan].Plan.Ops[m.op].Slice, m.sub.Slice)
		}
		_ = j.fits()
		u := &session{host: h, job: j}
		u.dir, err = h.folder.Session()
		require.NoError(t, err)
		u.ctx, u.end = t.Context(), func(error) {}
		require.True(t, len(j.models)+len(j.weights) == 0 || u.unpack() != nil, "no file is here")
		u.close()
	})
}

// FuzzPut sends a file in chunks that may be anything: nothing but the right file ever counts.
func FuzzPut(f *testing.F) {
	f.Add([]byte{0, 10, 10, 10, 20, 10}, uint16(30))
	f.Add([]byte{0, 255, 200, 1}, uint16(3))
	f.Add([]byte{5, 1}, uint16(0))
	folder, err := OpenFolder(f.TempDir(), 1<<20)
	require.NoError(f, err)
	f.Cleanup(func() { folder.Close() })
	f.Fuzz(func(t *testing.T, steps []byte, size uint16) {
		data := noise(int(size), uint64(size))
		id := identity{sha256.Sum256(data), int64(size)}
		var chunks []*control.Chunk
		for i := 0; i+1 < len(steps); i += 2 {
			lo, n := int(steps[i])*3, int(steps[i+1])*3
			chunks = append(chunks, &control.Chunk{Offset: int64(lo), Data: noise(max(n, len(data)), uint64(size))[min(lo, n):n]})
		}
		if len(chunks) == 0 {
			return
		}
		next := func() (*control.Chunk, error) {
			if chunks = chunks[1:]; len(chunks) == 0 {
				return nil, os.ErrDeadlineExceeded
			}
			return chunks[0], nil
		}
		err := folder.write(t.Context(), id, chunks[0], next)
		path, release, whole := folder.Use(id)
		if err == nil {
			require.True(t, whole)
		}
		if whole {
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, got))
			release()
		}
		require.Zero(t, folder.reserved)
	})
}
