package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
)

// Boards that cannot be reached are all named, each with its reason, and nothing is done on the one that can.
func TestUnreachable(t *testing.T) {
	s := startServer(t, nil)
	nodes := []string{"jetson-tx2", "jetson-orin-nx", "jetson-nano", "raspberry-pi-5", "raspberry-pi-4b"}
	hosts, o := s.hosts(t, nodes...), s.options(t)
	file := func(name string) string { return read(t, filepath.Join(s.folder, name)) }
	s.write(t, "others", strings.Replace(file("known"), file("host.pub"), file("stranger.pub"), 1))
	common := "  HostName 127.0.0.1\n  Port " + hosts.Hosts[0].SSH.String()[len("127.0.0.1:"):] + "\n"
	s.write(t, "client", "Host new\n"+common+"  UserKnownHostsFile /dev/null\n"+
		"Host changed\n"+common+"  UserKnownHostsFile "+s.folder+"/others\n"+
		"Host stranger\n"+common+"  UserKnownHostsFile "+s.folder+"/known\n  IdentitiesOnly yes\n  IdentityAgent none\n  IdentityFile "+s.folder+"/stranger\n"+
		strings.Replace(read(t, s.config), "Host *", "Host * !stranger", 1))
	for i, host := range []string{"new", "changed", "stranger"} {
		hosts.Hosts[i].SSH = Destination{Host: host}
	}
	hosts.Hosts[3].SSH = Destination{Host: "127.0.0.1", Port: freePort(t)}
	_, err := Deploy(t.Context(), hosts, o)
	for _, want := range []string{
		"jetson-tx2 (new): ssh: Host key verification failed. (the host key is not known",
		"jetson-orin-nx (changed): ssh: Host key verification failed. (the host key is not the one in known_hosts",
		"jetson-nano (stranger): ssh: ", "Permission denied", "takes none of your keys",
		"raspberry-pi-5 (127.0.0.1:", "nothing listens there",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "raspberry-pi-4b")
	var first *HostError
	require.ErrorAs(t, err, &first)
	require.Equal(t, "jetson-tx2", first.Node)
	entries, err := os.ReadDir(s.home)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is changed on any board while one cannot be used")

	states, err := Status(t.Context(), hosts, o)
	require.NoError(t, err)
	require.ErrorContains(t, states[3].Err, "nothing listens")
	require.NoError(t, states[4].Err)

	o.SSH = []string{"no-such-ssh"}
	_, err = Deploy(t.Context(), hosts, o)
	require.ErrorContains(t, err, "OpenSSH client")
}

func TestUnusableBoards(t *testing.T) {
	s := startServer(t, map[string]string{"uname": "#!/bin/sh\n[ \"$1\" = -m ] && echo armv7l || /bin/uname \"$@\"\n", "date": "#!/bin/sh\necho 86400\n"})
	hosts := s.hosts(t, "jetson-tx2", "jetson-nano")
	hosts.Hosts[0].Service = User
	hosts.Hosts[0].ORT = "/no/such/libonnxruntime.so"
	hosts.Hosts[1].Dir = "full"
	require.NoError(t, os.MkdirAll(filepath.Join(s.home, "full", "thesis"), 0o755))
	_, err := Deploy(t.Context(), hosts, s.options(t))
	for _, want := range []string{"armv7l is not supported", "1970-01-02", "no systemd user manager", "no readable file /no/such", "/full exists and has other things in it"} {
		require.ErrorContains(t, err, want)
	}
	left, err := Remove(t.Context(), hosts, s.options(t))
	require.NoError(t, err)
	require.Empty(t, left)
	require.DirExists(t, filepath.Join(s.home, "full", "thesis"))
}

func TestNoPermission(t *testing.T) {
	s := startServer(t, nil)
	hosts, o := s.hosts(t, "jetson-tx2"), s.options(t)
	hosts.Hosts[0].Dir = "/proc/hidp"
	_, err := Deploy(t.Context(), hosts, o)
	require.Error(t, err)
	var host *HostError
	require.ErrorAs(t, err, &host)
	require.Contains(t, err.Error(), "/proc")

	hosts.Hosts[0].Dir = "agents-jetson-tx2"
	delete(o.Binaries, "amd64")
	delete(o.Binaries, "arm64")
	_, err = Deploy(t.Context(), hosts, o)
	require.ErrorContains(t, err, "make agents")
}

