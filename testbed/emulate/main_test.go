package emulate

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// The test program is also the program of agents, and a builder that gets killed.
const (
	agentMode   = "HIDP_TEST_AGENT"
	builderMode = "HIDP_TEST_BUILDER" // folder
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "agent":
		os.Exit(fakeAgent(os.Getenv(agentMode), os.Args[2:]))
	case os.Getenv(builderMode) != "":
		os.Exit(buildAndWait(os.Getenv(builderMode)))
	}
	os.Exit(m.Run())
}

// described is an agent that can only say who it is.
type described struct {
	control.UnimplementedAgentServer
	about *control.Description
}

func (d *described) Describe(context.Context, *control.DescribeRequest) (*control.Description, error) {
	return d.about, nil
}

// fakeAgent takes the flags of an agent. The mode may be for one node: "die@board-2".
func fakeAgent(mode string, args []string) int {
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	listen, name, dir := flags.String("listen", "", ""), flags.String("name", "", ""), flags.String("dir", "", "")
	flags.String("ort", "", "")
	certificates := flags.String("tls", "", "")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return 2
	}
	mode, node, one := strings.Cut(mode, "@")
	if one && node != *name {
		mode = ""
	}
	time.AfterFunc(time.Minute, func() { os.Exit(9) }) // whatever goes wrong
	about := &control.Description{Protocol: control.Protocol, Name: *name, Version: "fake", Engine: "none", Holder: "somebody", Boot: fmt.Sprint(os.Getpid())}
	switch mode {
	case "die":
		fmt.Println("disk full")
		return 3
	case "silent":
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "old":
		about.Protocol++
	case "other":
		about.Name = "board-77"
	}
	if err := serveFake(about, *name, *listen, *dir, *certificates); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func serveFake(about *control.Description, name, listen, dir, certificates string) error {
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		return err
	}
	l, err := net.Listen("unix", strings.TrimPrefix(listen, "unix:"))
	if err != nil {
		return err
	}
	var options []grpc.ServerOption
	if certificates != "" {
		config, err := wire.LoadTLS(certificates, name)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(options...)
	control.RegisterAgentServer(server, &described{about: about})
	return server.Serve(l)
}

// buildAndWait makes a testbed as a process that is going to be killed.
func buildAndWait(dir string) int {
	s, err := OpenSpec("emulated-4")
	if err == nil {
		_, err = Up(context.Background(), s, fakeOptions(dir))
	}
	fmt.Println(err)
	time.Sleep(time.Minute)
	return 1
}

// fakeOptions are for a testbed of fake agents, with everything that this machine allows, on a machine of two cores.
func fakeOptions(dir string) Options {
	o := Options{Dir: dir, Command: []string{os.Args[0], "agent"}, Priority: true, Machine: &Machine{Cores: [][]int{{0}, {0}}}, Ready: 20 * time.Second}
	if checkNamespaces() == nil {
		o.Net = Namespaces
	}
	return o
}

func spec(t testing.TB, name string) *Spec {
	s, err := OpenSpec(name)
	require.NoError(t, err)
	return s
}

// folder returns a folder with a path short enough for sockets.
func folder(t testing.TB) string {
	dir, err := os.MkdirTemp("", "hidp")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, Down(context.Background(), dir, true))
		require.NoError(t, os.Remove(dir), "the folder is empty")
	})
	return dir
}

// requireGone checks that nothing is left of a testbed on the machine.
func requireGone(t testing.TB, s *State) {
	t.Helper()
	require.Empty(t, marked(s.ID))
	for _, a := range s.Agents {
		require.False(t, a.PID > 0 && a.Alive(), a.Node)
	}
	for _, parent := range []string{namespaceFolder, theseCgroups().v1, theseCgroups().v2} {
		left, err := filepath.Glob(filepath.Join(parent, mark(s.ID)+"*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	entries, err := os.ReadDir(s.Dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.True(t, strings.HasSuffix(e.Name(), logSuffix), e.Name())
	}
}
