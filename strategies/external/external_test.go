package external_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"hidp/devices"
	"hidp/internal/parts"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/conformance"
	"hidp/strategies/external"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// No goroutine outlives the tests, and no test leaves a process behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(exitWithoutChildren)) }

// exitWithoutChildren fails the run if a process that it started is still there, as a zombie or alive.
func exitWithoutChildren(code int) {
	if left := children(); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "processes left behind: %s\n", left)
		code = 1
	}
	os.Exit(code)
}

// children returns the processes that this one started and has not waited for.
func children() (ids []string) {
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a thread may end meanwhile
			panic(err)
		}
		ids = append(ids, strings.Fields(string(data))...)
	}
	return ids
}

// closed makes a strategy that the test closes at its end.
func closed(t *testing.T, name string, o strategies.Options) plan.Planner {
	t.Helper()
	s, err := catalog.New(name, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, plan.Close(s)) })
	return s
}

// oneCut is examples/my_strategy.py in Go.
type oneCut struct{ name string }

// Plan implements plan.Planner.
func (s oneCut) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	g, nodes, end := r.Graph, b.Platform.Nodes, len(r.Graph.Layers)
	compute := func(j, first, last int) float64 {
		if last <= first {
			return 0
		}
		k := nodes[j].DefaultCluster
		seconds := b.Costs(g).Invoke(j, k)
		for i := first; i < last; i++ {
			full := g.Full(i, r.Batch)
			seconds += b.Costs(g).Layer(j, k, i, &full)
		}
		return seconds
	}
	send := func(u, v, layer int) float64 {
		fixed := nodes[u].Message + nodes[v].Message + b.Platform.Network.Paths[u][v].Latency
		bytes := g.Bytes(workloads.Part{Layer: layer, Box: g.Full(layer, 1)}) * int64(r.Batch)
		return fixed.Seconds() + float64(float64(bytes)/b.Platform.Network.Goodput(u, v))
	}
	cut, other, least := end, r.Leader, compute(r.Leader, 1, end)
	for j := range nodes {
		if j == r.Leader || !b.Platform.Network.Connected(r.Leader, j) || !b.Platform.Network.Connected(j, r.Leader) {
			continue
		}
		for _, block := range g.Blocks() {
			f := block.From
			seconds := compute(r.Leader, 1, f) + send(r.Leader, j, f-1) + compute(j, f, end) + send(j, r.Leader, end-1)
			if seconds < least {
				cut, other, least = f, j, seconds
			}
		}
	}
	pb := plan.NewBuilder(s.name, r, b)
	if cut > 1 {
		pb.Compute(r.Leader, nodes[r.Leader].DefaultCluster, workloads.Slice{From: 1, To: cut, Out: g.Full(cut-1, r.Batch)})
	}
	if cut < end {
		pb.Bring(workloads.Part{Layer: cut - 1, Box: g.Full(cut-1, r.Batch)}, other) // the whole tensor, needed or not
		pb.Compute(other, nodes[other].DefaultCluster, workloads.Slice{From: cut, To: end, Out: g.Full(end-1, r.Batch)})
	}
	return pb.Finish()
}

// fastestBoard is examples/fastest_board.pl in Go.
type fastestBoard struct{ name string }

// UsesBacklog implements plan.Loaded.
func (s fastestBoard) UsesBacklog() bool { return true }

// Plan implements plan.Planner.
func (s fastestBoard) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	g, end := r.Graph, len(r.Graph.Layers)
	var best *plan.Plan
	var least time.Duration
	for j := range b.Platform.Nodes {
		if !b.Platform.Network.Connected(r.Leader, j) || !b.Platform.Network.Connected(j, r.Leader) {
			continue
		}
		pb := plan.NewBuilder(s.name, r, b)
		pb.Compute(j, b.Platform.Nodes[j].DefaultCluster, workloads.Slice{From: 1, To: end, Out: g.Full(end-1, r.Batch)})
		p, err := pb.Finish()
		if err != nil || plan.Validate(p, g, b.Platform) != nil {
			continue
		}
		if f := plan.Forecast(p, g, b); best == nil || f.Latency < least {
			best, least = p, f.Latency
		}
	}
	if best == nil {
		return nil, &plan.InfeasibleError{Reason: s.name + " says: no node has the memory"}
	}
	return best, nil
}

