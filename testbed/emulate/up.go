package emulate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hidp/internal/durable"
)

// Options say how a testbed is made.
type Options struct {
	Dir     string   // folder of the testbed, made if it does not exist
	Command []string // program and first arguments of an agent, such as hidp agent
	ORT     string   // ONNX Runtime library that agents are told to use; empty: what they find
	Net     Net      // Shaped if empty
	Seed    uint64   // of the network's jitter
	Force   bool     // take down a testbed that is up in Dir

	Priority bool          // raise agents above whatever else the machine does, where that can be done
	Machine  *Machine      // what may be used of this machine; nil: ThisMachine
	Ready    time.Duration // how long agents may take to answer; 10 s if 0
}

const (
	readyWithin = 10 * time.Second
	idDigits    = 8
)

// mark is what the names of all that belongs to a testbed begin with.
func mark(id string) string { return "hidp-" + id }

// Up starts an agent for every board of a set, and returns when all answer. If it fails, or ctx ends meanwhile, nothing is left but
// the agents' logs. Faults of the caller's choice (a set that this machine cannot emulate, a folder that is in use, a network that
// namespaces cannot be) are found before anything is made.
func Up(ctx context.Context, s *Spec, o Options) (*State, error) {
	b, err := prepare(s, &o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(b.state.Dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := lockFolder(b.state.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := clear(ctx, b.state.Dir, o.Force); err != nil {
		return nil, err
	}
	err = b.build(ctx)
	if err == nil {
		return b.state, nil
	}
	left := b.state.takeDown(context.WithoutCancel(ctx), false)
	if left == nil {
		return nil, err
	}
	return nil, errors.Join(err, fmt.Errorf("taking down what was there already: %w", left))
}

// builder is a testbed in the making.
type builder struct {
	options   Options
	spec      *Spec
	state     *State
	placement *Placement
	wiring    *wiring
	children  []*child
}

// prepare checks whatever can be checked before anything is changed.
func prepare(s *Spec, o *Options) (*builder, error) {
	if len(o.Command) == 0 {
		panic("emulate: no program for agents")
	}
	if o.Machine == nil {
		m := ThisMachine()
		o.Machine = &m
	}
	if o.Net == "" {
		o.Net = Shaped
	}
	if o.Ready == 0 {
		o.Ready = readyWithin
	}
	b := &builder{options: *o, spec: s}
	var err error
	if b.placement, err = s.Place(*o.Machine); err != nil {
		return nil, err
	}
	switch o.Net {
	case Shaped:
	case Namespaces:
		if b.wiring, err = wiringOf(s.Platform); err != nil {
			return nil, err
		}
		if err := checkNamespaces(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("--net: no network %q; write %s or %s", o.Net, Shaped, Namespaces)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	return b, b.describe(dir)
}

// describe notes everything that is going to be made.
func (b *builder) describe(dir string) error {
	self, err := identify(os.Getpid())
	if err != nil {
		return fmt.Errorf("boards are emulated where /proc tells about processes: %w", err)
	}
	p := b.placement
	s := &State{Version: stateVersion, ID: newID(), Boot: bootID(), Phase: Starting, Builder: self, Spec: b.spec.Name, Platform: b.spec.PlatformName, Net: b.options.Net,
		Need: p.Need, Limit: p.Limit, Cores: p.Cores, Network: p.Network, Entries: []string{rosterName}, Dir: dir}
	if s.Net == Shaped {
		s.Entries = append(s.Entries, clocksName)
	} else {
		s.Entries = append(s.Entries, tlsName)
	}
	for i, name := range b.spec.Platform.NodeNames() {
		a := Agent{Node: name}
		if b.wiring != nil {
			a.Namespace, a.Address = fmt.Sprintf("%s-%d", mark(s.ID), i), b.wiring.address[i]
			s.Namespaces = append(s.Namespaces, a.Namespace)
		}
		s.Agents = append(s.Agents, a)
		switch {
		case !plain(name) || strings.HasPrefix(name, ".") || slices.Contains([]string{stateName, rosterName, clocksName, tlsName}, name):
			return fmt.Errorf("platform %s: a node called %q cannot be emulated: files are named after nodes; give it another name", b.spec.Platform.Name, name)
		case len(s.Socket(name)) > longestPath:
			return fmt.Errorf("the path of the socket %s has %d bytes, and %d at most are possible; choose a folder with a shorter path", s.Socket(name), len(s.Socket(name)), longestPath)
		}
	}
	if b.wiring != nil {
		s.Namespaces = append(s.Namespaces, mark(s.ID)+"-sw")
	}
	b.state = s
	return nil
}

// clear takes away what an earlier testbed left in a folder. One that is up is left alone, unless force is set, and so are files of
// somebody else.
func clear(ctx context.Context, dir string, force bool) error {
	old, err := LoadState(dir)
	var none *NoTestbedError
	if errors.As(err, &none) {
		return foreign(dir)
	}
	if err != nil {
		return err
	}
	if up := old.alive(); len(up) > 0 && old.Phase == Running && !force {
		return &UpError{Dir: dir, Spec: old.Spec, Agents: len(up)}
	}
	return old.takeDown(ctx, false)
}

// UpError says that there is a testbed already.
type UpError struct {
	Dir, Spec string
	Agents    int // that run
}

// Error implements error.
func (e *UpError) Error() string {
	return fmt.Sprintf("a testbed of %s is up in %s (%d agents run): take it down with hidp testbed down, replace it with --force, or choose another folder", e.Spec, e.Dir, e.Agents)
}

// foreign refuses a folder with files that are not a testbed's.
func foreign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), logSuffix) && !durable.Unfinished(e.Name()) {
			return fmt.Errorf("%s is not empty (%s) and no testbed's folder; choose another", dir, e.Name())
		}
	}
	return nil
}
