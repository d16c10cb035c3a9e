package emulate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hidp/internal/durable"
)

// Down takes the testbed in a folder away: its agents, asked first, its control group and namespaces, and its files; of these the
// logs stay unless logs is set. Whatever state a crash left it in, the same is gone afterwards; where there is no testbed nothing
// happens. The error says what could not be taken away; then Down can be called again.
func Down(ctx context.Context, dir string, logs bool) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := LoadState(dir)
	var none *NoTestbedError
	switch {
	case errors.As(err, &none):
		if logs && foreign(dir) == nil {
			return removeLogs(dir)
		}
		return nil
	case err != nil:
		return err
	}
	return s.takeDown(ctx, logs)
}

// path returns the path of an entry.
func (s *State) path(entry string) string { return filepath.Join(s.Dir, entry) }

// here reports whether the machine has not been started anew since.
func (s *State) here() bool { return s.Boot == "" || s.Boot == bootID() }

// alive returns the testbed's processes that are there: those that are noted, and those that are known by their environment only.
func (s *State) alive() []Process {
	if !s.here() {
		return nil
	}
	found := marked(s.ID)
	for i := range s.Agents {
		if p := s.Agents[i].Process; p.PID > 0 && !slices.Contains(found, p) && p.Alive() {
			found = append(found, p)
		}
	}
	return found
}

// settle is how long a process may take from being forked by a builder that was killed until it shows its environment.
const settle = 100 * time.Millisecond

// takeDown removes everything that the state names, in the reverse of the order in which it was made, and the state last.
func (s *State) takeDown(ctx context.Context, logs bool) error {
	unfinished := s.Phase == Starting
	s.Phase = Stopping
	errs := []error{s.save()}
	errs = append(errs, stop(ctx, s.alive))
	if unfinished && s.here() {
		time.Sleep(settle)
		errs = append(errs, stop(ctx, s.alive))
	}
	errs = append(errs, s.Priority.remove())
	for _, name := range s.Namespaces {
		if s.here() {
			errs = append(errs, removeNamespace(name))
		}
	}
	for i := range s.Agents {
		node := s.Agents[i].Node
		errs = append(errs, remove(s.Socket(node)), os.RemoveAll(s.Folder(node)))
	}
	for _, entry := range s.Entries {
		errs = append(errs, os.RemoveAll(s.path(entry)))
	}
	if logs {
		errs = append(errs, removeLogs(s.Dir))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(removeIf(s.Dir, durable.Unfinished), remove(s.path(stateName)))
}

func removeLogs(dir string) error {
	return removeIf(dir, func(name string) bool { return strings.HasSuffix(name, logSuffix) })
}

// removeIf removes files of a folder.
func removeIf(dir string, which func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() && which(e.Name()) {
			err = errors.Join(err, remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// remove removes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
