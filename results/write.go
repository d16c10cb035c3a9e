package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// File is a file to be written: a name relative to a folder, and its content.
type File struct {
	Name string
	Data []byte
}

// WriteFile puts data at path in one step: readers see the old file or the new one, never a part.
func WriteFile(path string, data []byte) error {
	return WriteFiles(filepath.Dir(path), []File{{filepath.Base(path), data}})
}

// WriteFiles writes files into dir, which it creates. All are written beside their places first, under hidden names, and renamed
// when all of them are safe on disk; on an error nothing of them is left. Only a rename can fail half-way, and then each file is
// still whole, old or new.
func WriteFiles(dir string, files []File) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot create the output folder: %w; choose a folder that you may write to", err)
	}
	var staged []string
	defer func() {
		for _, path := range staged {
			_ = os.Remove(path) // gone already if it was renamed; else the first error is the one to tell
		}
	}()
	for _, f := range files {
		temp, err := stage(dir, f)
		if temp != "" {
			staged = append(staged, temp)
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w; choose a folder that you may write to", filepath.Join(dir, f.Name), err)
		}
	}
	for i, f := range files {
		if err := os.Rename(staged[i], filepath.Join(dir, f.Name)); err != nil {
			return fmt.Errorf("cannot write %s: %w", filepath.Join(dir, f.Name), err)
		}
	}
	return nil
}

// stage writes a file under a temporary name beside its place and returns that name, also where it was written in part.
func stage(dir string, f File) (path string, err error) {
	temp, err := os.CreateTemp(dir, "."+f.Name+".*")
	if err != nil {
		return "", err
	}
	if _, err = temp.Write(f.Data); err == nil {
		err = temp.Sync()
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(temp.Name(), 0o644)
	}
	return temp.Name(), err
}

// Writable reports whether files can be written to dir, which need not exist, without leaving a trace: a run of minutes should
// not end with finding out. The error is the user's.
func Writable(dir string) error {
	at := filepath.Clean(dir)
	for {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("cannot write to %s: %s is not a folder; choose another", dir, at)
		case err == nil:
			probe, err := os.CreateTemp(at, ".hidp.*")
			if err != nil {
				return fmt.Errorf("cannot write to %s: %w; choose a folder that you may write to", dir, err)
			}
			return errors.Join(probe.Close(), os.Remove(probe.Name()))
		case errors.Is(err, syscall.ENOTDIR): // a parent is a file: go up to it and name it
		case !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at):
			return fmt.Errorf("cannot write to %s: %w; choose a folder that you may write to", dir, err)
		}
		at = filepath.Dir(at)
	}
}