// A copy that does not arrive whole leaves the old file, and nothing beside it.
func TestInterruptedCopy(t *testing.T) {
	s := startServer(t, nil)
	c, err := connect(t.Context(), s.hosts(t, "jetson-tx2").Hosts[0], s.options(t).SSH, shortDir(t), 5*time.Second)
	require.NoError(t, err)
	defer c.Close()
	dir := filepath.Join(s.home, "copies")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hidp"), []byte("old"), 0o700))
	requireOld := func() {
		require.Eventually(t, func() bool {
			entries, err := os.ReadDir(dir)
			return err == nil && len(entries) == 1
		}, 5*time.Second, 20*time.Millisecond, "a temporary file is left")
		require.Equal(t, "old", read(t, filepath.Join(dir, "hidp")))
	}
	whole := fromBytes("hidp", 0o700, bytes.Repeat([]byte("new "), 1<<20))
	args := []string{dir + "/hidp", "700", whole.sum}

	_, err = c.run(t.Context(), putScript, bytes.NewReader(whole.data[:3<<20]), args...)
	require.ErrorContains(t, err, "only a broken copy arrived")
	requireOld()
	_, err = c.run(t.Context(), putScript, io.MultiReader(bytes.NewReader(whole.data[:1<<20]), broken{}), args...)
	require.Error(t, err)
	requireOld()

	// The connection goes while the copy is under way.
	ctx, cut := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer r.Close()
	go func() {
		_, _ = w.Write(whole.data[:1<<20])
		cut()
		time.Sleep(100 * time.Millisecond) // the end comes first: a reader that blocks for good cannot be waited for
		_ = w.Close()
	}()
	_, err = c.run(ctx, putScript, r, args...)
	require.ErrorIs(t, err, context.Canceled)
	requireOld()

	// A former copy was killed with its shell, the next one clears up.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hidp.new.999999999"), []byte("half"), 0o600))
	require.NoError(t, c.put(t.Context(), dir, whole))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, string(whole.data), read(t, filepath.Join(dir, "hidp")))
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk here has a fault") }

func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "hidp-ssh-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestFullDisk(t *testing.T) {
	s := startServer(t, nil)
	hosts, o := s.hosts(t, "jetson-tx2"), s.options(t)
	small := filepath.Join(s.home, "small")
	require.NoError(t, os.MkdirAll(small, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small).CombinedOutput(); err != nil {
		parts.Need(t, parts.Mounts, fmt.Errorf("%w: %s", err, out))
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", small).Run()) })
	hosts.Hosts[0].Dir = "small/agent"
	_, err := Deploy(t.Context(), hosts, o)
	require.ErrorContains(t, err, "MB are free")

	// It fills up between the look and the copy.
	c, err := connect(t.Context(), hosts.Hosts[0], o.SSH, shortDir(t), 5*time.Second)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, os.WriteFile(filepath.Join(small, "hidp"), []byte("old"), 0o700))
	err = c.put(t.Context(), small, fromBytes("hidp", 0o700, make([]byte, 8<<20)))
	require.ErrorContains(t, err, "No space left on device")
	require.Equal(t, "old", read(t, filepath.Join(small, "hidp")))
	entries, err := os.ReadDir(small)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestAgentFaults(t *testing.T) {
	s := startServer(t, nil)
	hosts, o := s.hosts(t, "jetson-tx2"), s.options(t)
	good := o.Binaries
	script := func(text string) map[string]string {
		path := filepath.Join(s.folder, "script")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
		return map[string]string{"amd64": path, "arm64": path}
	}
	o.Binaries = script("#!/no/such/loader\n")
	_, err := Deploy(t.Context(), hosts, o)
	require.ErrorContains(t, err, "the program cannot be run there")
	o.Binaries = script("#!/bin/sh\n[ \"$1\" = --version ] || { echo the library is too old >&2; exit 1; }\n")
	_, err = Deploy(t.Context(), hosts, o)
	require.ErrorContains(t, err, "the agent has ended: the library is too old")

	o.Binaries = good
	list, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err, "a good program puts it right")

	// Somebody uses the agent.
	holder := filepath.Join(s.home, "agents-jetson-tx2", "data", "holder")
	require.NoError(t, os.WriteFile(holder, []byte("alice"), 0o600))
	require.NoError(t, os.Chmod(filepath.Join(s.home, "agents-jetson-tx2", "hidp"), 0o755))
	_, err = Deploy(t.Context(), hosts, o)
	require.ErrorContains(t, err, "in use by alice")
	o.Force = true
	again, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	require.Equal(t, []string{"hidp"}, again[0].Copied, "a wrong mode counts as a difference")
	require.NotEqual(t, list[0].Agent.Boot, again[0].Agent.Boot)

	// The folder becomes another node's.
	hosts.Hosts[0].Node = "jetson-nano"
	renamed, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	require.Equal(t, "jetson-nano", renamed[0].Agent.Name)
	require.NoFileExists(t, filepath.Join(s.home, "agents-jetson-tx2", "tls", "jetson-tx2.key"))

	// What is not ours stays.
	require.NoError(t, os.WriteFile(filepath.Join(s.home, "agents-jetson-tx2", "notes"), []byte("mine"), 0o600))
	left, err := Remove(t.Context(), hosts, o)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"jetson-nano": "notes"}, left)
}
