// Package faulty is a file system for tests: a call of it fails, or is the last before the machine stops. After a stop it holds what a
// real one may hold then, without what was not synced.
//
// Files lie in a real folder, so that programs read them as usual. What would outlast a stop is kept in memory.
package faulty

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"hidp/internal/durable"
)

// Fault says what goes wrong.
type Fault struct {
	At   int  // the number of the call, from 1; 0: nothing goes wrong
	Kind Kind // what happens at this call
}

// Kind is a kind of fault.
type Kind string

// The kinds. The call is not carried out; of a write, half of the bytes are.
const (
	Fails     Kind = "fails"                      // this call only
	Full      Kind = "fails, as all writes after" // a full disk
	Killed    Kind = "killed"                     // the process ends; the machine goes on and loses nothing
	Stopped   Kind = "stopped"                    // the machine stops: all is lost that was not synced
	NamesOnly Kind = "stopped, with names"        // the machine stops: names are there, content that was not synced is lost
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Fails, Full, Killed, Stopped, NamesOnly} }

// ErrInjected is what a call fails with.
var ErrInjected error = syscall.EIO

// errDead is what calls return after the process or the machine has ended.
var errDead = errors.New("faulty: the process has ended")

// Disk is the file system below one folder. Safe for concurrent use.
type Disk struct {
	root  string
	fault Fault

	mu    sync.Mutex
	calls int
	dead  bool
	there map[string]*content // by path
	safe  map[string]*content // by path, as after a stop
}

// content is what a file or a folder holds.
type content struct {
	folder bool
	synced []byte // what outlasts a stop
}

// New returns the file system below a folder. What the folder holds already outlasts stops.
func New(root string, f Fault) (*Disk, error) {
	d := &Disk{root: root, fault: f, there: map[string]*content{}, safe: map[string]*content{}}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		c := &content{folder: e.IsDir()}
		if !c.folder {
			if c.synced, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		d.there[path], d.safe[path] = c, c
		return nil
	})
	return d, err
}

// Calls returns how many calls there were.
func (d *Disk) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// step counts a call and returns the error that it ends with before it does anything, or nil. It is called with mu held.
func (d *Disk) step(writes bool) error {
	if d.dead {
		return errDead
	}
	d.calls++
	switch {
	case d.fault.At == 0 || d.calls < d.fault.At:
		return nil
	case d.fault.Kind == Full:
		if d.calls == d.fault.At || writes {
			return syscall.ENOSPC
		}
		return nil
	case d.calls > d.fault.At:
		return nil
	case d.fault.Kind == Fails:
		return ErrInjected
	}
	d.dead = true
	return errDead
}

// Open implements durable.Files.
func (d *Disk) Open(path string, flag int, mode fs.FileMode) (durable.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(flag&os.O_CREATE != 0); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	c := d.there[path]
	if c == nil {
		c = &content{}
		d.there[path] = c
	}
	return &file{f, d, c}, nil
}

// Mkdir implements durable.Files.
func (d *Disk) Mkdir(path string, mode fs.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.step(true)
	if err == nil {
		err = os.Mkdir(path, mode)
	}
	if err == nil {
		d.there[path] = &content{folder: true}
	}
	return err
}

// Rename implements durable.Files.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.step(false)
	if err == nil {
		err = os.Rename(from, to)
	}
	if err == nil {
		d.there[to] = d.there[from]
		delete(d.there, from)
	}
	return err
}

// Remove implements durable.Files.
func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.step(false)
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		delete(d.there, path)
	}
	return err
}

// SyncFolder implements durable.Files.
func (d *Disk) SyncFolder(folder string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(false); err != nil {
		return err
	}
	folder = filepath.Clean(folder)
	for path := range d.safe {
		if filepath.Dir(path) == folder && d.there[path] == nil {
			delete(d.safe, path)
		}
	}
	for path, c := range d.there {
		if filepath.Dir(path) == folder {
			d.safe[path] = c
		}
	}
	return nil
}

// file is an open file.
type file struct {
	*os.File
	disk    *Disk
	content *content
}

// Write implements durable.File.
func (f *file) Write(data []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	dead := f.disk.dead
	if err := f.disk.step(true); err != nil {
		n := 0
		if !dead {
			n, _ = f.File.Write(data[:len(data)/2]) // its error is not the one to tell
		}
		return n, err
	}
	return f.File.Write(data)
}

// Chmod implements durable.File.
func (f *file) Chmod(mode fs.FileMode) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step(false); err != nil {
		return err
	}
	return f.File.Chmod(mode)
}

// Sync implements durable.File.
func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step(false); err != nil {
		return err
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	f.content.synced = data
	return nil
}

// Close implements durable.File. The real file is closed in any case.
func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return errors.Join(f.disk.step(false), f.File.Close())
}

// End ends the process after its last call, if the fault is that it ends.
func (d *Disk) End() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = d.fault.At > 0 && d.fault.Kind != Fails && d.fault.Kind != Full
}

// Restart makes the folder what the fault leaves of it. The process that used the file system must have ended.
func (d *Disk) Restart() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.safe
	switch {
	case !d.dead, d.fault.Kind == Killed:
		return nil
	case d.fault.Kind == NamesOnly:
		kept = d.there
	}
	if err := os.RemoveAll(d.root); err != nil {
		return err
	}
	if err := os.MkdirAll(d.root, 0o777); err != nil {
		return err
	}
	for path, c := range kept {
		if err := d.restore(kept, path, c); err != nil {
			return err
		}
	}
	return nil
}

// restore makes a file or a folder again, unless a folder above it is lost.
func (d *Disk) restore(kept map[string]*content, path string, c *content) error {
	for above := filepath.Dir(path); above != d.root; above = filepath.Dir(above) {
		if kept[above] == nil {
			return nil
		}
	}
	if c.folder {
		return os.MkdirAll(path, 0o777)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, c.synced, 0o666)
}
