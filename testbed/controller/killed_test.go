package controller

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies/plan"
	"hidp/testbed/host"
	"hidp/testbed/inference"
	"hidp/workloads"
)

// agentEnv makes this test binary an agent: node, address and folder, one a line.
const agentEnv = "HIDP_TEST_AGENT"

func TestMain(m *testing.M) {
	if what := os.Getenv(agentEnv); what != "" {
		var node, address, dir string
		if _, err := fmt.Sscanf(what, "%s\n%s\n%s", &node, &address, &dir); err != nil {
			panic(err)
		}
		h, err := host.New(host.Options{Name: node, Dir: dir, Engine: inference.Reference{}})
		if err != nil {
			panic(err)
		}
		l, err := host.Listen(address)
		if err != nil {
			panic(err)
		}
		fmt.Println("ready")
		panic(h.Serve(context.Background(), l))
	}
	os.Exit(m.Run())
}

// start runs an agent in a process of its own, which ends with the test at the latest.
func start(t *testing.T, node, address, dir string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), agentEnv+"="+node+"\n"+address+"\n"+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	_, err = fmt.Fscanln(out, new(string))
	require.NoError(t, err)
	return c
}

// When the process of an agent is killed in the middle of requests, the run ends at once with its node's name, and the others can be
// used again.
func TestAgentKilled(t *testing.T) {
	p, src := three(t), small(t)
	dir, err := os.MkdirTemp("", "hidp")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	r := &Roster{Dir: dir, platform: p, Network: Network{Kind: Shaped, Clocks: "clocks"}}
	var agents []*exec.Cmd
	for j := range p.Nodes {
		address := "unix:" + filepath.Join(dir, fmt.Sprint(j))
		agents = append(agents, start(t, p.Nodes[j].Name, address, filepath.Join(dir, fmt.Sprint("files", j))))
		r.Agents = append(r.Agents, Entry{Node: p.Nodes[j].Name, Address: address})
	}
	a, err := Dial(t.Context(), r, Options{Engine: inference.Reference{}, Tolerance: time.Minute})
	require.NoError(t, err)
	defer a.Close()
	s, err := a.Deploy(t.Context(), Job{Source: src, Plans: []*plan.Plan{spread(t, src.Graph, p, 0)}})
	require.NoError(t, err)
	defer s.Abort()
	var requests []Request
	for i := range 200 {
		requests = append(requests, Request{At: time.Duration(i) * 20 * time.Millisecond})
	}
	killed := make(chan time.Time, 1)
	go func() {
		for !someDone(s) {
			time.Sleep(time.Millisecond)
		}
		killed <- time.Now()
		_ = agents[1].Process.Kill()
	}()
	_, err = s.Serve(t.Context(), requests, noise(src.Graph, 1))
	var lost *NodeLostError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, p.Nodes[1].Name, lost.Node)
	after := time.Since(<-killed)
	require.Less(t, after, 5*time.Second)
	t.Logf("known %v after the kill: %v", after, err)
	run, err := s.Close(t.Context())
	require.NoError(t, err)
	require.ErrorAs(t, run.Err(), &lost)
	require.NotEmpty(t, run.Latencies, "some requests were done before")
	require.NotNil(t, run.Nodes[0].Measured)
	require.Nil(t, run.Nodes[1].Measured)

	r.Agents = []Entry{r.Agents[0], r.Agents[2]}
	again, err := Dial(t.Context(), r, Options{})
	require.NoError(t, err)
	defer again.Close()
	_, err = again.Deploy(t.Context(), Job{Source: src, Plans: []*plan.Plan{spread(t, src.Graph, p, 0)}})
	require.ErrorContains(t, err, "needs node "+p.Nodes[1].Name)
	s, err = again.Deploy(t.Context(), Job{Source: src, Plans: []*plan.Plan{alone(t, src.Graph, p, 2)}})
	require.NoError(t, err)
	defer s.Abort()
	_, err = s.Serve(t.Context(), make([]Request, 2), noise(src.Graph, 1))
	require.NoError(t, err)
}

// someDone reports whether five requests have ended.
func someDone(s *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.history) > 0 && len(s.history[0].index) <= len(s.history[0].outcomes)-5
}

// alone computes everything at the leader.
func alone(t *testing.T, g *workloads.Graph, p *devices.Platform, leader int) *plan.Plan {
	b := plan.NewBuilder("alone", plan.Problem{Graph: g, Batch: 1, Leader: leader}, plan.NewBelief(p))
	b.Compute(leader, 0, workloads.Slice{From: 1, To: len(g.Layers), Out: g.Full(g.Output(), 1)})
	plan, err := b.Finish()
	require.NoError(t, err)
	return plan
}

// Where compute is modelled and the network is shaped, no request is faster than in the simulation.
func TestModelledAgents(t *testing.T) {
	p, src := three(t), small(t)
	l := newLab(t, p, Network{Kind: Shaped, Clocks: "clocks"}, inference.Reference{})
	a, err := Dial(t.Context(), l.roster, Options{Tolerance: time.Minute})
	require.NoError(t, err)
	defer a.Close()
	made := spread(t, src.Graph, p, 0)
	work := func(_ *plan.Plan, i int) time.Duration { return time.Duration(5+i) * time.Millisecond }
	s, err := a.Deploy(t.Context(), Job{Graph: src.Graph, Plans: []*plan.Plan{made}, Modelled: func(_, i int) time.Duration { return work(nil, i) }})
	require.NoError(t, err)
	defer s.Abort()
	var requests []Request
	for i := range 5 {
		requests = append(requests, Request{At: time.Duration(i) * 60 * time.Millisecond})
	}
	outcomes, err := s.Serve(t.Context(), requests, inference.Tensor{})
	require.NoError(t, err)
	r, err := s.Close(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Err())
	checkRun(t, r, outcomes, -1)
	arrivals, err := workloads.Periodic{Interval: time.Second}.Source(1, workloads.Equal(1), workloads.Limit{Requests: 1})
	require.NoError(t, err)
	simulated, err := sim.RunPlan(t.Context(), sim.Config{Truth: p, Work: work, Arrivals: arrivals}, made, src.Graph)
	require.NoError(t, err)
	t.Logf("simulated %v, measured %v, lag %v", simulated.Latency.Max, r.Latencies, r.Lag)
	for _, d := range r.Latencies {
		require.GreaterOrEqual(t, d, simulated.Latency.Max-time.Millisecond)
	}
	_, err = s.Check(outcomes, inference.Tensor{})
	require.ErrorContains(t, err, "no answers to check")
}
