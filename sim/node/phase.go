package node

// Phase is the state of a request on one node. Leaders pass through Analyse, Explore, Offload, Map, Execute; followers through
// Idle, Map, Execute (the run-time scheduler of HiDP, DATE 2025: "analysis, exploration, allocation, mapping, execution"). The
// phase says what the node is doing for the request; it decides nothing.
type Phase uint8

// The phases.
const (
	Idle    Phase = iota // follower: no tensor has arrived yet
	Analyse              // leader: reads the request and the state of the nodes; waits for the planner
	Explore              // leader: the planner is at work
	Offload              // leader: hands out tensors and waits for results; nothing of its own to compute so far
	Map                  // ops are in the queues of core clusters; none has started
	Execute              // an op has started
)

// String returns the phase's name in lower case.
func (p Phase) String() string {
	return [...]string{"idle", "analyse", "explore", "offload", "map", "execute"}[p]
}

// enter moves request h to a phase.
func (m *Machine) enter(h Handle, p Phase) {
	m.requests[h].phase = p
	if m.observed {
		m.pending = append(m.pending, Action{Kind: Enter, Handle: h, Phase: p})
	}
}