// examples are the programs with the same methods in Go.
func examples(t *testing.T) map[string]plan.Planner {
	python := "exec:" + parts.Program(t, parts.Python, "python3") + " examples/my_strategy.py"
	perl := "exec:" + parts.Program(t, parts.Perl, "perl") + " examples/fastest_board.pl"
	return map[string]plan.Planner{python: oneCut{python}, perl: fastestBoard{perl}}
}

// The programs answer as the same methods in Go do, over random networks, platforms, batches and backlogs.
func TestExamplesEqualGo(t *testing.T) {
	for name, same := range examples(t) {
		s := closed(t, name, nil)
		planned, refused := 0, 0
		for seed := range uint64(120) {
			rng := rand.New(rand.NewPCG(seed, 0xe7))
			b := plan.NewBelief(conformance.RandomPlatform(rng))
			for j := range b.Platform.Nodes {
				if seed%4 == 0 { // may lack memory
					b.Platform.Nodes[j].Memory = int64(rng.IntN(1 << 17))
				}
				b.Backlog = append(b.Backlog, nil)
				for range b.Platform.Nodes[j].Clusters {
					b.Backlog[j] = append(b.Backlog[j], time.Duration(rng.IntN(20))*time.Millisecond)
				}
			}
			r := plan.Problem{Graph: conformance.RandomGraph(rng), Batch: 1 + rng.IntN(3), Leader: rng.IntN(len(b.Platform.Nodes))}
			want, wantErr := same.Plan(r, b)
			if wantErr == nil && plan.Validate(want, r.Graph, b.Platform) != nil {
				_, err := s.Plan(r, b) // the method in Go does not look at memory
				require.ErrorAs(t, err, new(*plan.InfeasibleError), "seed %d", seed)
				require.ErrorContains(t, err, "for activations", "seed %d", seed)
				refused++
				continue
			}
			got, err := s.Plan(r, b)
			require.Equal(t, wantErr, err, "seed %d", seed)
			require.Equal(t, want, got, "seed %d", seed)
			if wantErr != nil {
				refused++
				continue
			}
			planned++
		}
		require.Greater(t, planned, 60, name)
		require.Greater(t, refused, 5, name)
		t.Logf("%s: %d plans, %d refused", name, planned, refused)
	}
}

// A simulation under load is the same, span for span, whichever language the method is written in.
func TestExamplesEqualGoSpanForSpan(t *testing.T) {
	platform, err := devices.Open("paper-wlan")
	require.NoError(t, err)
	var models []*workloads.Graph
	for _, name := range []string{"efficientnet_b0", "resnet152"} {
		g, err := zoo.Get(name)
		require.NoError(t, err)
		models = append(models, g)
	}
	for name, same := range examples(t) {
		run := func(s plan.Planner) *sim.Result {
			arrivals, err := workloads.Poisson{Rate: 15}.Source(7, workloads.Equal(2), workloads.Limit{Requests: 40})
			require.NoError(t, err)
			r, err := sim.Run(context.Background(), sim.Config{Truth: platform, Models: models, Batch: 1, Leader: platform.Leader,
				Strategy: s, Arrivals: arrivals, Seed: 7, TraceLimit: -1, Planning: sim.Planning{Mode: sim.PlanningFixed, Fixed: time.Millisecond}})
			require.NoError(t, err)
			return r
		}
		want := run(same)
		require.NotEmpty(t, want.Trace.Computes)
		require.NotEmpty(t, want.Trace.Transfers)
		s := closed(t, name, nil)
		for range 2 {
			require.Equal(t, want.Trace, run(s).Trace, name)
		}
	}
}

// request is a small problem.
func request(t *testing.T) (plan.Problem, *plan.Belief) {
	t.Helper()
	g, err := zoo.Get("squeezenet1_1")
	require.NoError(t, err)
	p, err := devices.Open("paper-gbe")
	require.NoError(t, err)
	return plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}, plan.NewBelief(p)
}

// greeting is what a program says first, for the shell.
const greeting = `read hello; echo '{"type":"hello","protocol":1}'; read problem; `

// says is a program that answers the problem with a message.
func says(message string) string { return greeting + "echo '" + message + "'; cat >&2" }

// valid is a plan for request, but for the ops.
func valid(ops string) string {
	return `{"type":"plan","id":1,"plan":{"version":1,"model":"squeezenet1_1","leader":"jetson-tx2","ops":[` + ops + `]}}`
}

