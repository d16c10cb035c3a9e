package controller

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/strategies/plan"
	"hidp/testbed/control"
)

// Agents get exactly the files of their ops, each once, and the second time nothing; they are opened with all plans and connected
// to each other.
func TestDeploy(t *testing.T) {
	p, src := three(t), small(t)
	list := fakes(p)
	a, err := Dial(t.Context(), serve(t, p, nil, list...), Options{})
	require.NoError(t, err)
	defer a.Close()
	made, turned := spread(t, src.Graph, p, 0), spread(t, src.Graph, p, 1)
	phases := map[Phase]Progress{}
	job := Job{Source: src, Plans: []*plan.Plan{made, turned}, Progress: func(x Progress) { phases[x.Phase] = x }}
	s, err := a.Deploy(t.Context(), job)
	require.NoError(t, err)
	s.Abort()
	var stored int64
	for j, f := range list {
		open := told[toldOpen](f)[0].Open
		require.Equal(t, f.node, open.Node)
		require.Len(t, open.Plans, 2)
		for i, spec := range open.Plans {
			for _, op := range spec.Ops {
				require.Equal(t, j, job.Plans[i].Ops[op.Op].Node)
				require.Contains(t, f.blobs, string(op.Model.Digest))
				require.Contains(t, f.blobs, string(spec.Weights.Digest))
			}
		}
		require.Equal(t, open.Plans[0].Weights, open.Plans[1].Weights, "plans share their weights")
		peers := told[toldConnect](f)[0].Connect.Peers
		require.Len(t, peers, 2)
		require.NotContains(t, peers, f.node)
		for digest, data := range f.blobs {
			sum := sha256.Sum256(data)
			require.Equal(t, digest, string(sum[:]))
			stored += int64(len(data))
		}
		require.Equal(t, len(f.blobs), f.puts, "nothing is sent twice")
	}
	require.Equal(t, Progress{Sending, stored, stored}, phases[Sending])
	require.Equal(t, Progress{Cutting, 8, 8}, phases[Cutting])
	require.Equal(t, Progress{Connecting, 3, 3}, phases[Connecting])
	s, err = a.Deploy(t.Context(), job)
	require.NoError(t, err)
	s.Abort()
	require.Equal(t, Progress{Sending, 0, 0}, phases[Sending], "agents have everything already")
}

// A transfer that breaks again and again goes on where it stopped.
func TestPutResumes(t *testing.T) {
	p := three(t)
	f := newFake(p.Nodes[0].Name)
	data := []byte(strings.Repeat("0123456789abcdef", 5<<16)) // 5 MiB
	f.put = func(n int64) error {
		if n%(2<<20) == 0 && f.puts < 4 {
			return status.Error(codes.Unavailable, "the cable was pulled")
		}
		return nil
	}
	l := dialled(t, f)
	var sent atomic.Int64
	require.NoError(t, l.put(t.Context(), bytesBlob(data), int64(len(data)), time.Second, func(n int64) { sent.Add(n) }))
	require.Equal(t, int64(len(data)), sent.Load(), "what is sent again is counted once")
	require.Equal(t, 3, f.puts)
	sum := sha256.Sum256(data)
	require.Equal(t, data, f.blobs[string(sum[:])])
	require.NoError(t, l.put(t.Context(), bytesBlob(nil), 0, time.Second, func(int64) {}), "an empty file")
}

