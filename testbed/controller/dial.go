package controller

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// Options say how a controller behaves. Zero values mean what is said of each.
type Options struct {
	Version string           // of the program
	Holder  string           // who runs sessions, for others that are refused; user@host if empty
	Engine  inference.Engine // computes what answers are compared with; nil: nothing can be checked
	Clock   wire.Clock       // wire.Monotonic if nil

	Connect   time.Duration // longest time until an agent answers; 3 s
	Silence   time.Duration // without an answer for so long while requests are under way, a node is lost; 4 s
	Patience  time.Duration // longest time that nothing happens where something should; 2 min
	Tolerance time.Duration // lag above which a request is disturbed; 0: the larger of 2 ms and 5 % of the median latency
}

func (o *Options) fill() {
	if o.Clock == nil {
		o.Clock = wire.Monotonic()
	}
	if o.Connect == 0 {
		o.Connect = 3 * time.Second
	}
	if o.Silence == 0 {
		o.Silence = 4 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	if o.Holder == "" {
		name := "somebody"
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
		host, _ := os.Hostname()
		o.Holder = fmt.Sprintf("%s@%s, process %d", name, host, os.Getpid())
	}
}

// stall is how long a transfer may stand still.
func (o *Options) stall() time.Duration { return min(o.Patience, 30*time.Second) }

// Agents are the agents of a roster, reached and found fit. Its methods may be called at the same time, but they serve one session
// at a time.
type Agents struct {
	roster  *Roster
	options Options
	links   []*link // by node of the platform; nil where there is no agent
}

// link is the way to one agent.
type link struct {
	*Entry
	node   int
	conn   *grpc.ClientConn
	client control.AgentClient
	about  *control.Description
	pause  time.Duration // between attempts to send a file
	last   struct {
		sync.Mutex
		err error // of dialling
	}
}

// Dial reaches all agents of a roster. The error is a *DialError that lists every one that is not there or cannot be used, or says
// what is wrong with the certificates.
func Dial(ctx context.Context, r *Roster, o Options) (*Agents, error) {
	o.fill()
	a := &Agents{roster: r, options: o, links: make([]*link, len(r.platform.Nodes))}
	var config *tls.Config
	if r.TLS != "" {
		var err error
		if config, err = wire.LoadTLS(r.path(r.TLS), Name); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.Connect)
	defer cancel()
	faults := make([]string, len(r.Agents))
	var all sync.WaitGroup
	for i := range r.Agents {
		all.Go(func() { faults[i] = a.reach(ctx, &r.Agents[i], config) })
	}
	all.Wait()
	a.twice(faults)
	var failed DialError
	for i, why := range faults {
		if why != "" {
			failed.Faults = append(failed.Faults, AgentFault{r.Agents[i].Node, r.Agents[i].Address, why})
		}
	}
	if len(failed.Faults) > 0 {
		a.Close()
		return nil, &failed
	}
	return a, nil
}

// reach connects to one agent and returns what is wrong with it.
func (a *Agents) reach(ctx context.Context, e *Entry, config *tls.Config) string {
	j, _ := a.roster.platform.Node(e.Node)
	l := &link{Entry: e, node: j, pause: firstWait}
	network, address := a.roster.target(e)
	secure := insecure.NewCredentials()
	if config != nil {
		c := config.Clone()
		c.ServerName = e.Node
		secure = credentials.NewTLS(c)
	}
	var err error
	l.conn, err = grpc.NewClient("passthrough:///"+e.Node, grpc.WithTransportCredentials(secure), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(control.MaxMessage), grpc.MaxCallSendMsgSize(control.MaxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.dial(ctx, network, address) }))
	if err != nil {
		return err.Error()
	}
	a.links[j] = l
	l.client = control.NewAgentClient(l.conn)
	l.about, err = l.client.Describe(ctx, &control.DescribeRequest{Protocol: control.Protocol, Version: a.options.Version})
	if err != nil {
		return l.unreached(ctx, err)
	}
	return l.unfit()
}

