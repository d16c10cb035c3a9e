package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// listen opens the transport of a session. A platform of one node has none.
func (s *session) listen() error {
	j := s.job
	if len(j.platform.Nodes) == 1 {
		return nil
	}
	name := j.platform.Nodes[j.node].Name
	o := wire.DefaultOptions(name)
	o.Session, o.Token, o.Insecure, o.Clock, o.Checksum = j.session, j.token, s.host.options.Insecure, s.host.clock, j.network.Checksum
	o.Limits = agent.Limits(j.plans)
	o.Limits.Peers = max(o.Limits.Peers, len(j.platform.Nodes))
	if s.host.options.TLSDir != "" {
		var err error
		if o.TLS, err = wire.LoadTLS(s.host.options.TLSDir, name); err != nil {
			return worldError{err}
		}
	}
	switch j.network.Kind {
	case control.NetworkSpec_SHAPED:
		paced, err := wire.OpenPaced(j.network.Clocks, j.platform, s.host.clock, j.network.Seed)
		if err != nil {
			return worldError{err}
		}
		o.Network = paced
		s.undo = append(s.undo, func() { paced.Close() })
	case control.NetworkSpec_DELAYED:
		o.Delay = wire.Delays(j.platform, name, j.network.Seed)
	}
	tcp, err := wire.Listen(j.listen, o)
	if err != nil {
		return worldError{err}
	}
	s.tcp = tcp
	return nil
}

// connect reaches the nodes that this one sends to, so that no request pays for a handshake.
func (s *session) connect(ctx context.Context, c *control.Connect) error {
	if s.connected {
		return errors.New("connect: the session is connected already")
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Peers)) {
		j, known := s.job.platform.Node(name)
		if !known || j == s.job.node {
			errs = append(errs, fmt.Errorf("connect: %q is no other node of platform %s", name, s.job.platform.Name))
		} else if err := s.tcp.AddPeer(name, c.Peers[name]); err != nil {
			errs = append(errs, err)
		}
	}
	for j := range s.receivers() {
		if name := s.job.platform.Nodes[j].Name; c.Peers[name] == "" {
			errs = append(errs, fmt.Errorf("connect: no address of %s, which this node sends to", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.connected = s.reach(ctx, slices.Sorted(maps.Keys(s.receivers())), &errs)
	return errors.Join(errs...)
}

// reach makes the connections to nodes, all at once, and reports whether they stand.
func (s *session) reach(ctx context.Context, nodes []int, errs *[]error) bool {
	failed := make([]error, len(nodes))
	var all sync.WaitGroup
	for i, j := range nodes {
		all.Go(func() { failed[i] = s.tcp.Connect(ctx, s.job.platform.Nodes[j].Name) })
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			*errs = append(*errs, worldError{err})
		}
	}
	return len(*errs) == 0
}

// receivers returns the nodes that this one sends to in any plan.
func (s *session) receivers() map[int]bool {
	to := map[int]bool{}
	for _, p := range s.job.plans {
		for i := range p.Plan.Ops {
			if op := &p.Plan.Ops[i]; op.Kind == plan.Send && op.Node == s.job.node {
				to[op.To] = true
			}
		}
	}
	return to
}
