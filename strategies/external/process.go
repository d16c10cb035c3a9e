package external

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"hidp/internal/input"
)

// mostLine bounds a message of a program in bytes: a plan file may not be larger.
const mostLine = input.Plan

// grace is how long a program may take to end when its input has ended.
const grace = time.Second

// ProcessError says that a program failed as a process: it crashed, hung, or ended too early.
type ProcessError struct {
	Command string
	What    string
	Stderr  string // the last that it wrote there
}

// Error implements error.
func (e *ProcessError) Error() string {
	text := "exec:" + e.Command + ": " + e.What
	if e.Stderr != "" {
		text += "; the last it wrote to standard error:\n" + e.Stderr
	}
	return text
}

// process is a program that runs. Its methods but end are for one goroutine.
type process struct {
	command string
	memory  int // MiB
	cmd     *exec.Cmd
	kill    context.CancelFunc
	in, out *os.File
	reader  *bufio.Reader
	stderr  tail

	once  sync.Once
	ended error // set by once: how it ended, nil for exit status 0
}

// start runs the command in a process group of its own, which is what is ended with it. Memory is in MiB.
func start(command string, memory int) (*process, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("exec:%s: %w", command, err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("exec:%s: %w", command, err), childIn.Close(), in.Close())
	}
	ctx, kill := context.WithCancel(context.Background())
	p := &process{command: command, memory: memory, kill: kill, in: in, out: out, reader: bufio.NewReaderSize(out, 1<<16)}
	// The limit is one of data, not of addresses: run-times that only reserve addresses would fail without need.
	script := fmt.Sprintf("ulimit -d %d 2>/dev/null\n%s", memory<<10, command)
	p.cmd = exec.CommandContext(ctx, "/bin/sh", "-c", script)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = childIn, childOut, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Cancel = p.killGroup
	p.cmd.WaitDelay = grace // for who left the group and holds standard error
	err = p.cmd.Start()
	childIn.Close() // the child has its own; an error of closing an unused pipe means nothing
	childOut.Close()
	if err != nil {
		kill()
		in.Close()
		out.Close()
		return nil, fmt.Errorf("exec:%s: %w", command, err)
	}
	return p, nil
}

// killGroup ends the program and what it started.
func (p *process) killGroup() error {
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// end lets the program end within the given time, kills what is left of it, and returns how it ended. It may be called more than once
// and by several goroutines: all wait for the first.
func (p *process) end(within time.Duration) error {
	p.once.Do(func() {
		p.in.Close()
		timer := time.AfterFunc(within, p.kill)
		p.ended = p.cmd.Wait()
		timer.Stop()
		p.kill()
		_ = p.killGroup() // whom it left behind; nobody, as a rule
		p.out.Close()
	})
	return p.ended
}

// deadline bounds all reading and writing until it is set anew.
func (p *process) deadline(at time.Time) error {
	return errors.Join(p.in.SetWriteDeadline(at), p.out.SetReadDeadline(at))
}

// write sends a line.
func (p *process) write(line []byte) error {
	_, err := p.in.Write(append(line, '\n'))
	return err
}

// errTooLong says that a line has no end in sight.
var errTooLong = fmt.Errorf("a line is longer than %d MiB", mostLine>>20)

// read returns the next line without its end. The error is io.EOF only between lines, and io.ErrUnexpectedEOF in a line.
func (p *process) read() ([]byte, error) {
	var line []byte
	for {
		piece, err := p.reader.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case len(line) > mostLine:
			return nil, errTooLong
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// failure ends the program after err of reading or writing and says what happened. Line is what was read of one without an end.
func (p *process) failure(err error, doing string, timeout time.Duration, line []byte) error {
	hung := errors.Is(err, os.ErrDeadlineExceeded)
	within := grace
	if hung {
		within = 0
	}
	end := describeEnd(p.end(within))
	if status := p.cmd.ProcessState.ExitCode(); !hung && (status == 126 || status == 127) {
		return &ProtocolError{p.command, "cannot be run: " + p.stderr.String()}
	}
	what := fmt.Sprintf("the program %s %s (its memory is limited to %d MiB)", end, doing, p.memory)
	switch {
	case hung:
		what = fmt.Sprintf("the program did not answer within %v %s and was ended", timeout, doing)
	case errors.Is(err, io.ErrUnexpectedEOF):
		what = fmt.Sprintf("the program %s %s, in the middle of a line, after %d bytes of it: %s", end, doing, len(line), quote(line))
	}
	return &ProcessError{p.command, what, p.stderr.String()}
}

// describeEnd says how a process ended. A shell tells the signal that ended its command as exit status 128 + signal.
func describeEnd(err error) string {
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) {
		return "ended with exit status 0"
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Sprintf("was ended by signal %d (%v)", status.Signal(), status.Signal())
	}
	if code := exit.ExitCode(); code > 128 && code < 128+65 {
		return fmt.Sprintf("was ended by signal %d (%v)", code-128, syscall.Signal(code-128))
	}
	return "ended with exit status " + strconv.Itoa(exit.ExitCode())
}

// quote shows the beginning of what a program wrote.
func quote(line []byte) string {
	if len(line) > 80 {
		return strconv.Quote(string(line[:80])) + "…"
	}
	return strconv.Quote(string(line))
}

// tail keeps the last bytes written to it. Its zero value is ready to use.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// mostTail is how much of standard error is told.
const mostTail = 2000

// Write implements io.Writer.
func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, data[max(0, len(data)-mostTail):]...)
	t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)-mostTail):]...)
	return len(data), nil
}

// String returns what is kept, as text.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?"))
}
