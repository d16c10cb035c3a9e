package deploy

import (
	"context"
	"errors"
	"os"
	"sync"
)

// open reaches all boards and checks that they can be used.
func open(ctx context.Context, hosts *Hosts, o Options) ([]*work, func(), error) {
	all, closeAll, err := reach(ctx, hosts, o)
	if err != nil {
		return nil, nil, err
	}
	if err := each(all, func(w *work) error { return w.board.unusable }); err != nil {
		closeAll()
		return nil, nil, err
	}
	return all, closeAll, nil
}

// reach connects to all boards at once and looks at them. The error names every board that cannot be reached.
func reach(ctx context.Context, hosts *Hosts, o Options) ([]*work, func(), error) {
	// The folder is short because paths of sockets are limited to 108 bytes, whatever TMPDIR is.
	sockets, err := os.MkdirTemp("/tmp", "hidp-ssh-")
	if err != nil {
		return nil, nil, err
	}
	var all []*work
	for _, h := range hosts.Hosts {
		all = append(all, &work{host: h})
	}
	closeAll := func() {
		_ = each(all, func(w *work) error {
			if w.conn != nil {
				w.conn.Close()
			}
			return nil
		})
		_ = os.RemoveAll(sockets)
	}
	err = each(all, func(w *work) error {
		o.Progress(w.host.Node, "connecting to "+w.host.SSH.String())
		return w.reach(ctx, o, sockets)
	})
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return all, closeAll, nil
}

// reach connects to a board and looks at it.
func (w *work) reach(ctx context.Context, o Options, sockets string) error {
	var err error
	if w.conn, err = connect(ctx, w.host, o.SSH, sockets, o.Connect); err != nil {
		return err
	}
	ort := w.host.ORT
	if ort == CopyORT || ort == NoORT {
		ort = ""
	}
	said, err := w.conn.run(ctx, probeScript, nil, w.host.Dir, ort)
	if err != nil {
		return err
	}
	w.board = newBoard(w.host, said, o.now())
	w.board.units = o.units
	return nil
}

// each does something on all boards at once, and joins their faults in the order of the hosts.
func each(all []*work, do func(*work) error) error {
	faults := make([]error, len(all))
	var wait sync.WaitGroup
	for i, w := range all {
		wait.Go(func() {
			if err := do(w); err != nil {
				faults[i] = &HostError{w.host.Node, w.host.SSH.String(), err}
			}
		})
	}
	wait.Wait()
	return errors.Join(faults...)
}
