package host

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// All that is wrong with an Open is told at once, and whose fault it is; then the stream ends and the agent is free.
func TestOpenTellsAllFaults(t *testing.T) {
	s := newScene(t, 2, 1)
	b := boot(t, Options{Name: s.platform.Nodes[0].Name})
	good := s.opening(t, 0, b)
	for want, spoil := range map[string]func(o *control.Open){
		"an id of 0 bytes and a token":        func(o *control.Open) { o.Session = "" },
		"a token of 256":                      func(o *control.Open) { o.Token = strings.Repeat("x", 256) },
		"platform: ":                          func(o *control.Open) { o.Platform = []byte("{") },
		"has no node \"x\"":                   func(o *control.Open) { o.Node = "x" },
		"this is the agent of n0, not of n1":  func(o *control.Open) { o.Node = "n1" },
		"clusters: 0, but":                    func(o *control.Open) { o.Clusters = nil },
		"clusters: number 0 is \"x\"":         func(o *control.Open) { o.Clusters[0].Name = "x" },
		"a slowdown of NaN":                   func(o *control.Open) { o.Clusters[0].Slowdown = math.NaN() },
		"a slowdown of +Inf":                  func(o *control.Open) { o.Clusters[0].Slowdown = math.Inf(1) },
		"a slowdown of 0.5":                   func(o *control.Open) { o.Clusters[0].Slowdown = .5 },
		"-1 threads":                          func(o *control.Open) { o.Clusters[0].Threads = -1 },
		"100000 threads":                      func(o *control.Open) { o.Clusters[0].Threads = 100_000 },
		"CPU 100000 is none":                  func(o *control.Open) { o.Clusters[0].Cpus = []int32{100_000} },
		"CPU 0 is named twice":                func(o *control.Open) { o.Clusters[0].Cpus = []int32{0, 0} },
		"provider \"abacus\"":                 func(o *control.Open) { o.Clusters[0].Provider = "abacus" },
		"device -1":                           func(o *control.Open) { o.Clusters[0].Device = -1 },
		"plans: 0;":                           func(o *control.Open) { o.Plans = nil },
		"plan 0: graph":                       func(o *control.Open) { o.Plans[0].Graph = []byte("[]") },
		"plan 0:1: ":                          func(o *control.Open) { o.Plans[0].Plan = []byte("x") },
		"op 99 is none":                       func(o *control.Open) { o.Plans[0].Ops[0].Op = 99 },
		"is there twice":                      func(o *control.Open) { o.Plans[0].Ops = append(o.Plans[0].Ops, o.Plans[0].Ops[0]) },
		"op 0 is missing":                     func(o *control.Open) { o.Plans[0].Ops = o.Plans[0].Ops[1:] },
		"op 0: model: a digest of 0 bytes":    func(o *control.Open) { o.Plans[0].Ops[0].Model = nil },
		"that is run 7 times for 1 samples":   func(o *control.Open) { o.Plans[0].Ops[0].Repeat = 7 },
		"that is run 0 times":                 func(o *control.Open) { o.Plans[0].Ops[0].Repeat = 0 },
		"\"../x\" is not the plain name":      func(o *control.Open) { o.Plans[0].WeightsName = "../x" },
		"\"op-0.onnx\" is not the plain name": func(o *control.Open) { o.Plans[0].WeightsName = "op-0.onnx" },
		"weights: a file of -1 bytes":         func(o *control.Open) { o.Plans[0].Weights.Size = -1 },
		"there is no kind 9":                  func(o *control.Open) { o.Network = &control.NetworkSpec{Kind: 9} },
		"listen: ":                            func(o *control.Open) { o.Listen = "nowhere" },
		"clocks: \"x\" is not the whole path": func(o *control.Open) { o.Network = &control.NetworkSpec{Kind: control.NetworkSpec_SHAPED, Clocks: "x"} },
		"a shaped network is for": func(o *control.Open) {
			o.Listen, o.Network = "10.0.0.1:0", &control.NetworkSpec{Kind: control.NetworkSpec_SHAPED, Clocks: "/x"}
		},
		"takes -1ns":                           func(o *control.Open) { o.Modelled, o.Plans[0].Ops[0].Work = true, -1 },
		"!the agent has no file":               func(o *control.Open) { o.Plans[0].Ops[0].Model.Size++ },
		"!weights: the agent has no file":      func(o *control.Open) { o.Plans[0].Weights.Digest[0]++ },
		"!is not this machine's own and there": func(o *control.Open) { o.Listen = "0.0.0.0:0" },
		"!cannot load":                         func(o *control.Open) { o.Plans[0].Ops[0].Model = o.Plans[0].Weights },
	} {
		o := proto.CloneOf(good)
		spoil(o)
		c := dial(t, b)
		e := c.ask(&control.Command{What: &control.Command_Open{Open: o}})
		require.NotNil(t, e.GetRefused(), want)
		text, world := strings.CutPrefix(want, "!")
		require.Contains(t, strings.Join(e.GetRefused().Faults, "\n"), text)
		require.Equal(t, !world, e.GetRefused().User, "%s: %v", want, e)
		require.Nil(t, c.ended())
		b.free(t)
	}
	o := proto.CloneOf(good)
	o.Clusters[0].Slowdown, o.Plans[0].WeightsName, o.Session = -1, "", ""
	e := dial(t, b).ask(&control.Command{What: &control.Command_Open{Open: o}})
	require.Len(t, e.GetRefused().Faults, 3, "%v", e)
	dial(t, b).open(good)
}

