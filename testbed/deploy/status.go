package deploy

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"hidp/testbed/control"
)

// Remove stops the agents and takes everything away that Deploy has put onto the boards. A board on which nothing is gets nothing done.
// Certificates here stay. It returns what it found in the agents' folders that is not its own and was left there, by node.
func Remove(ctx context.Context, hosts *Hosts, o Options) (left map[string]string, err error) {
	o = o.withDefaults()
	all, closeAll, err := reach(ctx, hosts, o)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	var mu sync.Mutex
	left = map[string]string{}
	err = each(all, func(w *work) error {
		b := w.board
		if !b.owned {
			return nil
		}
		o.Progress(b.Node, "stopping the agent")
		if err := w.conn.stop(ctx, b); err != nil {
			return err
		}
		said, err := w.conn.run(ctx, removeScript, nil, b.Dir, unitName(b.installedNode))
		if s := strings.TrimSpace(said["left"]); s != "" {
			mu.Lock()
			defer mu.Unlock()
			left[b.Node] = s
		}
		return err
	})
	return left, err
}

// State is how the agent of a board is doing.
type State struct {
	Board
	Deployed bool                 // something was put there
	Running  bool                 // as who keeps it running says
	Agent    *control.Description // what it answers; nil: nothing
	Err      error                // why the board cannot be reached, or the agent not
}

// Status asks all boards. What is wrong with a board is said in its state.
func Status(ctx context.Context, hosts *Hosts, o Options) ([]State, error) {
	o = o.withDefaults()
	sockets, err := os.MkdirTemp("/tmp", "hidp-ssh-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(sockets)
	list := make([]State, len(hosts.Hosts))
	var wait sync.WaitGroup
	for i, h := range hosts.Hosts {
		wait.Go(func() {
			w := &work{host: h}
			s := &list[i]
			s.Node = h.Node
			if s.Err = w.reach(ctx, o, sockets); w.conn != nil {
				defer w.conn.Close()
			}
			if w.board == nil {
				return
			}
			s.Board, s.Deployed = *w.board, w.board.owned
			if s.Err = w.board.checkMarker(); s.Err == nil && w.board.owned {
				said, err := w.conn.service(ctx, "state", w.board, w.board.installed, w.board.installedNode)
				s.Running, s.Err = said["running"] != "", errors.Join(s.Err, err)
				once, cancel := context.WithTimeout(ctx, askAtMost)
				defer cancel()
				if s.Agent, err = ask(once, hosts.TLS, h.Node, join(w.board.Address, w.board.port), o.Version); err != nil {
					s.Err = errors.Join(s.Err, err)
				}
			}
		})
	}
	wait.Wait()
	return list, ctx.Err()
}