// dialled returns the link to a fake.
func dialled(t *testing.T, f *fake) *link {
	p := three(t)
	a, err := Dial(t.Context(), serve(t, p, nil, f), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	j, _ := p.Node(f.node)
	a.links[j].pause = 5 * time.Millisecond
	return a.links[j]
}

// Transfers that cannot succeed end with the reason and the node.
func TestPutFaults(t *testing.T) {
	name := three(t).Nodes[0].Name
	b := bytesBlob([]byte("data"))
	put := func(f *fake, b blob) error {
		return dialled(t, f).put(t.Context(), b, b.file.Size, time.Second, func(int64) {})
	}

	full := newFake(name)
	full.put = func(int64) error { return status.Error(codes.ResourceExhausted, "no space left on device") }
	var fit *FitError
	require.ErrorAs(t, put(full, b), &fit)
	require.Equal(t, "disk", fit.What)
	require.ErrorContains(t, fit, "no space left on device")
	require.Equal(t, 1, full.puts)

	denied := newFake(name)
	denied.put = func(int64) error { return status.Error(codes.InvalidArgument, "no") }
	var failed *TransferError
	require.ErrorAs(t, put(denied, b), &failed)
	require.Equal(t, name, failed.Node)

	damaged := newFake(name)
	other := b
	other.write = func(w io.Writer) error { _, err := w.Write([]byte("DATA")); return err }
	require.ErrorContains(t, put(damaged, other), "not what was promised")
	require.Equal(t, 2, damaged.puts, "bits may flip once")

	stuck := newFake(name)
	stuck.put = func(int64) error {
		if stuck.puts == 1 {
			time.Sleep(500 * time.Millisecond)
		}
		return nil
	}
	require.NoError(t, dialled(t, stuck).put(t.Context(), b, b.file.Size, 100*time.Millisecond, func(int64) {}), "what stands still is begun anew")

	dying := newFake(name)
	dying.put = func(int64) error { go dying.server.Stop(); time.Sleep(100 * time.Millisecond); return nil }
	var lost *NodeLostError
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.ErrorAs(t, dialled(t, dying).put(ctx, b, b.file.Size, time.Second, func(int64) {}), &lost)
	require.Equal(t, name, lost.Node)
}

// A job that its agents cannot run is refused before anything is opened.
func TestDeployRefuses(t *testing.T) {
	p, src := three(t), small(t)
	made := spread(t, src.Graph, p, 0)
	deploy := func(change func(list []*fake, r *Roster, job *Job)) error {
		list := fakes(p)
		r := serve(t, p, nil, list...)
		job := Job{Source: src, Plans: []*plan.Plan{made}}
		change(list, r, &job)
		a, err := Dial(t.Context(), r, Options{Patience: 300 * time.Millisecond})
		require.NoError(t, err)
		defer a.Close()
		s, err := a.Deploy(t.Context(), job)
		if err == nil {
			s.Abort()
		}
		return err
	}
	var job *JobError
	require.ErrorAs(t, deploy(func(_ []*fake, r *Roster, _ *Job) { r.Agents = r.Agents[:2] }), &job)
	require.ErrorContains(t, job, "plan 0 (spread) needs node "+p.Nodes[2].Name+", which has no agent")
	require.ErrorAs(t, deploy(func(_ []*fake, _ *Roster, j *Job) { j.Plans = nil }), &job)
	require.ErrorAs(t, deploy(func(_ []*fake, _ *Roster, j *Job) { *j = Job{Plans: j.Plans} }), &job)
	require.ErrorAs(t, deploy(func(_ []*fake, _ *Roster, j *Job) {
		broken := *made
		broken.Ops = broken.Ops[:1]
		j.Plans = []*plan.Plan{&broken}
	}), &job)
	var fit *FitError
	require.ErrorAs(t, deploy(func(list []*fake, _ *Roster, _ *Job) { list[1].about.Memory = 100 }), &fit)
	require.Equal(t, []string{p.Nodes[1].Name, "memory"}, []string{fit.Node, fit.What})
	require.ErrorAs(t, deploy(func(list []*fake, _ *Roster, _ *Job) { list[2].about.Free = 100 }), &fit)
	require.Equal(t, []string{p.Nodes[2].Name, "disk"}, []string{fit.Node, fit.What})

	var refused *RefusedError
	err := deploy(func(list []*fake, _ *Roster, _ *Job) {
		list[1].answer = func(c *control.Command, reply func(*control.Event)) bool {
			reply(&control.Event{Number: c.Number, What: &control.Event_Refused{Refused: &control.Refused{Faults: []string{"the library is missing"}, User: true}}})
			return true
		}
	})
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.User)
	require.EqualError(t, err, "node "+p.Nodes[1].Name+" cannot prepare the session: the library is missing")

	var late *TimeoutError
	require.ErrorAs(t, deploy(func(list []*fake, _ *Roster, _ *Job) {
		list[1].answer = func(*control.Command, func(*control.Event)) bool { return true }
	}), &late)
	var lost *NodeLostError
	require.ErrorAs(t, deploy(func(list []*fake, _ *Roster, _ *Job) {
		list[2].answer = func(*control.Command, func(*control.Event)) bool { go list[2].server.Stop(); return true }
	}), &lost)
	require.Equal(t, p.Nodes[2].Name, lost.Node)
	require.ErrorContains(t, deploy(func(list []*fake, r *Roster, _ *Job) {
		r.Network.Kind, list[1].ahead = Shaped, time.Hour
	}), "node "+p.Nodes[1].Name+" cannot take part in a shaped network: its clock is 1h0m0")
	var busy *BusyError
	require.ErrorAs(t, deploy(func(list []*fake, _ *Roster, _ *Job) { list[0].busy = "somebody else" }), &busy)
	require.ErrorContains(t, busy, "is in use: somebody else")
}
