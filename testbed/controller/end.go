package controller

import (
	"time"

	"hidp/testbed/control"
)

// Abort ends the session without a Run. Further calls, and calls after Close, do nothing.
func (s *Session) Abort() {
	s.mu.Lock()
	done := s.ended
	s.ended = true
	s.mu.Unlock()
	if done {
		return
	}
	for _, st := range s.streams {
		if st != nil {
			go st.tell(&control.Command{What: &control.Command_Abort{Abort: &control.Abort{}}}) // may hang where the agent does
		}
	}
	s.release(abortWait)
}

// abortWait is how long agents have to take note of an Abort; after that the end of their streams tells them the same.
const abortWait = time.Second

// release ends all streams after giving them so long to end by themselves.
func (s *Session) release(wait time.Duration) {
	limit := time.After(wait)
	for _, st := range s.streams {
		if st == nil {
			continue
		}
		select {
		case <-st.gone:
		case <-limit:
			limit = closed
		}
	}
	for _, st := range s.streams {
		if st != nil {
			st.cancel(errEnded)
			<-st.gone
		}
	}
	if s.cancel != nil {
		s.cancel()
	}
	s.watching.Wait()
}

// closed is a timer that has run out.
var closed = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()
