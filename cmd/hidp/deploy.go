package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hidp/internal/durable"
	"hidp/results"
	"hidp/testbed/deploy"
	"hidp/testbed/inference"
)

// deployFlags say what is put onto boards.
type deployFlags struct {
	platform, tls, agents, binaries, libraries string
	remove, status, force                      bool
}

func (a *app) testbedDeployCommand() *cobra.Command {
	var f deployFlags
	c := &cobra.Command{Use: "deploy HOSTS.toml | NODE=[USER@]HOST[:PORT]…", Short: "put agents onto real boards over ssh, and keep them running there", Args: cobra.MinimumNArgs(1),
		Long: "deploy brings the program (make agents), ONNX Runtime (make ort) and certificates to every board, starts its agent and writes the agents\n" +
			"file for hidp replay. What is there already is not copied again. See docs/boards.md.",
		Example: "  hidp testbed deploy hosts.toml\n  hidp testbed deploy --platform paper-gbe jetson-tx2=nvidia@10.0.0.5 raspberry-pi-5=pi@10.0.0.7",
		RunE:    func(c *cobra.Command, args []string) error { return a.deploy(c.Context(), args, f) }}
	c.Flags().StringVar(&f.platform, "platform", "", "the platform that the boards are nodes of (where boards are given as arguments)")
	c.Flags().StringVar(&f.tls, "tls", "certificates", "folder of the authority and of all certificates (where boards are given as arguments)")
	c.Flags().StringVarP(&f.agents, "output", "o", "agents.toml", "the agents file to write")
	c.Flags().StringVar(&f.binaries, "binaries", "bin", "folder with hidp-linux-amd64 and hidp-linux-arm64")
	c.Flags().StringVar(&f.libraries, "libraries", filepath.Join(".cache", "ort"), "folder with ONNX Runtime's libraries, amd64/ and arm64/")
	c.Flags().BoolVar(&f.remove, "remove", false, "stop the agents and take everything away that deploy has put onto the boards")
	c.Flags().BoolVar(&f.status, "status", false, "only tell how the agents are")
	c.Flags().BoolVar(&f.force, "force", false, "replace agents that are in use")
	c.MarkFlagsMutuallyExclusive("remove", "status")
	return c
}

func (a *app) deploy(ctx context.Context, args []string, f deployFlags) error {
	hosts, err := f.hosts(args)
	if err != nil {
		return err
	}
	o := deploy.Options{Version: version(), Force: f.force, Binaries: map[string]string{}, Libraries: map[string]string{},
		Progress: func(node, doing string) {
			if terminal(a.err) {
				fmt.Fprintf(a.err, "%s: %s\n", node, doing)
			}
		}}
	for _, arch := range []string{"amd64", "arm64"} {
		o.Binaries[arch] = filepath.Join(f.binaries, "hidp-linux-"+arch)
		path := filepath.Join(f.libraries, arch, inference.LibraryFile)
		if _, err := os.Stat(path); err == nil {
			o.Libraries[arch] = path
		}
	}
	switch {
	case f.remove:
		left, err := deploy.Remove(ctx, hosts, o)
		for node, what := range left {
			fmt.Fprintf(a.out, "%s: left there, for it is not hidp's: %s\n", node, what)
		}
		return err
	case f.status:
		return a.deployed(ctx, hosts, o)
	}
	installed, err := deploy.Deploy(ctx, hosts, o)
	if err != nil {
		return err
	}
	roster, err := deploy.Roster(hosts, installed)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Disk{}, f.agents, roster.Encode()); err != nil {
		return err
	}
	a.printInstalled(installed)
	fmt.Fprintf(a.out, "\nplans run on them with hidp replay --agents %s\n", f.agents)
	return nil
}

// hosts reads the file or the arguments.
func (f *deployFlags) hosts(args []string) (*deploy.Hosts, error) {
	isFile := func(s string) bool { return !strings.Contains(s, "=") }
	switch {
	case !slices.ContainsFunc(args, isFile):
		if f.platform == "" {
			return nil, errors.New("--platform: boards that are given as arguments need the platform they are nodes of")
		}
		return deploy.HostsOf(f.platform, f.tls, args)
	case len(args) > 1:
		return nil, errors.New("give one hosts file, or boards as NODE=[USER@]HOST[:PORT]")
	}
	return deploy.OpenHosts(args[0])
}

func (a *app) printInstalled(list []deploy.Installed) {
	t := results.Table{Columns: []string{"board", "what it is", "copied", "agent"}}
	for _, b := range list {
		what := strings.Join(slices.DeleteFunc([]string{b.Model, b.Arch, b.Libc}, func(s string) bool { return s == "" }), ", ")
		copied := strings.Join(b.Copied, ", ")
		if copied == "" {
			copied = "nothing"
		}
		t.Add(b.Node, what, copied, b.Agent.Engine)
		for _, w := range b.Warn {
			fmt.Fprintf(a.err, "hidp: %s: %s\n", b.Node, w)
		}
	}
	a.printTable(t)
}

// deployed prints how agents are. It is the world's failure if one of them does not answer.
func (a *app) deployed(ctx context.Context, hosts *deploy.Hosts, o deploy.Options) error {
	states, err := deploy.Status(ctx, hosts, o)
	if err != nil {
		return err
	}
	t := results.Table{Columns: []string{"board", "what it is", "state"}}
	var down []error
	for _, s := range states {
		state := "not deployed"
		switch {
		case s.Err != nil:
			state = s.Err.Error()
			down = append(down, &deploy.HostError{Node: s.Node, Host: s.Address, Err: s.Err})
		case s.Agent != nil:
			state = "answers, " + s.Agent.Engine
		case s.Deployed:
			state = "does not run"
		}
		t.Add(s.Node, strings.TrimPrefix(s.Model+", "+s.Arch, ", "), state)
	}
	a.printTable(t)
	return errors.Join(down...)
}