// What is wrong with a program is told in words, as an error of the right kind, within the time that it has.
func TestFaults(t *testing.T) {
	world := func(err error) bool { return errors.As(err, new(*external.ProcessError)) }
	author := func(err error) bool { return errors.As(err, new(*external.ProtocolError)) }
	infeasible := func(err error) bool { return errors.As(err, new(*plan.InfeasibleError)) }
	for _, c := range []struct {
		name, command string
		kind          func(error) bool
		want          string
	}{
		{"ends at once", "true", world, "ended with exit status 0 when it should have said hello"},
		{"crashes", "echo no luck >&2; exit 3", world, "exit status 3 when it should have said hello (its memory is limited to 64 MiB); " +
			"the last it wrote to standard error:\nno luck"},
		{"is killed", greeting + "kill -9 $$", world, "was ended by signal 9 (killed) while it planned squeezenet1_1 (problem 1)"},
		{"a child is killed", greeting + "sh -c 'kill -11 $$'; exit $?", world, "was ended by signal 11"},
		{"hangs at hello", "sleep 100", world, "did not answer within 300ms when it should have said hello and was ended"},
		{"hangs", greeting + "sleep 100", world, "did not answer within 300ms while it planned squeezenet1_1 (problem 1) and was ended"},
		{"never reads and hangs", `echo '{"type":"hello","protocol":1}'; sleep 100`, world, "did not answer within 300ms while it planned"},
		{"hides in a session of its own", greeting + "setsid sleep 2 & sleep 100", world, "did not answer within 300ms"},
		{"dies in mid-line", greeting + `printf '{"type":"pl'`, world, `in the middle of a line, after 11 bytes of it: "{\"type\":\"pl"`},
		{"takes too much memory", greeting + `perl -e '$x = "a" x 300_000_000; sleep 100'`, world, "(its memory is limited to 64 MiB)"},
		{"no such program", "no-such-program", author, "cannot be run: "},
		{"garbage", "echo hello", author, `wrote "hello" when it should have said hello, which is no JSON object; standard output is for messages`},
		{"garbage without end", "yes", author, `wrote "y"`},
		{"a line without end", greeting + "tr '\\0' x </dev/zero", author, "a line is longer than 32 MiB while it planned"},
		{"null", says("null"), author, "which is no JSON object"},
		{"another version", `echo '{"type":"hello","protocol":2}'; cat >&2`, author, "speaks version 2 of the protocol; this hidp speaks version 1"},
		{"no hello", `echo '{"type":"plan","id":1}'; cat >&2`, author, `write {"type":"hello","protocol":1} first`},
		{"refuses an option", `echo '{"type":"error","reason":"no option x"}'; cat >&2`, author, "the program says: no option x"},
		{"an unknown type", says(`{"type":"plam","id":1}`), author, `wrote a message of type "plam" (did you mean "plan"?); a program writes plan, `},
		{"an unknown key", says(`{"type":"place","id":1,"placement":[]}`), author, `message "place" has no key "placement" (did you mean "placements"?)`},
		{"an unknown key of a placement", says(`{"type":"place","id":1,"placements":[{"node":"jetson-tx2","cluster":"gpu","layers":[1,20],"row":[0,1]}]}`), author,
			`message "place" cannot be read: unknown field "row"`},
		{"a wrong type", says(`{"type":"place","id":1,"placements":{}}`), author, "placements is a object; it must be a"},
		{"no id", says(`{"type":"infeasible","reason":"x"}`), author, `must have the id of the problem, 1`},
		{"another id", says(`{"type":"infeasible","id":2,"reason":"x"}`), author, `must have the id of the problem, 1`},
		{"hello again", says(`{"type":"hello","id":1}`), author, `has no key "id"`},
		{"infeasible", greeting + `echo '{"type":"infeasible","id":1,"reason":"too small"}'`, infeasible, "says: too small"},
		{"an error of its own", says(`{"type":"error","id":1,"reason":"I give up"}`), author, "the program says: I give up"},
		{"no plan", says(`{"type":"plan","id":1}`), author, `must have the key plan`},
		{"half a plan", says(valid("")), author, "plan: has 0 ops"},
		{"an invalid plan", says(valid(`{"id":0,"kind":"compute","node":"jetson-tx2","cluster":"gpu","layers":[2,20]}`)), author,
			"op 0: reads layer 1 (features.0)"},
		{"a plan of other nodes", says(valid(`{"id":0,"kind":"compute","node":"jetson","cluster":"gpu","layers":[1,20]}`)), author,
			`node is "jetson", which is not a node of platform paper-gbe`},
		{"a plan for another leader", says(strings.ReplaceAll(valid(wholeOp(t)), "jetson-tx2", "jetson-orin-nx")), author,
			"the plan is for leader jetson-orin-nx and batch 1; the problem has leader jetson-tx2 and batch 1"},
		{"no placements", says(`{"type":"place","id":1,"placements":[]}`), author, "there must be at least one"},
		{"a gap", says(`{"type":"place","id":1,"placements":[{"node":"jetson-tx2","cluster":"gpu","layers":[2,20]}]}`), author, "nobody has computed"},
		{"a range without end", says(`{"type":"place","id":1,"placements":[{"node":"jetson-tx2","cluster":"gpu","layers":[1,2],"rows":[0,99999999999]}]}`),
			author, "placement 0: rows are [0,99999999999)"},
		{"rows out of range", says(`{"type":"costs","id":1,"slices":[{"node":"jetson-tx2","cluster":"gpu","layers":[1,2],"rows":[0,5000]}]}`),
			author, "slice 0: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts.Program(t, parts.Perl, "perl")
			timeout := "5"
			if strings.Contains(c.want, "within 300ms") {
				timeout = "0.3"
			}
			s := closed(t, "exec:"+c.command, strategies.Options{"timeout": timeout, "memory": "64"})
			r, b := request(t)
			begun := time.Now()
			_, err := s.Plan(r, b)
			require.Error(t, err)
			require.True(t, c.kind(err), "%T: %v", err, err)
			require.ErrorContains(t, err, c.want)
			require.Less(t, time.Since(begun), 20*time.Second)
			_, err = s.Plan(r, b) // a fresh process has the same fault, or the program ends as it should
			require.Error(t, err)
		})
	}
}

