package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hidp/testbed/host"
	"hidp/testbed/supervise"
)

// agentFlags are what an agent is started with.
type agentFlags struct {
	listen, name, dir, ort, tls string
	insecure                    bool
	limit                       int64
}

func (a *app) agentCommand() *cobra.Command {
	var f agentFlags
	c := &cobra.Command{Use: "agent", Short: "serve a board: run parts of plans that a controller brings", Args: cobra.NoArgs,
		Long: "agent runs on a board until it is interrupted. It accepts the sub-models of one session at a time from `hidp replay` or `hidp validate`,\n" +
			"computes them with ONNX Runtime and exchanges tensors with the other boards directly. See docs/boards.md.",
		Example: "  hidp agent --listen unix:agent.sock --name board-1 --dir agent-files\n  hidp agent --listen 0.0.0.0:7447 --name tx2 --tls certificates",
		RunE:    func(c *cobra.Command, _ []string) error { return a.agent(c.Context(), f) }}
	c.Flags().StringVar(&f.listen, "listen", "", "`host:port` or unix:PATH to be called at (required)")
	c.Flags().StringVar(&f.name, "name", "", "the node that the board is; with certificates, whose they are")
	c.Flags().StringVar(&f.dir, "dir", "", "private folder for models and weights (default: hidp/agent in the user's cache folder)")
	c.Flags().StringVar(&f.ort, "ort", "", "`FILE` of the ONNX Runtime library (default: $HIDP_ORT, else what make ort fetched)")
	c.Flags().StringVar(&f.tls, "tls", "", "folder with ca.pem, NAME.pem and NAME.key; needed wherever other machines can call")
	c.Flags().BoolVar(&f.insecure, "insecure", false, "serve other machines without certificates: only in a network that nobody else can reach")
	c.Flags().Int64Var(&f.limit, "limit", 0, "most bytes of models and weights to keep (default 16 GiB)")
	must(c.MarkFlagRequired("listen"))
	return c
}

// agent serves until ctx ends. Where agents can be supervised this process is the supervisor, and the same program runs once more as
// its worker: see package supervise.
func (a *app) agent(ctx context.Context, f agentFlags) error {
	worker, err := supervise.Inherited()
	if err != nil {
		return err
	}
	if worker != nil {
		defer worker.Notes.Ended()
		return a.serveAgent(ctx, f, worker.Listener, worker)
	}
	l, err := host.Listen(f.listen)
	if err != nil {
		return err
	}
	if !supervise.Supported() {
		return a.serveAgent(ctx, f, l, nil)
	}
	defer l.Close()
	program, err := self()
	if err != nil {
		return err
	}
	return supervise.Run(ctx, supervise.Options{Command: append([]string{program}, os.Args...), Listener: l, Log: a.err})
}

// serveAgent runs the agent itself.
func (a *app) serveAgent(ctx context.Context, f agentFlags, l net.Listener, worker *supervise.Worker) error {
	if f.limit < 0 {
		return errors.Join(fmt.Errorf("--limit %d: must not be negative", f.limit), l.Close())
	}
	if f.dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return errors.Join(fmt.Errorf("--dir: %w", err), l.Close())
		}
		f.dir = filepath.Join(cache, "hidp", "agent")
	}
	h, err := host.New(host.Options{Name: f.name, Version: version(), Dir: f.dir, Limit: f.limit, Library: f.ort, TLSDir: f.tls, Insecure: f.insecure, Log: a.err,
		Worker: worker})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(a.err, "hidp: agent %s computes with %s, listens at %s\n", orAny(f.name), h.Engine(), address(l))
	return errors.Join(h.Serve(ctx, l), h.Close())
}

func orAny(name string) string {
	if name == "" {
		return "(any node)"
	}
	return name
}

// address returns where a listener can be called, in the form of --listen.
func address(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}
