package workloads

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Arrival is a request: when it arrives, counted from the start of the run, and which of the workload's models it wants.
type Arrival struct {
	At    time.Duration
	Model int
}

// Source yields the requests of an open-loop workload, whose arrivals do not depend on what becomes of earlier requests.
// Arrivals are in order of time; false means that there are no more. The same seed yields the same arrivals.
type Source interface {
	Next() (Arrival, bool)
}

// maxTime bounds arrival times, 73 years: sums of a few of them must not overflow.
const maxTime = time.Duration(math.MaxInt64 / 4)

// Limit ends a workload: after a number of requests, and at a time from which on no request arrives. 0 is no limit.
type Limit struct {
	Requests int
	Horizon  time.Duration
}

// MostRequests is how many requests a workload may have: minutes to hours of simulation. Under overload all of them may be under
// way at one time.
const MostRequests = 100_000_000

// Validate reports why the limit is not one, or nil.
func (l Limit) Validate() error {
	switch {
	case l.Requests > MostRequests:
		return fmt.Errorf("number of requests is %d; must be at most %d", l.Requests, MostRequests)
	case l.Requests < 0:
		return fmt.Errorf("number of requests is %d; must be positive, or 0 for no limit", l.Requests)
	case l.Horizon < 0:
		return fmt.Errorf("horizon is %v; must be positive, or 0 for no limit", l.Horizon)
	case l.Horizon > maxTime:
		return fmt.Errorf("horizon of %v is too long; at most %s can be simulated", l.Horizon, longest)
	case l.Requests == 0 && l.Horizon == 0:
		return errors.New("the workload never ends; limit the number of requests or the time")
	}
	return nil
}

// longest is maxTime for people.
const longest = "73 years"

// covers reports why requests that come a time apart on average would not all arrive within what can be simulated, or nil.
func (l Limit) covers(apart float64) error {
	if l.Requests == 0 || l.Horizon > 0 || float64(l.Requests-1)*apart <= float64(maxTime) {
		return nil
	}
	return fmt.Errorf("%d requests that come %v apart take too long; at most %s can be simulated: ask for fewer requests, or for a horizon",
		l.Requests, time.Duration(apart), longest)
}

// limiter counts down a Limit.
type limiter struct {
	limit Limit
	n     int
	late  bool // a request within the limit was refused: it would have come later than can be simulated
}

// admit reports whether a request may still arrive at the given time, and counts it.
func (l *limiter) admit(at time.Duration) bool {
	if l.limit.Requests > 0 && l.n >= l.limit.Requests || l.limit.Horizon > 0 && at >= l.limit.Horizon {
		return false
	}
	if at > maxTime || at < 0 {
		l.late = true
		return false
	}
	l.n++
	return true
}

// Periodic is a workload of one request per interval, the first at time 0. With jitter, every request is late by a uniformly
// random part of it; requests never overtake each other.
type Periodic struct {
	Interval time.Duration
	Jitter   time.Duration // from 0 to Interval
}

// Validate reports why the workload is none, or nil.
func (p Periodic) Validate() error {
	if p.Interval <= 0 {
		return fmt.Errorf("interval is %v; must be positive", p.Interval)
	}
	if p.Interval > maxTime {
		return fmt.Errorf("interval of %v is too long; at most %s can be simulated", p.Interval, longest)
	}
	if p.Jitter < 0 || p.Jitter > p.Interval {
		return fmt.Errorf("jitter is %v; must be from 0 to the interval of %v", p.Jitter, p.Interval)
	}
	return nil
}

// Source validates the workload and starts it. Jitter comes from Stream(seed, "arrivals").
func (p Periodic) Source(seed uint64, mix Mix, limit Limit) (Source, error) {
	return p.SourceIn(new(Room), seed, mix, limit)
}

// SourceIn is Source in memory that may have been another source's.
func (p Periodic) SourceIn(r *Room, seed uint64, mix Mix, limit Limit) (Source, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := limit.covers(float64(p.Interval)); err != nil {
		return nil, err
	}
	return r.timed(seed, mix, limit, timed{periodic: p})
}

// Poisson is a workload with exponentially distributed, independent intervals.
type Poisson struct {
	Rate float64 // requests per second
}

// Validate reports why the workload is none, or nil.
func (p Poisson) Validate() error {
	const lowest, highest = 1e-6, 1e9
	if !(p.Rate >= lowest && p.Rate <= highest) {
		return fmt.Errorf("rate is %v requests per second; must be from %g to %g", p.Rate, lowest, highest)
	}
	return nil
}

// Source validates the workload and starts it. Intervals come from Stream(seed, "arrivals"), each rounded to nanoseconds.
func (p Poisson) Source(seed uint64, mix Mix, limit Limit) (Source, error) {
	return p.SourceIn(new(Room), seed, mix, limit)
}

