package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test program is also worker and supervisor.
const (
	workerMode     = "HIDP_TEST_WORKER"
	supervisorMode = "HIDP_TEST_SUPERVISOR"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(variable) != "":
		os.Exit(work(os.Getenv(workerMode)))
	case os.Getenv(supervisorMode) != "":
		l, err := net.Listen("unix", os.Getenv(supervisorMode))
		if err == nil {
			err = Run(context.Background(), Options{Command: []string{os.Args[0], os.Args[0]}, Listener: l, Log: os.Stderr})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// answered is what a worker tells who calls it.
type answered struct {
	PID  int
	CPUs []int
	Last *Crash
}

// work answers calls. In mode "call" it crashes at the first call, as an engine would; in mode "start" before it is called.
func work(mode string) int {
	w, err := Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	w.Notes.Engine("engine 1.0")
	if mode == "start" {
		die()
	}
	for {
		c, err := w.Listener.Accept()
		if err != nil {
			return 9
		}
		if mode == "call" && w.Last == nil {
			w.Notes.Session("session-1")
			w.Notes.Begin(0, "in op 6 (conv a)")
			w.Notes.End(0)
			w.Notes.Begin(1, "in op 7 (split b)")
			die()
		}
		order, _ := io.ReadAll(io.LimitReader(c, 1))
		_ = json.NewEncoder(c).Encode(answered{os.Getpid(), w.CPUs, w.Last})
		c.Close()
		if string(order) == "x" {
			w.Notes.Ended()
			return 3
		}
	}
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// call asks the worker behind a listener. Order "x" makes it end.
func call(t *testing.T, l net.Listener, order string) (a answered, err error) {
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte(order))
	if err == nil {
		err = json.NewDecoder(c).Decode(&a)
	}
	return a, err
}

// start runs a supervisor of workers of a mode.
func start(t *testing.T, mode string) (l net.Listener, done chan error, log *safeBuffer, end context.CancelFunc) {
	t.Setenv(workerMode, mode)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, end := context.WithCancel(context.Background())
	log, done = &safeBuffer{}, make(chan error, 1)
	go func() { done <- Run(ctx, Options{Command: []string{os.Args[0], os.Args[0]}, Listener: l, Log: log}) }()
	t.Cleanup(func() { end(); l.Close() })
	return l, done, log, end
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A worker that crashes is started again, knows what the one before was doing, and its exit status in order is the supervisor's.
func TestCrashIsToldByTheNextWorker(t *testing.T) {
	l, done, log, _ := start(t, "call")
	_, err := call(t, l, "?")
	require.Error(t, err, "the worker crashes")
	a, err := call(t, l, "?")
	require.NoError(t, err)
	require.Equal(t, &Crash{How: "SIGKILL", Session: "session-1", Engine: "engine 1.0", Doing: []string{"in op 7 (split b)"}}, a.Last)
	require.Equal(t, "engine 1.0 crashed (SIGKILL) in op 7 (split b)", a.Last.String())
	require.Equal(t, allowed(), a.CPUs)
	require.Contains(t, log.String(), "engine 1.0 crashed (SIGKILL) in op 7 (split b); the agent is started again")
	_, err = call(t, l, "x")
	require.NoError(t, err)
	var exit *ExitError
	require.ErrorAs(t, <-done, &exit)
	require.Equal(t, 3, exit.Code)
}

// Workers that crash before anybody calls them are given up.
func TestCrashesAtTheStartHaveABound(t *testing.T) {
	_, done, _, _ := start(t, "start")
	var given *GivenUpError
	require.ErrorAs(t, <-done, &given)
	require.Equal(t, mostEarly, given.Times)
	require.Equal(t, "SIGKILL", given.Crash.How)
}

// The end of a supervisor's context ends its worker; the worker of a supervisor that is killed is killed with it.
func TestNoWorkerIsLeft(t *testing.T) {
	l, done, _, end := start(t, "")
	a, err := call(t, l, "?")
	require.NoError(t, err)
	end()
	require.NoError(t, <-done)
	require.Error(t, syscall.Kill(a.PID, 0))

	path := t.TempDir() + "/s"
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), supervisorMode+"="+path)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	unix := &net.UnixAddr{Name: path, Net: "unix"}
	require.Eventually(t, func() bool {
		c, err := net.DialUnix("unix", nil, unix)
		if err != nil {
			return false
		}
		defer c.Close()
		_, err = c.Write([]byte("?"))
		return err == nil && json.NewDecoder(c).Decode(&a) == nil
	}, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(a.PID, 0), syscall.ESRCH) }, 10*time.Second, 10*time.Millisecond)
}

// What the Go runtime writes of a signal is understood, however it comes in pieces.
func TestFaultsAreHeard(t *testing.T) {
	for text, want := range map[string]string{
		"SIGSEGV: segmentation violation\nPC=0x7f m=9 sigcode=1 addr=0x18\nsignal arrived during cgo execution\n":        "SIGSEGV",
		"fatal error: unexpected signal during runtime execution\n[signal SIGBUS: bus error code=0x2 addr=0x0 pc=0x0]\n": "SIGBUS",
		"SIGABRT: abort\nPC=0x1\n":                 "SIGABRT",
		"panic: wrong\n\ngoroutine 1 [running]:\n": "panic: wrong",
		"session of SIGSEGV ended\n":               "",
	} {
		for _, size := range []int{1, 7, 1000} {
			var log strings.Builder
			l := &listener{to: &log}
			for rest := text; rest != ""; {
				n, err := l.Write([]byte(rest[:min(size, len(rest))]))
				require.NoError(t, err)
				rest = rest[n:]
			}
			require.Equal(t, want, l.found())
			require.Equal(t, text, log.String())
		}
	}
}

// Pauses double up to a bound, and a worker that lived long starts anew.
func TestPauses(t *testing.T) {
	var b backoff
	c := &Crash{Session: "s"}
	var pauses []time.Duration
	for range 9 {
		p, err := b.after(c, time.Second)
		require.NoError(t, err)
		pauses = append(pauses, p)
	}
	require.Equal(t, 50*time.Millisecond, pauses[0])
	require.Equal(t, 100*time.Millisecond, pauses[1])
	require.Equal(t, longPause, pauses[8])
	p, err := b.after(c, time.Minute)
	require.NoError(t, err)
	require.Equal(t, firstPause, p)
}

// Taking a note costs no system call and no memory.
func BenchmarkNote(b *testing.B) {
	n := &Notes{make([]byte, pageBytes)}
	b.ReportAllocs()
	for b.Loop() {
		n.Begin(3, "in op 7 (split split_1 to conv conv_1_of_a_name)")
		n.End(3)
	}
}
