package supervise

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

// Crash is how a worker ended that did not end in order.
type Crash struct {
	How     string   `json:"how"`     // a signal's name, such as SIGSEGV, or what the exit status says
	Session string   `json:"session"` // that was under way; empty: none
	Engine  string   `json:"engine"`  // name and version
	Doing   []string `json:"doing"`   // what the engine was called for, by cluster; empty: the engine was not called
}

// String says what happened: "onnxruntime 1.27.0 crashed (SIGSEGV) in op 7 (split split_1)".
func (c *Crash) String() string {
	if len(c.Doing) == 0 {
		return fmt.Sprintf("the agent crashed (%s)", c.How)
	}
	return fmt.Sprintf("%s crashed (%s) %s", c.Engine, c.How, strings.Join(c.Doing, ", or "))
}

// crashOf reads what is known of a worker that has ended.
func crashOf(n *Notes, how string) *Crash {
	return &Crash{How: how, Session: n.get(sessionSlot), Engine: n.get(engineSlot), Doing: n.doing()}
}

// how tells what ended a process. The Go runtime catches most signals, writes their name and exits with status 2, so that what the
// process wrote counts as well.
func how(state *os.ProcessState, wrote string) string {
	if status, is := state.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return signalName(status.Signal())
	}
	if wrote != "" {
		return wrote
	}
	return state.String()
}

// signals matches the line with which the Go runtime reports a signal, or a fault of its own.
var signals = regexp.MustCompile(`(?m)^(?:\[signal )?(SIG[A-Z]+)\b|^(fatal error: .*|panic: .*)$`)

// listener passes on what a worker writes and remembers the signal or fault that the Go runtime reports.
type listener struct {
	to io.Writer

	mu    sync.Mutex
	line  []byte
	fault string
}

// longestLine is how much of a line is looked at.
const longestLine = 256

// Write implements io.Writer.
func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range b {
		if c != '\n' {
			if len(l.line) < longestLine {
				l.line = append(l.line, c)
			}
			continue
		}
		l.look()
	}
	return l.to.Write(b)
}

// look looks at a whole line. A signal says more than the fault that follows or precedes it.
func (l *listener) look() {
	if m := signals.FindSubmatch(l.line); m != nil {
		signal, fault := string(m[1]), string(m[2])
		if signal != "" && !strings.HasPrefix(l.fault, "SIG") {
			l.fault = signal
		} else if l.fault == "" {
			l.fault = fault
		}
	}
	l.line = l.line[:0]
}

// found returns the fault that was reported.
func (l *listener) found() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}
