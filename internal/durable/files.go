package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Files is what the project needs of a file system to write to. Tests put one in its place that fails, or forgets what was not synced.
type Files interface {
	// Open is os.OpenFile.
	Open(path string, flag int, mode fs.FileMode) (File, error)
	Mkdir(path string, mode fs.FileMode) error
	Rename(from, to string) error
	Remove(path string) error
	// SyncFolder makes last what was made, renamed and removed in a folder.
	SyncFolder(path string) error
}

// File is a file that is open for writing.
type File interface {
	io.Writer
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}

// Disk is the machine's file system.
type Disk struct{}

// Open implements Files.
func (Disk) Open(path string, flag int, mode fs.FileMode) (File, error) {
	f, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Mkdir implements Files.
func (Disk) Mkdir(path string, mode fs.FileMode) error { return os.Mkdir(path, mode) }

// Rename implements Files.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements Files.
func (Disk) Remove(path string) error { return os.Remove(path) }

// SyncFolder implements Files. Some network file systems cannot sync folders; that is no error.
func (Disk) SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// Full reports whether an error says that there is no room left on the disk, or in the user's share of it.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// OrDisk returns files, or the machine's file system if that is nil.
func OrDisk(files Files) Files {
	if files == nil {
		return Disk{}
	}
	return files
}
