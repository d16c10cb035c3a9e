package emulate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"hidp/internal/durable"
	"hidp/testbed/control"
	"hidp/testbed/controller"
	"hidp/testbed/wire"
)

const (
	askAgain = 20 * time.Millisecond // until an agent answers
	logLines = 3                     // of an agent that does not
)

func newID() string {
	b := make([]byte, idDigits/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// bootID tells starts of this machine apart; empty if the kernel does not say.
func bootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
}

// build makes the testbed that the state describes.
func (b *builder) build(ctx context.Context) error {
	s := b.state
	if err := s.save(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.raise, b.join, b.start, b.await, b.apart, b.enroll} {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.Phase = Running
	return s.save()
}

// raise makes the control group.
func (b *builder) raise(context.Context) error {
	if !b.options.Priority {
		return nil
	}
	var err error
	b.state.Priority, err = theseCgroups().raise(mark(b.state.ID), func(p *Priority) error {
		b.state.Priority = p
		return b.state.save()
	})
	return err
}

// join makes the network namespaces, and the certificates that agents want of each other off loopback.
func (b *builder) join(context.Context) error {
	if b.wiring == nil {
		return nil
	}
	ca, err := wire.OpenAuthority(b.state.path(tlsName))
	if err != nil {
		return err
	}
	for _, name := range append(b.spec.Platform.NodeNames(), controller.Name) {
		if err := ca.Issue(name); err != nil {
			return err
		}
	}
	return makeNamespaces(b.state.Namespaces, b.wiring)
}

// start starts all agents.
func (b *builder) start(ctx context.Context) error {
	for i := range b.state.Agents {
		c, err := start(b.launch(i))
		if err != nil {
			return err
		}
		b.children = append(b.children, c)
		b.state.Agents[i].Process = c.Process
		if err := b.state.save(); err != nil {
			return err
		}
		if p := b.state.Priority; p != nil && p.Group != "" {
			if err := p.add(c.PID); err != nil && !c.ended.Load() {
				if left := p.remove(); left != nil {
					return left
				}
				b.state.Priority = notRaised(err.Error())
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// launch is what agent i is started with.
func (b *builder) launch(i int) launch {
	s, a := b.state, &b.state.Agents[i]
	argv := append([]string{}, b.options.Command...)
	argv = append(argv, "--listen", "unix:"+s.Socket(a.Node), "--name", a.Node, "--dir", s.Folder(a.Node))
	if b.options.ORT != "" {
		argv = append(argv, "--ort", b.options.ORT)
	}
	if b.wiring != nil {
		argv = append(argv, "--tls", s.path(tlsName))
	}
	l := launch{argv: argv, env: []string{environment + "=" + s.ID}, log: s.Log(a.Node), namespace: a.Namespace}
	if os.Getenv("GOMAXPROCS") == "" {
		l.env = append(l.env, threads(b.spec.Platform.Nodes[i].Physical))
	}
	return l
}

// await waits until every agent answers.
func (b *builder) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.options.Ready, fmt.Errorf("no answer within %v", b.options.Ready))
	defer cancel()
	faults := make([]error, len(b.children))
	var all sync.WaitGroup
	for i, c := range b.children {
		all.Go(func() {
			if faults[i] = b.answers(ctx, i, c); faults[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	for i, err := range faults {
		if errors.Is(err, context.Canceled) && len(faults) > 1 { // because of another one
			faults[i] = nil
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	return ctx.Err()
}

// apart keeps agents off the CPUs of emulated clusters, but for the threads that compute for these, and lets them take turns quickly.
// Agents are started without that:
// they accept no clusters on CPUs that they were not to use. An agent is two processes, supervisor and worker; a worker that is started
// later inherits both.
func (b *builder) apart(context.Context) error {
	for _, p := range b.state.alive() {
		if err := confine(p, b.placement.Network); err != nil && p.Alive() {
			return fmt.Errorf("pinning an agent to CPUs %s: %w", list(b.placement.Network), err)
		}
		if group := b.state.Priority; group != nil && group.Group != "" { // workers that were started before their supervisor was put there
			if err := group.add(p.PID); err != nil && p.Alive() {
				return fmt.Errorf("control group %s: %w", group.Group, err)
			}
		}
	}
	return nil
}

// answers waits until one agent answers, as the agent that it is meant to be.
func (b *builder) answers(ctx context.Context, i int, c *child) error {
	node := b.state.Agents[i].Node
	var last error
	for {
		d, err := b.state.ask(ctx, node)
		if err != nil && ctx.Err() == nil {
			last = err
		}
		switch {
		case err == nil && d.Protocol != control.Protocol:
			return fmt.Errorf("agent of %s: %s speaks protocol %d, this program %d", node, b.options.Command[0], d.Protocol, control.Protocol)
		case err == nil && d.Name != node:
			return fmt.Errorf("agent of %s: the one that answers at %s calls itself %q", node, b.state.Socket(node), d.Name)
		case err == nil:
			return nil
		case c.ended.Load():
			return fmt.Errorf("agent of %s ended (%s): %s", node, c.status.Load(), b.said(node))
		case ctx.Err() != nil:
			return fmt.Errorf("agent of %s: %w (%v); %s", node, context.Cause(ctx), last, b.said(node))
		}
		time.Sleep(askAgain)
	}
}

// said quotes the log of an agent.
func (b *builder) said(node string) string {
	if last := tail(b.state.Log(node), logLines); last != "" {
		return "it said: " + last
	}
	return "it said nothing in " + b.state.Log(node)
}

// ask calls Describe of an agent.
func (s *State) ask(ctx context.Context, node string) (*control.Description, error) {
	socket := s.Socket(node)
	if _, err := os.Lstat(socket); err != nil {
		return nil, err
	}
	secure := insecure.NewCredentials()
	if slices.Contains(s.Entries, tlsName) {
		config, err := wire.LoadTLS(s.path(tlsName), controller.Name)
		if err != nil {
			return nil, err
		}
		config.ServerName = node
		secure = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient("passthrough:///agent", grpc.WithTransportCredentials(secure), grpc.WithNoProxy(),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return control.NewAgentClient(conn).Describe(ctx, &control.DescribeRequest{Protocol: control.Protocol})
}

// enroll writes the agents file.
func (b *builder) enroll(context.Context) error {
	s := b.state
	r := &controller.Roster{Platform: s.Platform, Network: controller.Network{Kind: controller.Shaped, Clocks: clocksName, Seed: int64(b.options.Seed)}}
	if b.wiring != nil {
		r.TLS = tlsName
		r.Network = controller.Network{Kind: controller.Delayed, Seed: int64(b.options.Seed)}
	}
	for i := range s.Agents {
		e := controller.Entry{Node: s.Agents[i].Node, Address: "unix:" + s.Agents[i].Node + ".sock", Data: "127.0.0.1:0"}
		if b.wiring != nil {
			e.Data = net.JoinHostPort(s.Agents[i].Address, "0")
		}
		for k := range b.spec.Nodes[i].Clusters {
			c := &b.spec.Nodes[i].Clusters[k]
			e.Clusters = append(e.Clusters, controller.Cluster{Name: b.spec.Platform.Nodes[i].Clusters[k].Name, Slowdown: c.Slowdown, Threads: c.Threads, CPUs: b.placement.CPUs[i][k]})
		}
		r.Agents = append(r.Agents, e)
	}
	if _, err := controller.ParseRoster(s.Roster(), r.Encode(), s.Dir); err != nil {
		return fmt.Errorf("the agents file that was to be written has faults: %w", err)
	}
	return durable.WriteFileMode(durable.Disk{}, s.Roster(), r.Encode(), 0o600)
}