// dial remembers why it failed: gRPC's words for that are not for users.
func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	l.last.Lock()
	defer l.last.Unlock()
	l.last.err = err
	return conn, err
}

// unreached says why an agent does not describe itself.
func (l *link) unreached(ctx context.Context, err error) string {
	l.last.Lock()
	dialled := l.last.err
	l.last.Unlock()
	listen := "hidp agent --listen " + l.Address
	code := status.Code(err)
	switch {
	case code == codes.Unimplemented:
		return fmt.Sprintf("what answers at %s is no agent of hidp", l.Address)
	case code != codes.Unavailable && code != codes.DeadlineExceeded && code != codes.Canceled:
		return fmt.Sprintf("the agent at %s refuses: %s", l.Address, said(err))
	case dialled != nil && !errors.Is(dialled, context.DeadlineExceeded) && !errors.Is(dialled, context.Canceled):
		return fmt.Sprintf("no agent answers at %s (%v): start one with %s", l.Address, cause(dialled), listen)
	case dialled == nil && code == codes.Unavailable:
		return fmt.Sprintf("what listens at %s does not speak as agents do (%s): is it an agent, and has it TLS where the agents file has?", l.Address, handshake(err))
	case errors.Is(context.Cause(ctx), context.Canceled):
		return "interrupted"
	}
	return fmt.Sprintf("no agent answers at %s in time: start one with %s", l.Address, listen)
}

// cause returns the system's word for why a connection was not made.
func cause(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return err
}

// handshake returns the innermost part of gRPC's account of a connection that was made and not accepted.
func handshake(err error) string {
	text := said(err)
	if _, after, ok := strings.Cut(text, "handshake failed: "); ok {
		text = after
	} else if _, after, ok := strings.Cut(text, "desc = "); ok {
		text = after
	}
	return strings.Trim(text, `"`)
}

// unfit says why an agent that is there cannot be used.
func (l *link) unfit() string {
	d := l.about
	switch {
	case d.Protocol != control.Protocol:
		return fmt.Sprintf("the agent at %s (version %q) speaks protocol %d, this program %d: install the same version of hidp on both",
			l.Address, d.Version, d.Protocol, control.Protocol)
	case d.Name != "" && d.Name != l.Node:
		return fmt.Sprintf("the agent at %s is node %s: correct the agents file, or start it with --name %s", l.Address, d.Name, l.Node)
	}
	for _, c := range l.Clusters {
		if c.Provider != "" && !slices.Contains(d.Providers, c.Provider) {
			return fmt.Sprintf("cluster %s is to compute with %s, but the agent at %s has %s only", c.Name, c.Provider, l.Address, strings.Join(d.Providers, ", "))
		}
	}
	return ""
}

// twice finds agents that stand for two nodes.
func (a *Agents) twice(faults []string) {
	boots := map[string]string{}
	for i := range a.roster.Agents {
		j, _ := a.roster.platform.Node(a.roster.Agents[i].Node)
		l := a.links[j]
		if l == nil || l.about == nil || l.about.Boot == "" || faults[i] != "" {
			continue
		}
		if other, ok := boots[l.about.Boot]; ok {
			faults[i] = fmt.Sprintf("the agent at %s is the one of node %s too: start one for each", l.Address, other)
		}
		boots[l.about.Boot] = l.Node
	}
}

// About returns what the agent of a node says of itself; nil if the node has none.
func (a *Agents) About(node string) *control.Description {
	if j, ok := a.roster.platform.Node(node); ok && a.links[j] != nil {
		return a.links[j].about
	}
	return nil
}

// Roster returns the roster that was dialled.
func (a *Agents) Roster() *Roster { return a.roster }

// Close closes the connections. Sessions must have ended.
func (a *Agents) Close() error {
	var errs []error
	for _, l := range a.links {
		if l != nil && l.conn != nil {
			errs = append(errs, l.conn.Close())
		}
	}
	return errors.Join(errs...)
}
