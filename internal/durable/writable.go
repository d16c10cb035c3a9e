package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Writable reports whether files can be written to a folder, which need not exist, without leaving a trace. A run of minutes should
// not end with finding out. The error is the user's.
func Writable(folder string) error {
	at := filepath.Clean(folder)
	for {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("cannot write to %s: %s is not a folder; choose another", folder, at)
		case err == nil:
			probe, err := Begin(Disk{}, filepath.Join(at, "hidp"), 0o600)
			if err != nil {
				return fmt.Errorf("cannot write to %s: %w", folder, err)
			}
			probe.Discard()
			return nil
		case errors.Is(err, syscall.ENOTDIR): // a parent is a file: go up to it and name it
		case !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at):
			return fmt.Errorf("cannot write to %s: %w; choose a folder that you may write to", folder, cause(err))
		}
		at = filepath.Dir(at)
	}
}
