package host

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// claim is a session's hold on the agent.
type claim struct {
	holder string
	ending context.Context // done when the session is about to end
	gone   chan struct{}   // closed when it has ended
}

// acquire takes the agent for a session whose context is given. It waits for a session that is ending; the error of one that goes on
// is RESOURCE_EXHAUSTED. Release the claim.
func (h *Host) acquire(ctx context.Context, holder string) (*claim, error) {
	mine := &claim{holder: holder, ending: ctx, gone: make(chan struct{})}
	for {
		h.mu.Lock()
		other := h.holder
		if other == nil {
			h.holder = mine
			h.mu.Unlock()
			return mine, nil
		}
		h.mu.Unlock()
		if other.ending.Err() == nil {
			return nil, status.Errorf(codes.ResourceExhausted, "the agent has a session of %s already", other.holder)
		}
		select {
		case <-other.gone:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (h *Host) release(c *claim) {
	h.mu.Lock()
	h.holder = nil
	h.mu.Unlock()
	close(c.gone)
}

// held returns who has the agent, or nothing.
func (h *Host) held() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holder == nil {
		return ""
	}
	return h.holder.holder
}

// await returns when there is no session.
func (h *Host) await(ctx context.Context) {
	h.mu.Lock()
	c := h.holder
	h.mu.Unlock()
	if c == nil {
		return
	}
	select {
	case <-c.gone:
	case <-ctx.Done():
	}
}

// callName returns who a controller says it is, fit for messages.
func callName(holder string) string {
	if holder == "" {
		return "a controller that gives no name"
	}
	const most = 100
	if len(holder) > most {
		holder = holder[:most]
	}
	return fmt.Sprintf("%q", holder)
}
