package host

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// spare is what is left free on the disk.
const spare = 32 << 20

// diskRoom returns what the file system of a folder has left for ordinary users.
func diskRoom(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("host: %s: %w", dir, err)
	}
	return max(0, int64(s.Bavail)*int64(s.Bsize)-spare), nil
}

// Free returns how many bytes the folder can still take, if all that is not in use gives way.
func (f *Folder) Free() (int64, error) {
	room, err := f.room(f.dir)
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, loose := f.sizes()
	return max(0, min(f.limit-kept-f.reserved, room+loose-f.reserved)), nil
}

// sizes returns the bytes that are in use and those that are not. The folder is locked, here and in what follows.
func (f *Folder) sizes() (kept, loose int64) {
	for _, index := range []map[identity]*stored{f.files, f.parts} {
		for _, x := range index {
			if x.pins > 0 {
				kept += x.size
			} else {
				loose += x.size
			}
		}
	}
	return kept, loose
}

// FullError says that there is no room for a file.
type FullError struct {
	Need, Free int64 // bytes
	Disk       bool  // it is the disk that is full, not the agent's limit
}

// Error implements error.
func (e *FullError) Error() string {
	if e.Disk {
		return fmt.Sprintf("the agent's disk is full: %d bytes are needed and %d can be had", e.Need, e.Free)
	}
	return fmt.Sprintf("the agent's folder is full: %d bytes are needed and %d can be had below its limit", e.Need, e.Free)
}

// reserve makes room for n bytes. The error is a *FullError if there is none.
func (f *Folder) reserve(n int64) error {
	room, err := f.room(f.dir)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, loose := f.sizes()
	if n > f.limit-kept-f.reserved {
		return &FullError{Need: n, Free: max(0, f.limit-kept-f.reserved)}
	}
	if n > room+loose-f.reserved {
		return &FullError{Need: n, Free: max(0, room+loose-f.reserved), Disk: true}
	}
	for loose > 0 && (n > f.limit-kept-loose-f.reserved || n > room-f.reserved) {
		freed, err := f.evict()
		if err != nil {
			return err
		}
		loose -= freed
		room += freed
	}
	f.reserved += n
	return nil
}

// evict removes what was not used for longest and returns its size.
func (f *Folder) evict() (int64, error) {
	var oldest *stored
	var which identity
	var in map[identity]*stored
	for _, index := range []map[identity]*stored{f.parts, f.files} {
		for id, x := range index {
			if x.pins == 0 && (oldest == nil || x.used.Before(oldest.used) || x.used.Equal(oldest.used) && x.path < oldest.path) {
				oldest, which, in = x, id, index
			}
		}
	}
	if oldest == nil {
		return 0, nil
	}
	delete(in, which)
	if err := os.Remove(oldest.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("host: %w", err)
	}
	return oldest.size, nil
}

func (f *Folder) unreserve(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reserved -= n
}
