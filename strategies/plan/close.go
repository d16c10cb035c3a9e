package plan

import (
	"context"
	"io"
)

// Close ends what a planner keeps running, such as a program of the user's: who makes a planner and asks it for plans closes it. For
// most it does nothing. A planner may be used again afterwards.
func Close(p Planner) error {
	if c, ok := p.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// CloseWith closes p as soon as ctx is done, so that a plan under way is given up. The function that it returns ends the watch.
func CloseWith(ctx context.Context, p Planner) (release func()) {
	c, ok := p.(io.Closer)
	if !ok {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // whose plan fails says so
	return func() { stop() }
}
