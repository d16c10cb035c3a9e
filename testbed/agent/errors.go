package agent

import "fmt"

// NodeLostError is a node that requests need and that cannot be reached any more, or not be trusted.
type NodeLostError struct {
	Node string
	Why  error // a *wire.PeerError, or a *RefusedError
}

// Error implements error.
func (e *NodeLostError) Error() string { return fmt.Sprintf("node %s is lost: %v", e.Node, e.Why) }

// Unwrap returns why.
func (e *NodeLostError) Unwrap() error { return e.Why }

// RefusedError is a message that no plan asks for.
type RefusedError struct {
	From    string
	Request int64
	Plan    int
	Op      int32
	Why     string
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("message from %s for request %d, plan %d, op %d: %s", e.From, e.Request, e.Plan, e.Op, e.Why)
}

// OpError is an op that could not be done.
type OpError struct {
	Node string
	Plan int
	Op   int
	Why  error
}

// Error implements error.
func (e *OpError) Error() string {
	return fmt.Sprintf("plan %d, op %d on node %s: %v", e.Plan, e.Op, e.Node, e.Why)
}

// Unwrap returns why.
func (e *OpError) Unwrap() error { return e.Why }

// OutOfMemoryError is a plan that needs more memory than its node has.
type OutOfMemoryError struct {
	Node         string
	Plan         int
	Need, Memory int64 // bytes
}

// Error implements error.
func (e *OutOfMemoryError) Error() string {
	return fmt.Sprintf("plan %d needs %.1f MB on node %s, which has %.1f MB", e.Plan, float64(e.Need)/1e6, e.Node, float64(e.Memory)/1e6)
}
