package supervise

import "net"

// Worker is what a worker inherits from its supervisor.
type Worker struct {
	Listener net.Listener // where controllers call
	Notes    *Notes
	CPUs     []int  // logical CPUs that the supervisor was allowed when it started; nil: not known
	Last     *Crash // of the worker before; nil: there was none, or it did not crash
}

// variable is the environment variable that says what a worker inherits.
const variable = "HIDP_SUPERVISED"

// inheritance is its value, in JSON.
type inheritance struct {
	CPUs []int  `json:"cpus"`
	Last *Crash `json:"last"`
}

// Descriptors of a worker.
const (
	listenerFD = 3
	notesFD    = 4
)
