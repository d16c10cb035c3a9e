package controller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"hidp/testbed/submodel"
)

// DialError lists what is wrong with the agents of a roster, one line each.
type DialError struct{ Faults []AgentFault }

// AgentFault is one agent that cannot be used.
type AgentFault struct{ Node, Address, Why string }

// Error implements error.
func (e *DialError) Error() string {
	var lines []string
	for _, f := range e.Faults {
		lines = append(lines, fmt.Sprintf("node %s: %s", f.Node, f.Why))
	}
	return strings.Join(lines, "\n")
}

// NodeLostError is a node whose agent is gone, or that another node cannot reach any more.
type NodeLostError struct {
	Node, Address string
	From          string // the node that cannot reach it; empty: the controller
	Why           error
}

// Error implements error.
func (e *NodeLostError) Error() string {
	if crash := (*CrashError)(nil); errors.As(e.Why, &crash) {
		return crash.Error()
	}
	from := ""
	if e.From != "" {
		from = ": " + e.From + " does not reach it"
	}
	return fmt.Sprintf("node %s (agent at %s) is lost%s: %v", e.Node, e.Address, from, e.Why)
}

// Unwrap returns why.
func (e *NodeLostError) Unwrap() error { return e.Why }

// CrashError is an agent whose process crashed, most often in its inference engine. Its supervisor has started it again.
type CrashError struct {
	Node string
	What string // which engine crashed, how and in which op
}

// Error implements error.
func (e *CrashError) Error() string {
	return fmt.Sprintf("node %s: %s; the agent has been started again", e.Node, e.What)
}

// RefusedError is what an agent found wrong with what it was told to do.
type RefusedError struct {
	Node   string
	Doing  string
	Faults []string
	User   bool // it is the input's fault, not the world's
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("node %s cannot %s: %s", e.Node, e.Doing, strings.Join(e.Faults, "; "))
}

// BusyError is an agent that is in the hands of another controller.
type BusyError struct{ Node, Address, Why string }

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("node %s: its agent at %s is in use: %s", e.Node, e.Address, e.Why)
}

// FitError is a node whose machine has no room for a plan: in its memory, or in the folder of its agent.
type FitError struct {
	Node       string
	What       string // "memory" or "disk"
	Need, Have int64  // bytes; Have is -1 where it is not known
	Why        string // what the agent says, if it is the one who found out
}

// Error implements error.
func (e *FitError) Error() string {
	s := fmt.Sprintf("node %s: %.1f MB of %s are needed", e.Node, float64(e.Need)/1e6, e.What)
	if e.Have >= 0 {
		s += fmt.Sprintf(", %.1f MB are there", float64(e.Have)/1e6)
	}
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

// TransferError is a file that could not be brought to an agent, although it is there.
type TransferError struct {
	Node string
	Why  error
}

// Error implements error.
func (e *TransferError) Error() string {
	return fmt.Sprintf("node %s: sending models: %s", e.Node, said(e.Why))
}

// Unwrap returns why.
func (e *TransferError) Unwrap() error { return e.Why }

// RequestError is a request that failed although no node was lost.
type RequestError struct {
	Request int64
	Node    string // that says so
	Why     string
}

// Error implements error.
func (e *RequestError) Error() string {
	return fmt.Sprintf("request %d failed on node %s: %s", e.Request, e.Node, e.Why)
}

// TimeoutError is something that did not happen.
type TimeoutError struct {
	What  string
	After time.Duration
}

// Error implements error.
func (e *TimeoutError) Error() string { return fmt.Sprintf("%s after %v", e.What, e.After) }

// InvalidRunError is a run whose numbers are not to be trusted.
type InvalidRunError struct{ Reasons []string }

// Error implements error.
func (e *InvalidRunError) Error() string {
	return "the run is not valid: " + strings.Join(e.Reasons, "; ")
}

// DisagreementError is a request whose answer is not that of the network.
type DisagreementError struct {
	Request   int64
	Plan      int
	Against   string
	Agreement submodel.Agreement
}

// Error implements error.
func (e *DisagreementError) Error() string {
	return fmt.Sprintf("request %d (plan %d): the answer is not that of %s: %v, more than the tolerance of %v", e.Request, e.Plan,
		e.Against, e.Agreement, e.Agreement.Tolerance)
}

// said returns the text of an error without gRPC's wrapping.
func said(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}
