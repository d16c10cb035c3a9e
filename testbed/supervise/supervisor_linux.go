package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what is supervised.
type Options struct {
	Command  []string     // of the worker: program, its name, arguments
	Listener net.Listener // where controllers call; it stays open until the supervisor is done
	Log      io.Writer    // gets what workers write, and what the supervisor has to say
}

// ExitError is a worker that ended in order with an exit status other than 0. It has said why.
type ExitError struct{ Code int }

// Error implements error.
func (e *ExitError) Error() string { return fmt.Sprintf("the agent has ended with status %d", e.Code) }

// patience is how long a worker may take to end after SIGTERM.
const patience = 10 * time.Second

// Supported reports whether agents can be supervised here: not where a program of another architecture runs under an
// emulator. There the kernel does not know how to start the program, and a process of several threads that forks may wait
// for ever (QEMU's user mode). Kernels before 6.1 do not say what they are; they are taken for the program's own kind.
func Supported() bool {
	kernel, err := os.ReadFile("/proc/sys/kernel/arch")
	own, known := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return err != nil || !known || strings.TrimSpace(string(kernel)) == own
}

// signalName returns a signal's name.
func signalName(s syscall.Signal) string { return unix.SignalName(s) }

// Run starts a worker, and another one after each crash, until one ends in order or ctx ends. The error is an *ExitError for a worker
// that ended with a status other than 0, or a *GivenUpError. A worker does not outlive its supervisor.
func Run(ctx context.Context, o Options) error {
	fd, err := unix.MemfdCreate("hidp-notes", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	file := os.NewFile(uintptr(fd), "notes")
	defer file.Close()
	if err := file.Truncate(pageBytes); err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	notes, err := open(file)
	if err != nil {
		return err
	}
	socket, err := o.Listener.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	defer socket.Close()
	s := supervisor{options: o, notes: notes, files: []*os.File{socket, file}, cpus: allowed()}
	defer unix.Munmap(notes.page)
	return s.run(ctx)
}

// open maps a page of notes.
func open(file *os.File) (*Notes, error) {
	page, err := unix.Mmap(int(file.Fd()), 0, pageBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("supervise: %w", err)
	}
	return &Notes{page}, nil
}

// allowed returns the logical CPUs that this process may run on: those of its main thread. Whoever confines the supervisor later
// confines workers with it, and these must still know which CPUs clusters may have.
func allowed() (cpus []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

type supervisor struct {
	options Options
	notes   *Notes
	files   []*os.File
	cpus    []int
	last    *Crash
	backoff backoff
}

func (s *supervisor) run(ctx context.Context) error {
	runtime.LockOSThread() // a worker is killed when the thread ends that started it: prctl(2), PR_SET_PDEATHSIG
	defer runtime.UnlockOSThread()
	for {
		began := time.Now()
		state, fault, err := s.work(ctx)
		if err != nil {
			return err
		}
		if s.notes.ended() || ctx.Err() != nil || state.Success() {
			if code := state.ExitCode(); code > 0 {
				return &ExitError{code}
			}
			return nil
		}
		s.last = crashOf(s.notes, how(state, fault))
		pause, err := s.backoff.after(s.last, time.Since(began))
		if err != nil {
			return err
		}
		fmt.Fprintf(s.options.Log, "hidp: %v; the agent is started again\n", s.last)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// work lets one worker run to its end.
func (s *supervisor) work(ctx context.Context) (*os.ProcessState, string, error) {
	s.notes.clear()
	given, err := json.Marshal(inheritance{s.cpus, s.last})
	if err != nil {
		panic("supervise: " + err.Error())
	}
	heard := &listener{to: s.options.Log}
	cmd := exec.CommandContext(ctx, s.options.Command[0])
	cmd.Args = s.options.Command[1:]
	cmd.Env = append(os.Environ(), variable+"="+string(given))
	cmd.ExtraFiles = s.files
	cmd.Stdout, cmd.Stderr = os.Stdout, heard
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return nil, "", fmt.Errorf("the agent's worker cannot be started: %w", err)
	}
	return cmd.ProcessState, heard.found(), nil
}

// Inherited returns what this process inherits from its supervisor, or nil if it has none.
func Inherited() (*Worker, error) {
	text := os.Getenv(variable)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(variable) // what this process starts is no worker
	var given inheritance
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&given); err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	socket, file := os.NewFile(listenerFD, "socket"), os.NewFile(notesFD, "notes")
	if socket == nil || file == nil {
		return nil, errors.New(variable + " is set, but this process has no supervisor")
	}
	defer socket.Close()
	defer file.Close()
	l, err := net.FileListener(socket)
	if err != nil {
		return nil, fmt.Errorf("%s is set, but this process has no supervisor: %w", variable, err)
	}
	notes, err := open(file)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &Worker{Listener: l, Notes: notes, CPUs: given.CPUs, Last: given.Last}, nil
}