// SourceIn is Source in memory that may have been another source's.
func (p Poisson) SourceIn(r *Room, seed uint64, mix Mix, limit Limit) (Source, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	mean := float64(time.Second) / p.Rate
	if err := limit.covers(2 * mean); err != nil { // chance does not double the mean of so many
		return nil, err
	}
	return r.timed(seed, mix, limit, timed{mean: mean})
}

// timed is a Source from a sequence of times.
type timed struct {
	periodic Periodic // used if mean is 0
	mean     float64  // mean of exponential intervals in ns; 0: periodic
	at       time.Duration
	chance   stream
	rand     *rand.Rand // of chance
	models   picker
	limiter  limiter
	done     bool
}

// Room is memory for one source at a time, whose arrivals are over when the next one begins in it: a short run takes hardly longer than
// it takes to find memory for it.
type Room struct{ last timed }

func (r *Room) timed(seed uint64, mix Mix, limit Limit, s timed) (Source, error) {
	if err := errors.Join(mix.Validate(), limit.Validate()); err != nil {
		return nil, err
	}
	s.models, s.limiter = newPicker(seed, mix), limiter{limit: limit}
	r.last = s
	r.last.rand = r.last.chance.start(seed, "arrivals")
	return &r.last, nil
}

// next returns the next time, whatever the limit.
func (s *timed) next() time.Duration {
	if s.mean > 0 {
		s.at += time.Duration(math.Round(float64(s.rand.ExpFloat64() * s.mean)))
		return s.at
	}
	at := s.at
	s.at += s.periodic.Interval
	if s.periodic.Jitter > 0 {
		at += time.Duration(s.rand.Int64N(int64(s.periodic.Jitter)))
	}
	return at
}

func (s *timed) Next() (Arrival, bool) {
	if s.done {
		return Arrival{}, false
	}
	at := s.next()
	if !s.limiter.admit(at) {
		s.done = true
		return Arrival{}, false
	}
	return Arrival{at, s.models.next()}, true
}

// Closed is a closed-loop workload: each of a number of clients sends a request, waits for its completion, thinks, and sends
// the next.
type Closed struct {
	Clients int
	Think   time.Duration
	Own     bool // every client keeps to one model: client i to model i modulo their number; the mix's weights do not count
}

// Validate reports why the workload is none, or nil.
func (c Closed) Validate() error {
	const most = 1 << 20
	if c.Clients < 1 || c.Clients > most {
		return fmt.Errorf("number of clients is %d; must be from 1 to %d", c.Clients, most)
	}
	if c.Think < 0 || c.Think > maxTime {
		return fmt.Errorf("think time is %v; must be from 0 to %s", c.Think, longest)
	}
	return nil
}

// Loop validates the workload and starts it. Unless clients keep to models of their own, the models of a mix are dealt in the order in which requests are sent, so the
// sequence of models, though not who sends them when, is the same for all strategies.
func (c Closed) Loop(seed uint64, mix Mix, limit Limit) (*Loop, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := errors.Join(mix.Validate(), limit.Validate()); err != nil {
		return nil, err
	}
	if err := (Limit{Requests: limit.Requests / c.Clients, Horizon: limit.Horizon}).covers(float64(c.Think)); err != nil {
		return nil, err
	}
	return &Loop{closed: c, models: newPicker(seed, mix), limiter: limiter{limit: limit}}, nil
}

// modelOf returns the model of a client's next request after one of model last (-1 for the first request of client i).
func (l *Loop) modelOf(client, last int) int {
	switch {
	case !l.closed.Own:
		return l.models.next()
	case last >= 0:
		return last
	}
	return client % len(l.models.mix.Weights)
}

// Loop is a running closed-loop workload. The driver calls Start once and Completed at every completion, in order of time.
type Loop struct {
	closed  Closed
	models  picker
	limiter limiter
}

// Late reports whether clients had requests left that would have come later than can be simulated.
func (l *Loop) Late() bool { return l.limiter.late }

// Start returns the first request of every client, all at time 0 (fewer if the limit is reached).
func (l *Loop) Start() []Arrival {
	var first []Arrival
	for client := range l.closed.Clients {
		if !l.limiter.admit(0) {
			break
		}
		first = append(first, Arrival{0, l.modelOf(client, -1)})
	}
	return first
}

// Completed returns the request that the client whose request of the given model completed (or failed) at the given time sends
// next, or false if it sends no more.
func (l *Loop) Completed(at time.Duration, model int) (Arrival, bool) {
	at += l.closed.Think
	if !l.limiter.admit(at) {
		return Arrival{}, false
	}
	return Arrival{at, l.modelOf(0, model)}, true
}