// Commands in a wrong order, unknown ones and nonsense do not hurt.
func TestCommandsOutOfPlace(t *testing.T) {
	s := newScene(t, 2, 1)
	b := boot(t, Options{})
	o := s.opening(t, 0, b)
	c := dial(t, b)
	c.send(&control.Command{What: &control.Command_Close{Close: &control.Close{}}})
	require.Equal(t, codes.InvalidArgument, c.ended().Code())
	c = dial(t, b)
	c.open(o)
	refused := func(want string, what *control.Command) {
		e := c.ask(what)
		require.NotNil(t, e.GetRefused(), "%v", e)
		require.Contains(t, strings.Join(e.GetRefused().Faults, "\n"), want)
	}
	refused("open already", &control.Command{What: &control.Command_Open{Open: o}})
	refused("does not know", &control.Command{})
	refused("not connected", &control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{}}})
	connect := func(peers map[string]string) *control.Command {
		return &control.Command{What: &control.Command_Connect{Connect: &control.Connect{Peers: peers}}}
	}
	refused(`"n9" is no other node`, connect(map[string]string{"n9": "127.0.0.1:1"}))
	refused(`no address of n1`, connect(nil))
	refused(`not this machine's own`, connect(map[string]string{"n1": "10.9.9.9:1"}))
	profile := func(p *control.Profile) *control.Command {
		return &control.Command{What: &control.Command_Profile{Profile: p}}
	}
	refused("no plan 3", profile(&control.Profile{Plan: 3}))
	refused("no op 1000", profile(&control.Profile{Op: 1000}))
	c.send(&control.Command{What: &control.Command_Join{Join: &control.Join{Requests: []*control.Due{{Request: 3, Plan: 7}}}}})
	e := c.note()
	require.Contains(t, e.GetFailed().GetWhy(), "no plan 7")
	c.send(&control.Command{What: &control.Command_Drop{Drop: &control.Drop{Requests: []int64{-5, 77}, Why: "x"}}})
	c.number -= 2
	c.send(&control.Command{What: &control.Command_Drop{Drop: &control.Drop{}}})
	require.Equal(t, codes.InvalidArgument, c.ended().Code())
	b.free(t)
}

// Faults of a schedule are told together, and nothing of it begins.
func TestScheduleRefuses(t *testing.T) {
	s := newScene(t, 1, 1)
	b := boot(t, Options{})
	c := dial(t, b)
	c.open(s.opening(t, 0, b))
	input, err := put(t, b.client, wire.FloatBytes(s.input.Data), 1000)
	require.NoError(t, err)
	good := &control.Due{Request: 1, Input: input}
	for _, d := range s.input.Shape {
		good.Shape = append(good.Shape, int64(d))
	}
	ask := func(zero time.Duration, list ...*control.Due) *control.Event {
		return c.ask(&control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: list, Zero: int64(zero)}}})
	}
	for want, spoil := range map[string]func(d *control.Due){
		"number is not between":    func(d *control.Due) { d.Request = -1 },
		"it is due -1ns":           func(d *control.Due) { d.At = -1 },
		"no plan 1":                func(d *control.Due) { d.Plan = 1 },
		"has the shape [1]":        func(d *control.Due) { d.Shape = []int64{1} },
		"input: a digest":          func(d *control.Due) { d.Input.Digest = nil },
		"its input has 1 bytes":    func(d *control.Due) { d.Input.Size = 1 },
		"!the agent has no file":   func(d *control.Due) { d.Input.Digest[0]++ },
		"there is one of that num": func(d *control.Due) {},
	} {
		bad := proto.CloneOf(good)
		spoil(bad)
		e := ask(0, good, bad)
		text, world := strings.CutPrefix(want, "!")
		require.Contains(t, strings.Join(e.GetRefused().GetFaults(), "\n"), text)
		require.Equal(t, !world, e.GetRefused().User, want)
	}
	require.NotNil(t, ask(-1, good).GetRefused())
	require.NotNil(t, ask(1<<60, good).GetRefused())
	dropped := proto.CloneOf(good)
	dropped.Request, dropped.At = 2, int64(200*time.Millisecond)
	zero := b.host.clock.Now() + 50*time.Millisecond
	e := ask(zero, dropped, good)
	require.EqualValues(t, zero, e.GetScheduled().GetZero(), "%v", e)
	c.send(&control.Command{What: &control.Command_Drop{Drop: &control.Drop{Requests: []int64{2}, Why: "x"}}})
	f := c.note().GetFinished()
	require.EqualValues(t, 1, f.Request)
	require.GreaterOrEqual(t, f.At, int64(zero))
	require.Empty(t, f.Output)
	require.NotNil(t, ask(0, good).GetRefused(), "the number is taken")
	require.Len(t, c.close().Report.Trace.Requests, 1)
}
