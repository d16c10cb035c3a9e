package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/agent/energy"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/supervise"
	"hidp/testbed/wire"
)

// Options are what an agent is started with.
type Options struct {
	Name    string // the node that it is; empty: any, as the session says
	Version string // of the program
	Dir     string // private folder, made if it does not exist; one agent at a time uses it
	Limit   int64  // most bytes of files kept in Dir; 0: 16 GiB

	// Engine computes; it is not closed. Nil means ONNX Runtime from Library, or from where inference.FindLibrary finds it, and the
	// engine in Go if there is none: Host.Engine tells which.
	Engine  inference.Engine
	Library string

	TLSDir   string // certificates: ca.pem, NAME.pem, NAME.key; empty: no TLS, which is for this machine only
	Insecure bool   // go without TLS also elsewhere

	Worker *supervise.Worker // what a supervised agent inherits; nil: it has no supervisor

	Clock   wire.Clock     // nil: wire.Monotonic
	Sampler energy.Sampler // what power is read from; nil: what energy.Find finds
	Log     io.Writer      // nil: nowhere
}

// defaultLimit holds the models of the zoo several times over.
const defaultLimit = 16 << 30

// Controller is the name in the certificate of whoever may call agents.
const Controller = "controller"

// Host is an agent's process. It serves control.Agent; its methods may be called at the same time.
type Host struct {
	control.UnimplementedAgentServer
	options Options
	folder  *Folder
	engine  inference.Engine
	own     bool // the engine was opened here
	sampler energy.Sampler
	clock   wire.Clock
	boot    string
	cpus    []int
	notes   *supervise.Notes // for the supervisor; nil: there is none
	crash   *control.Crash   // of the process before this one
	log     logger
	ctx     context.Context // ends with Close
	end     context.CancelCauseFunc

	mu     sync.Mutex
	holder *claim
}

// New prepares an agent. The error says what is wrong with the folder, the library or the certificates.
func New(o Options) (*Host, error) {
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.TLSDir != "" {
		if o.Name == "" {
			return nil, errors.New("host: certificates are for a node: with TLS the agent needs its name")
		}
		if _, err := wire.LoadTLS(o.TLSDir, o.Name); err != nil {
			return nil, err
		}
	}
	h := &Host{options: o, engine: o.Engine, sampler: o.Sampler, clock: o.Clock, cpus: allowedCPUs(), boot: random(), log: logger{out: o.Log}}
	if h.clock == nil {
		h.clock = wire.Monotonic()
	}
	h.inherit()
	h.ctx, h.end = context.WithCancelCause(context.Background())
	var err error
	if h.folder, err = OpenFolder(o.Dir, o.Limit); err != nil {
		return nil, err
	}
	if err := h.open(); err != nil {
		h.folder.Close()
		return nil, err
	}
	return h, nil
}

// inherit takes over what the supervisor hands down. CPUs are those that it was allowed: whoever keeps it off some of them later does
// not mean the clusters.
func (h *Host) inherit() {
	w := h.options.Worker
	if w == nil {
		return
	}
	h.notes = w.Notes
	if w.CPUs != nil {
		h.cpus = w.CPUs
	}
	if w.Last != nil {
		h.crash = &control.Crash{Session: w.Last.Session, What: w.Last.String()}
	}
}

// open finds the engine and the monitor.
func (h *Host) open() error {
	if h.engine == nil {
		path, err := inference.FindLibrary(h.options.Library)
		var missing *inference.MissingError
		switch {
		case err == nil:
			if h.engine, err = inference.OpenORT(path); err != nil {
				return err
			}
			h.own = true
		case errors.As(err, &missing) && h.options.Library == "":
			h.log.printf("%v; the engine in Go computes, slowly", err)
			h.engine = inference.Reference{}
		default:
			return err
		}
	}
	h.notes.Engine(h.engine.Name())
	if h.sampler == nil {
		ctx, cancel := context.WithTimeout(h.ctx, 5*time.Second)
		defer cancel()
		if s, err := energy.Find(ctx, os.DirFS("/"), energy.Exec); err == nil {
			h.sampler = s
		}
	}
	return nil
}

// Close ends the session that is under way and gives back what the host holds. Serve must have returned.
func (h *Host) Close() error {
	h.end(errStopping)
	h.await(context.Background())
	err := h.folder.Close()
	if h.own {
		err = errors.Join(err, h.engine.Close())
		h.own = false
	}
	return err
}

// errStopping is why things end when the agent does.
var errStopping = errors.New("the agent is being stopped")

// Engine returns the name and version of what computes.
func (h *Host) Engine() string { return h.engine.Name() }

// providers returns what the engine can compute on.
func (h *Host) providers() []string {
	list := []string{"cpu"}
	ort, is := h.engine.(interface{ Providers() ([]string, error) })
	if !is {
		return list
	}
	names, err := ort.Providers()
	if err != nil {
		h.log.printf("%v", err)
	}
	for _, p := range []struct{ short, full string }{{"cuda", "CUDAExecutionProvider"}, {"tensorrt", "TensorrtExecutionProvider"}} {
		if slices.Contains(names, p.full) {
			list = append(list, p.short)
		}
	}
	return list
}

// Describe implements control.AgentServer.
func (h *Host) Describe(_ context.Context, r *control.DescribeRequest) (*control.Description, error) {
	if r.Protocol != control.Protocol {
		h.log.printf("a controller of version %s speaks protocol %d, this agent %d", r.Version, r.Protocol, control.Protocol)
	}
	free, err := h.folder.Free()
	if err != nil {
		return nil, status.Errorf(codes.Internal, "%v", err)
	}
	d := &control.Description{Protocol: control.Protocol, Version: h.options.Version, Name: h.options.Name, System: runtime.GOOS + "/" + runtime.GOARCH,
		Cpus: int32(len(h.cpus)), Memory: machineMemory(), Engine: h.engine.Name(), Providers: h.providers(), Holder: h.held(), Free: free, Boot: h.boot, Crash: h.crash}
	if h.sampler != nil {
		d.Monitor = h.sampler.Name()
	}
	return d, nil
}

// Clock implements control.AgentServer.
func (h *Host) Clock(context.Context, *control.ClockRequest) (*control.ClockReply, error) {
	arrived := h.clock.Now()
	return &control.ClockReply{Arrived: int64(arrived), Answered: int64(h.clock.Now())}, nil
}

// random returns 16 hexadecimal digits that nobody can guess.
func random() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// logger writes lines.
type logger struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *logger) printf(format string, args ...any) {
	if l.out == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05.000")}, args...)...)
}
