package node

// State is a machine written down as plain data: enough to go on in another process.
type State struct {
	Requests      []RequestState // by handle
	Free          []Handle
	Queues        [][]Job // by physical cluster, the head first
	Running       []Job   // by cluster
	Ready         []Job
	Ended         []Handle
	Failing       []Action
	Pending       []Action
	Busy, Waiting uint32
}

// Job is a step of a request's part.
type Job struct {
	Handle Handle
	Step   int32
}

// RequestState is the state of a request under way. Of a handle that is free only Live counts.
type RequestState struct {
	ID      int64
	Live    bool
	Bound   bool // it has a part
	Failing bool
	Phase   Phase
	Left    int32
	Waits   []int32
}

// Snapshot copies the state of the machine.
func (m *Machine) Snapshot() State {
	s := State{Free: append([]Handle(nil), m.free...), Running: jobs(m.running), Ready: jobs(m.ready), Ended: append([]Handle(nil), m.ended...),
		Failing: append([]Action(nil), m.failing...), Pending: append([]Action(nil), m.pending...), Busy: m.busy, Waiting: m.waiting}
	for h := range m.requests {
		r := &m.requests[h]
		x := RequestState{Live: r.live}
		if r.live {
			x = RequestState{r.id, true, r.part != nil, r.failing, r.phase, r.left, nil}
			if x.Bound {
				x.Waits = append(x.Waits, r.waits...)
			}
		}
		s.Requests = append(s.Requests, x)
	}
	for c := range m.queues {
		q := &m.queues[c]
		var list []Job
		for i := range q.n {
			j := q.ring[(q.first+i)%len(q.ring)]
			list = append(list, Job{j.h, j.step})
		}
		s.Queues = append(s.Queues, list)
	}
	return s
}

func jobs(list []job) []Job {
	var out []Job
	for _, j := range list {
		out = append(out, Job{j.h, j.step})
	}
	return out
}

// Restore puts a machine made by New for the same node into state s. Part returns the part that a handle with Bound has.
func (m *Machine) Restore(s State, part func(Handle) *Part) {
	m.free, m.ended, m.failing, m.pending = s.Free, s.Ended, s.Failing, s.Pending
	m.busy, m.waiting = s.Busy, s.Waiting
	for h, x := range s.Requests {
		r := request{id: x.ID, live: x.Live, failing: x.Failing, phase: x.Phase, left: x.Left, waits: x.Waits}
		if x.Bound {
			r.part = part(Handle(h))
		}
		m.requests = append(m.requests, r)
	}
	for k, j := range s.Running {
		m.running[k] = job{j.Handle, j.Step}
	}
	for _, j := range s.Ready {
		m.ready = append(m.ready, job{j.Handle, j.Step})
	}
	for c, list := range s.Queues {
		for _, j := range list {
			m.queues[c].push(job{j.Handle, j.Step})
		}
	}
}
