package deploy

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"hidp/internal/parts"
	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// TestMain lets the test program be what is deployed: as "hidp agent …" it answers Describe and nothing else.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("hidp for tests")
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		if err := serveAgent(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "agent:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type describer struct {
	control.UnimplementedAgentServer
	name, dir string
}

func (d *describer) Describe(ctx context.Context, _ *control.DescribeRequest) (*control.Description, error) {
	p, _ := peer.FromContext(ctx)
	caller := p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0]
	if err := caller.VerifyHostname(ControllerName); err != nil {
		return nil, err
	}
	holder, _ := os.ReadFile(filepath.Join(d.dir, "holder")) // a test says who has a session
	return &control.Description{Protocol: control.Protocol, Name: d.name, System: runtime.GOOS + "/" + runtime.GOARCH, Holder: string(holder),
		Boot: fmt.Sprint(os.Getpid())}, nil
}

func serveAgent(args []string) error {
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	name, listen := flags.String("name", "", ""), flags.String("listen", "", "")
	dir, tls, ort := flags.String("dir", "", ""), flags.String("tls", "", ""), flags.String("ort", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *ort != "" {
		if _, err := os.Stat(*ort); err != nil {
			return err
		}
	}
	config, err := wire.LoadTLS(*tls, *name)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	control.RegisterAgentServer(server, &describer{name: *name, dir: *dir})
	limited, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // a test that was killed removes nothing
	defer cancel()
	ctx, stop := signal.NotifyContext(limited, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	return server.Serve(l)
}

// sshServer is an SSH server of the test's own: its keys, its port, its home folder; ended by its process id.
type sshServer struct {
	folder, home string
	port         int
	config       string // of the client
}

// startServer starts a server whose sessions find the programs of the folder tools first. Without sshd the test is skipped.
func startServer(t *testing.T, tools map[string]string) *sshServer {
	sshd := parts.Program(t, parts.SSHD, "sshd", "/usr/sbin")
	parts.Program(t, parts.SSHD, "ssh-keygen")
	if os.Getuid() == 0 {
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // sshd as root asks for it
	}
	folder := t.TempDir()
	s := &sshServer{folder: folder, home: filepath.Join(folder, "home"), port: freePort(t), config: filepath.Join(folder, "client")}
	require.NoError(t, os.MkdirAll(s.home, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "tools"), 0o755))
	for name, text := range tools {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "tools", name), []byte(text), 0o755))
	}
	for _, key := range []string{"host", "id", "stranger"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(folder, key)).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	s.write(t, "server", fmt.Sprintf(`ListenAddress 127.0.0.1
Port %d
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/id.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
SetEnv HOME=%[3]s PATH=%[2]s/tools:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
`, s.port, folder, s.home))
	s.write(t, "known", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, read(t, filepath.Join(folder, "host.pub"))))
	s.client(t, "id", "known")
	// The server ends with a pipe of ours: also when the test program is killed.
	server := exec.Command("sh", "-c", `"$1" -D -e -f "$2" & cat >/dev/null; kill $!; wait`, "sh", sshd, filepath.Join(folder, "server"))
	log, err := os.Create(filepath.Join(folder, "log"))
	require.NoError(t, err)
	server.Stderr = log
	alive, err := server.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = alive.Close()
		_ = server.Wait()
		_ = log.Close()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", join("127.0.0.1", s.port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "sshd does not listen")
	return s
}

func (s *sshServer) write(t *testing.T, name, text string) {
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600))
}

// client writes the configuration with which ssh is called.
func (s *sshServer) client(t *testing.T, key, known string) {
	s.write(t, "client", fmt.Sprintf(`Host *
  IdentityFile %[1]s/%[2]s
  IdentitiesOnly yes
  Ciphers aes128-gcm@openssh.com
  KexAlgorithms curve25519-sha256
  IdentityAgent none
  UserKnownHostsFile %[1]s/%[3]s
  GlobalKnownHostsFile /dev/null
`, s.folder, key, known))
}

// hosts returns boards on the server, one per node, below the home folder, and stops their agents when the test ends.
func (s *sshServer) hosts(t *testing.T, nodes ...string) *Hosts {
	h := &Hosts{Platform: "paper-gbe", TLS: filepath.Join(s.folder, "tls")}
	for _, node := range nodes {
		h.Hosts = append(h.Hosts, Host{Node: node, SSH: Destination{Host: "127.0.0.1", Port: s.port}, Dir: "agents-" + node, ORT: CopyORT,
			Service: Process, Port: freePort(t), Data: freePort(t)})
	}
	t.Cleanup(func() {
		for _, node := range nodes {
			s.kill(filepath.Join(s.home, "agents-"+node))
		}
	})
	return h
}

// kill ends the agent of a folder, for tests that failed before they removed it.
func (s *sshServer) kill(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "agent.pid"))
	var pid int
	if _, scanErr := fmt.Sscan(string(text), &pid); errors.Join(err, scanErr) != nil {
		return
	}
	if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); strings.HasPrefix(exe, dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// options copy the test program and a file in place of ONNX Runtime.
func (s *sshServer) options(t *testing.T) Options {
	self, err := os.Executable()
	require.NoError(t, err)
	library := filepath.Join(s.folder, "libonnxruntime")
	require.NoError(t, os.WriteFile(library, []byte("a library"), 0o644))
	return Options{Binaries: map[string]string{runtime.GOARCH: self}, Libraries: map[string]string{runtime.GOARCH: library},
		SSH: []string{"ssh", "-F", s.config}, Connect: 5 * time.Second, Patience: 20 * time.Second}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func read(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}
