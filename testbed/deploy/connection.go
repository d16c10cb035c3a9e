package deploy

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What runs on boards. Read only.
var (
	//go:embed board/probe.sh
	probeScript string
	//go:embed board/claim.sh
	claimScript string
	//go:embed board/sums.sh
	sumsScript string
	//go:embed board/put.sh
	putScript string
	//go:embed board/service.sh
	serviceScript string
	//go:embed board/remove.sh
	removeScript string
)

const (
	mark       = "hidp:"         // begins the lines that are ours: login scripts may print others
	maxOutput  = 1 << 20         // bytes of what a board prints
	sshFailed  = 255             // status with which ssh says that it is at fault itself, not the command
	goodbye    = 3 * time.Second // for ssh to end by itself
	notRunning = 127             // status of a shell that finds no command
)

// connection is a board over ssh. One ssh process holds the connection, the others share it (ControlMaster). That process lives from a
// pipe of ours: it ends with us however we end.
type connection struct {
	host    Host
	ssh     []string // the command and what is common to all calls
	holder  *exec.Cmd
	alive   io.Closer // standard input of the holder
	timeout time.Duration
}

// connect reaches a board. Control sockets are made in the folder sockets.
func connect(ctx context.Context, h Host, ssh []string, sockets string, timeout time.Duration) (*connection, error) {
	c := &connection{host: h, timeout: timeout}
	c.ssh = append(append([]string(nil), ssh...), "-T", "-x", "-a",
		"-o", "BatchMode=yes", "-o", "ConnectTimeout="+strconv.Itoa(max(1, int(timeout.Seconds()))),
		"-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none",
		"-o", "PermitLocalCommand=no", "-o", "ControlPersist=no", "-S", filepath.Join(sockets, "%C"))
	if h.SSH.Port != 0 {
		c.ssh = append(c.ssh, "-p", strconv.Itoa(h.SSH.Port))
	}
	if h.SSH.User != "" {
		c.ssh = append(c.ssh, "-l", h.SSH.User)
	}
	if err := c.hold(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// hold opens the connection that the others share.
func (c *connection) hold(ctx context.Context) error {
	c.holder = c.command(context.WithoutCancel(ctx), "yes", `echo hidp:ready=yes; exec cat >/dev/null`)
	said := &tail{}
	c.holder.Stderr = said
	in, err := c.holder.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.holder.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.holder.Start(); err != nil {
		return fmt.Errorf("cannot run %s: %w (is the OpenSSH client installed?)", c.ssh[0], err)
	}
	c.alive = in
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(io.LimitReader(out, maxOutput))
		for lines.Scan() && lines.Text() != "hidp:ready=yes" {
		}
		ready <- lines.Text() == "hidp:ready=yes"
		_, _ = io.Copy(io.Discard, out)
	}()
	// Logging in is not what ssh's ConnectTimeout is about.
	deadline := time.NewTimer(2 * c.timeout)
	defer deadline.Stop()
	select {
	case ok := <-ready:
		if ok {
			return nil
		}
		err := c.holder.Wait()
		return sshError(err, said.String())
	case <-deadline.C:
		c.Close()
		return fmt.Errorf("no login within %v%s", 2*c.timeout, because(said.String()))
	case <-ctx.Done():
		c.Close()
		return ctx.Err()
	}
}

// command returns a call of ssh that ends when ctx does.
func (c *connection) command(ctx context.Context, master, remote string) *exec.Cmd {
	args := append(append([]string(nil), c.ssh[1:]...), "-o", "ControlMaster="+master, "--", c.host.SSH.Host, remote)
	cmd := exec.CommandContext(ctx, c.ssh[0], args...)
	cmd.WaitDelay = goodbye
	return cmd
}

// run runs a script on the board with arguments and standard input, which may be nil, and returns what it says by key.
func (c *connection) run(ctx context.Context, script string, in io.Reader, args ...string) (facts, error) {
	cmd := c.command(ctx, "no", remoteCommand(script, args))
	out, said := &bounded{limit: maxOutput}, &tail{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, said
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, sshError(err, said.String())
	}
	return parseFacts(out.String()), nil
}

// Close ends the connection.
func (c *connection) Close() {
	_ = c.alive.Close()
	kill := time.AfterFunc(goodbye, func() { _ = c.holder.Process.Kill() })
	defer kill.Stop()
	_ = c.holder.Wait()
}

// facts is what a script says. A key that comes more often has its lines joined.
type facts map[string]string

func parseFacts(out string) facts {
	f := facts{}
	for line := range strings.Lines(out) {
		line, ours := strings.CutPrefix(strings.TrimRight(line, "\r\n"), mark)
		key, value, ok := strings.Cut(line, "=")
		if !ours || !ok {
			continue
		}
		if old, again := f[key]; again {
			value = old + "\n" + value
		}
		f[key] = value
	}
	return f
}

// sshError turns the end of an ssh process into an error that says what to do about it.
func sshError(err error, said string) error {
	said = strings.TrimSpace(said)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("%w%s", err, because(said))
	}
	if exit.ExitCode() != sshFailed {
		if exit.ExitCode() == notRunning && said == "" {
			said = "a command is missing on the board"
		}
		return fmt.Errorf("the board says: %s", orElse(said, exit.String()))
	}
	for _, known := range []struct{ says, advice string }{
		{"REMOTE HOST IDENTIFICATION HAS CHANGED", "the host key is not the one in known_hosts: find out why (a new system on the board, or another board at its address) and only then remove the old one with ssh-keygen -R"},
		{"Host key verification failed", "the host key is not known: log in once by hand, compare the fingerprint and accept it"},
		{"Permission denied", "the board takes none of your keys: ssh-copy-id puts one there; a key with a passphrase must be in ssh-agent"},
		{"Could not resolve hostname", "the name is unknown here: correct it, or give the address"},
		{"Connection refused", "nothing listens there: is the port right and the SSH server running?"},
		{"timed out", "nobody answers: is the board on, and the address right?"},
		{"No route to host", "nobody answers: is the board on, and the address right?"},
	} {
		if strings.Contains(said, known.says) {
			return fmt.Errorf("ssh: %s (%s)", lastLine(said), known.advice)
		}
	}
	return fmt.Errorf("ssh: %s", orElse(said, "the connection broke"))
}

func lastLine(s string) string { return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:]) }

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func because(said string) string {
	if said = strings.TrimSpace(said); said == "" {
		return ""
	}
	return ": " + said
}

// tail keeps the last bytes written to it: the reason why something failed comes last.
type tail struct{ data []byte }

const tailBytes = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if len(t.data) > tailBytes {
		t.data = t.data[len(t.data)-tailBytes:]
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.data) }

// bounded keeps the first bytes written to it.
type bounded struct {
	bytes.Buffer
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	_, _ = b.Buffer.Write(p[:min(len(p), b.limit-b.Len())])
	return len(p), nil
}
