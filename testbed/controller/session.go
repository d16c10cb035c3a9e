package controller

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"hidp/devices"
	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// Session is a job that is loaded on its agents and can be run there. End it with Close, or with Abort. Its methods may be called
// at the same time, but for Profile, Close and Abort.
type Session struct {
	agents   *Agents
	job      Job
	platform *devices.Platform
	streams  []*stream // by node; nil if it takes no part
	before   []reading // clocks, by node
	cancel   context.CancelFunc
	watching sync.WaitGroup

	mu      sync.Mutex
	lost    map[int]*NodeLostError
	ended   bool // by Close or Abort: what is lost now is not lost
	serving int
	next    int64
	pending map[int64]*serving
	history []*serving
	checks  []Checked
	run     *Run

	profiled bool
}

// Deploy brings a job to its agents: cuts the models, sends what is missing, opens a session on every node that takes part, and lets
// the nodes connect to each other. Errors: *JobError, *FitError, *TransferError, *BusyError, *RefusedError (which says whether it is
// the input's fault), *NodeLostError, *TimeoutError, joined where several nodes have one. Then nothing is left of the session.
//
// ctx is for deploying only; the session goes on when it ends.
func (a *Agents) Deploy(ctx context.Context, job Job) (*Session, error) {
	if err := job.check(a.roster); err != nil {
		return nil, err
	}
	shares, err := a.cut(ctx, &job)
	if err != nil {
		return nil, err
	}
	if err := a.fits(shares); err != nil {
		return nil, err
	}
	if err := a.bring(ctx, &job, shares); err != nil {
		return nil, err
	}
	s := &Session{agents: a, job: job, platform: a.roster.platform, streams: make([]*stream, len(a.links)), lost: map[int]*NodeLostError{}, pending: map[int64]*serving{}}
	if err := s.start(ctx, shares); err != nil {
		s.Abort()
		return nil, err
	}
	return s, nil
}

// start opens and connects, and compares clocks.
func (s *Session) start(ctx context.Context, shares []*share) error {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	addresses, err := s.open(ctx, lasting, shares)
	if err != nil {
		return err
	}
	if err := s.connect(ctx, addresses); err != nil {
		return err
	}
	if s.before, err = s.clocks(ctx); err != nil {
		return err
	}
	return s.together()
}

// open opens all nodes and returns where each receives tensors.
func (s *Session) open(ctx, lasting context.Context, shares []*share) (map[string]string, error) {
	id, token := random(), random()
	platform, err := json.Marshal(s.platform)
	if err != nil {
		return nil, err
	}
	for j, share := range shares {
		if share == nil {
			continue
		}
		st, err := s.agents.links[j].open(lasting, id, s.event, s.over)
		if err != nil {
			return nil, err
		}
		s.streams[j] = st
		s.watching.Go(func() { watch(st.ctx, st, s.patience, s.silent) })
	}
	addresses := map[string]string{}
	err = s.each(ctx, Opening, func(ctx context.Context, st *stream) error {
		r := s.agents.roster
		open := &control.Open{Session: id, Token: token, Holder: s.agents.options.Holder, Node: st.Node, Platform: platform, Plans: shares[st.node].plans,
			Clusters: st.clusters(&s.platform.Nodes[st.node]), Network: r.spec(), Modelled: s.job.Modelled != nil, Listen: st.data(), Alone: r.Alone, Energy: int64(s.job.Energy)}
		a, err := s.call(ctx, st, "prepare the session", &control.Command{What: &control.Command_Open{Open: open}})
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		addresses[st.Node] = st.reachable(a.event.GetOpened().GetAddress())
		return nil
	})
	return addresses, err
}

// connect lets the nodes connect to each other.
func (s *Session) connect(ctx context.Context, addresses map[string]string) error {
	return s.each(ctx, Connecting, func(ctx context.Context, st *stream) error {
		peers := map[string]string{}
		for name, address := range addresses {
			if name != st.Node {
				peers[name] = address
			}
		}
		_, err := s.call(ctx, st, "connect to the others", &control.Command{What: &control.Command_Connect{Connect: &control.Connect{Peers: peers}}})
		return err
	})
}

// each does something on all nodes at once and reports progress.
func (s *Session) each(ctx context.Context, phase Phase, do func(context.Context, *stream) error) error {
	patience := s.agents.options.Patience
	ctx, cancel := context.WithTimeoutCause(ctx, patience, &TimeoutError{fmt.Sprintf("agents are not ready (%s)", phase), patience})
	defer cancel()
	progress := s.job.meter(phase, int64(s.parties()))
	errs := make([]error, len(s.streams))
	var all sync.WaitGroup
	for j, st := range s.streams {
		if st == nil {
			continue
		}
		all.Go(func() {
			if errs[j] = do(ctx, st); errs[j] == nil {
				progress(1)
			}
		})
	}
	all.Wait()
	return unique(errs)
}

// unique joins errors but for those that say the same.
func unique(errs []error) error {
	var out []error
	seen := map[string]bool{}
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return errors.Join(out...)
}

// call is stream.call with the session's word for why a stream ended.
func (s *Session) call(ctx context.Context, st *stream, doing string, c *control.Command) (answer, error) {
	a, err := st.call(ctx, doing, c)
	if !errors.Is(err, errEnded) {
		return a, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if lost := s.lost[st.node]; lost != nil {
		if busy := (*BusyError)(nil); errors.As(lost.Why, &busy) {
			return a, busy
		}
		if crash := (*CrashError)(nil); errors.As(lost.Why, &crash) {
			return a, crash
		}
		return a, lost
	}
	return a, err
}

// over notes that a stream has ended.
func (s *Session) over(st *stream, why error) { s.lose(st.node, "", why) }

// silent notes that an agent does not answer.
func (s *Session) silent(st *stream, why error) {
	s.lose(st.node, "", why)
	st.cancel(why)
}

// hearsay is how long a node's own stream has to end once another node has said that it is lost: what the agent itself says of its end
// counts for more.
const hearsay = 500 * time.Millisecond

// rumour notes that a node is lost for another one.
func (s *Session) rumour(j int, from string, why error) {
	s.watching.Go(func() {
		st := s.streams[j]
		select {
		case <-st.gone:
		case <-st.broken:
			<-st.gone
		case <-time.After(hearsay):
			s.lose(j, from, why)
		}
	})
}

// lose notes that a node is gone, and ends what waits for it.
func (s *Session) lose(j int, from string, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.lost[j] != nil {
		return
	}
	l := s.agents.links[j]
	s.lost[j] = &NodeLostError{Node: l.Node, Address: l.Address, From: from, Why: why}
	for _, w := range s.pending {
		if w.needs[j] {
			w.stop(s.lost[j])
		}
	}
}

// patience is how long an agent may be silent now.
func (s *Session) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving > 0 {
		return s.agents.options.Silence
	}
	return max(calm, s.agents.options.Silence)
}

// parties returns how many nodes take part.
func (s *Session) parties() int {
	n := 0
	for _, st := range s.streams {
		if st != nil {
			n++
		}
	}
	return n
}

// Lost returns which nodes are lost, by name.
func (s *Session) Lost() map[string]*NodeLostError {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]*NodeLostError{}
	for _, e := range s.lost {
		out[e.Node] = e
	}
	return out
}

// random returns 32 hexadecimal digits that nobody can guess.
func random() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// reading is what comparing clocks with a node gave, and when, by the own clock.
type reading struct {
	wire.Offset
	at time.Duration
}