// wholeOp runs everything on the leader.
func wholeOp(t *testing.T) string {
	r, _ := request(t)
	return fmt.Sprintf(`{"id":0,"kind":"compute","node":"jetson-tx2","cluster":"gpu","layers":[1,%d]}`, len(r.Graph.Layers))
}

// A program that died between two problems is noticed, told of, and started again for the next.
func TestStartsAgain(t *testing.T) {
	s := closed(t, "exec:"+greeting+"echo '"+valid(wholeOp(t))+"'", nil)
	r, b := request(t)
	for range 3 {
		p, err := s.Plan(r, b)
		require.NoError(t, err)
		require.NoError(t, plan.Validate(p, r.Graph, b.Platform))
		_, err = s.Plan(r, b)
		require.ErrorAs(t, err, new(*external.ProcessError))
	}
}

// Close ends a program that hangs, and the plan that waits for it.
func TestCloseEndsAPlan(t *testing.T) {
	for _, command := range []string{"sleep 100", greeting + "sleep 100", greeting + "trap '' TERM; sleep 100; sleep 100"} {
		s := closed(t, "exec:"+command, nil)
		ctx, stop := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer stop()
		defer plan.CloseWith(ctx, s)()
		r, b := request(t)
		begun := time.Now()
		_, err := s.Plan(r, b)
		require.ErrorAs(t, err, new(*external.ProcessError))
		require.Less(t, time.Since(begun), 10*time.Second)
	}
	require.Empty(t, children())
}

// Making a strategy runs nothing; its faults are the user's.
func TestOptions(t *testing.T) {
	made := filepath.Join(t.TempDir(), "made")
	closed(t, "exec:touch "+made, strategies.Options{"anything": "1"})
	require.NoFileExists(t, made)
	for name, o := range map[string]strategies.Options{"exec:": {}, "exec: ": {}, "exec:a\nb": {}, "exec:x": {"timeout": "no", "memory": "1", "seed": "-1"}} {
		_, err := catalog.New(name, o)
		require.Error(t, err)
		if len(o) > 0 {
			var faults *strategies.OptionError
			require.ErrorAs(t, err, &faults)
			require.Len(t, faults.Faults, len(o))
		}
	}
}

// The program hears its options and nothing else of the environment changes its answer.
func TestOptionsAreTold(t *testing.T) {
	s := closed(t, `exec:read hello; echo '{"type":"error","reason":"heard"}'; echo "$hello" >&2; sleep 0.1`, strategies.Options{"alpha": "0.5", "seed": "7", "timeout": "5"})
	r, b := request(t)
	_, err := s.Plan(r, b)
	require.ErrorContains(t, err, "heard")
	s = closed(t, `exec:read hello; echo "$hello" >&2; exit 1`, strategies.Options{"alpha": "0.5", "seed": "7", "timeout": "5"})
	_, err = s.Plan(r, b)
	require.ErrorContains(t, err, `{"type":"hello","protocol":1,"options":{"alpha":"0.5","seed":"7"}}`)
}
