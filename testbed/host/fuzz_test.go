package host

import (
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
