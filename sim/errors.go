package sim

import (
	"fmt"
	"time"
)

// OutOfMemoryError says that a plan can never fit a node.
type OutOfMemoryError struct {
	Node                string
	Model               string
	Weights, Activation int64 // bytes that the plan needs there
	Memory              int64 // bytes that the node has
}

// Error implements error.
func (e *OutOfMemoryError) Error() string {
	return fmt.Sprintf("out of memory: the plan for %s needs %.1f MB for weights and %.1f MB for activations on node %s, which has %.1f MB",
		e.Model, mega(e.Weights), mega(e.Activation), e.Node, mega(e.Memory))
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

// NodeLostError is why a request failed that needed a node which was lost.
type NodeLostError struct {
	Node string
	At   time.Duration // when the node was lost
}

// Error implements error.
func (e *NodeLostError) Error() string { return fmt.Sprintf("node %s lost at %v", e.Node, e.At) }

// DeadlockError says that requests are unfinished and nothing is left to happen, for example because a link was cut for good.
type DeadlockError struct {
	At         time.Duration
	Unfinished int64
	Request    int64  // the earliest of them
	Why        string // what it waits for
}

// Error implements error.
func (e *DeadlockError) Error() string {
	return fmt.Sprintf("deadlock at %v: %d requests unfinished and nothing left to happen; request %d %s", e.At, e.Unfinished, e.Request, e.Why)
}

// LateError says that clients of a closed loop had requests left that would have come later than can be simulated.
type LateError struct{ At time.Duration }

// Error implements error.
func (e *LateError) Error() string {
	return fmt.Sprintf("the run takes too long: after %v of simulated time clients have requests left, and at most 73 years can be simulated", e.At)
}

// HorizonError says that the run reached its horizon before all requests were served.
type HorizonError struct {
	Horizon    time.Duration
	Unfinished int64  // requests under way at the horizon
	Why        string // what does not end by then, where the horizon is the end of the clock itself
}

// Error implements error.
func (e *HorizonError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("%s: %d requests are under way for ever", e.Why, e.Unfinished)
	}
	return fmt.Sprintf("horizon %v reached with %d requests under way", e.Horizon, e.Unfinished)
}
