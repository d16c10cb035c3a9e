package deploy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hidp/testbed/control"
)

// Options say what is put onto boards, and how patient to be.
type Options struct {
	Binaries  map[string]string // by architecture as Go calls it: path of the program
	Libraries map[string]string // by architecture: path of ONNX Runtime's library
	Version   string            // of this program, for the agents
	SSH       []string          // the ssh command and arguments before all others; empty: ssh
	Connect   time.Duration     // for a board to be reached; 0: 10 s
	Patience  time.Duration     // for an agent to answer after its start; 0: 30 s
	Force     bool              // replace agents that are in use

	// Progress hears what is being done on a board. Calls do not overlap. Nil: nobody does.
	Progress func(node, doing string)

	now   func() time.Time // tests
	units string           // tests: in place of systemAt
}

func (o Options) withDefaults() Options {
	if len(o.SSH) == 0 {
		o.SSH = []string{"ssh"}
	}
	if o.Connect == 0 {
		o.Connect = 10 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.now == nil {
		o.now = time.Now
	}
	var mu sync.Mutex
	hear := o.Progress
	o.Progress = func(node, doing string) {
		if hear != nil {
			mu.Lock()
			defer mu.Unlock()
			hear(node, doing)
		}
	}
	return o
}

// HostError says what went wrong on a board. Errors of this package join one for every board that has a fault.
type HostError struct {
	Node, Host string
	Err        error
}

// Error implements error.
func (e *HostError) Error() string { return fmt.Sprintf("%s (%s): %v", e.Node, e.Host, e.Err) }

// Unwrap returns the reason.
func (e *HostError) Unwrap() error { return e.Err }

// Installed is what Deploy did on a board.
type Installed struct {
	Board
	Copied    []string // files that were not there or differed, below the folder
	Restarted bool
	Agent     *control.Description
}

// work is one board in the course of an operation.
type work struct {
	host  Host
	conn  *connection
	board *Board
	files []*file
	lack  []*file
	old   *control.Description // of the agent that runs already
	done  Installed
}

// Deploy brings the program, ONNX Runtime and certificates to all boards, starts the agents and waits until each answers. First it
// looks at all boards; if one of them cannot be used, nothing is changed on any. What is there already is not copied again, and an
// agent for which nothing changed is not restarted. The error holds a *HostError for every board with a fault.
func Deploy(ctx context.Context, hosts *Hosts, o Options) ([]Installed, error) {
	o = o.withDefaults()
	all, closeAll, err := open(ctx, hosts, o)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	nodes := []string{ControllerName}
	for _, w := range all {
		nodes = append(nodes, w.host.Node)
	}
	if err := issue(hosts.TLS, nodes, o.now()); err != nil {
		return nil, err
	}
	if err := each(all, func(w *work) error { return w.prepare(ctx, hosts, o) }); err != nil {
		return nil, err
	}
	if err := each(all, func(w *work) error { return w.install(ctx, hosts, o) }); err != nil {
		return nil, err
	}
	var list []Installed
	for _, w := range all {
		list = append(list, w.done)
	}
	return list, nil
}

// prepare finds out what is to be done on a board, and whether it can be.
func (w *work) prepare(ctx context.Context, hosts *Hosts, o Options) error {
	b := w.board
	var err error
	if w.files, err = b.files(w.host, o, hosts.TLS); err != nil {
		return err
	}
	if w.lack, err = w.conn.missing(ctx, b.Dir, w.files); err != nil {
		return err
	}
	var need int64
	for _, f := range w.lack {
		need += f.size // the old file stays until the new one is whole
	}
	if need > 0 && b.Free < need+reserve {
		return fmt.Errorf("%d MB are free at %s, %d MB are needed", b.Free>>20, b.Dir, (need+reserve)>>20)
	}
	once, cancel := context.WithTimeout(ctx, askAtMost)
	defer cancel()
	if w.old, err = ask(once, hosts.TLS, b.Node, join(b.Address, b.port), o.Version); err == nil && w.old.Holder != "" && len(w.lack) > 0 && !o.Force {
		return fmt.Errorf("its agent is in use by %s: wait for the end of that session", w.old.Holder)
	}
	return nil
}

// install does it.
func (w *work) install(ctx context.Context, hosts *Hosts, o Options) error {
	b := w.board
	w.done = Installed{Board: *b, Agent: w.old}
	if b.owned && (b.installed != b.Service || b.installedNode != b.Node) {
		o.Progress(b.Node, "stopping the agent that was deployed otherwise")
		if err := w.conn.stop(ctx, b); err != nil {
			return err
		}
		w.old = nil
	}
	if _, err := w.conn.run(ctx, claimScript, nil, b.Dir, string(b.Service), b.Node); err != nil {
		return err
	}
	for _, f := range w.lack {
		o.Progress(b.Node, fmt.Sprintf("copying %s (%.1f MB)", f.name, float64(f.size)/1e6))
		if err := w.conn.put(ctx, b.Dir, f); err != nil {
			return err
		}
		w.done.Copied = append(w.done.Copied, f.name)
	}
	if w.old != nil && len(w.lack) == 0 {
		return nil
	}
	if _, err := w.conn.run(ctx, `exec "$1" --version >/dev/null`, nil, b.Dir+"/hidp"); err != nil {
		return fmt.Errorf("the program cannot be run there: %w", err)
	}
	o.Progress(b.Node, "starting the agent")
	if _, err := w.conn.service(ctx, "start", b, b.Service, b.Node); err != nil {
		return err
	}
	var err error
	w.done.Restarted = true
	w.done.Agent, err = w.conn.await(ctx, b, o, hosts.TLS)
	return err
}
