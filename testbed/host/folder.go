package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Folder is an agent's private folder: whole files in files/ and files that have come in part in parts/, by digest and size; and in
// sessions/ what sessions unpack. What is not in use gives way, the longest unused first, where the limit asks for it. Its
// methods may be called at the same time.
type Folder struct {
	dir   string
	limit int64
	lock  *os.File
	room  func(dir string) (int64, error) // bytes that the disk has left

	mu       sync.Mutex
	files    map[identity]*stored
	parts    map[identity]*stored
	reserved int64 // bytes that transfers under way will still write
}

// digest is a SHA-256.
type digest [sha256.Size]byte

// String returns the digest in hexadecimal, which is also the file's name.
func (d digest) String() string { return hex.EncodeToString(d[:]) }

// identity is what a file is to be: digests of wrong sizes must not get into the way of right ones.
type identity struct {
	digest digest
	size   int64
}

// name returns what the file is called.
func (id identity) name() string { return id.digest.String() + "." + strconv.FormatInt(id.size, 10) }

// identify is the reverse of name.
func identify(name string) (identity, bool) {
	text, length, _ := strings.Cut(name, ".")
	sum, err := hex.DecodeString(text)
	size, bad := strconv.ParseInt(length, 10, 64)
	if err != nil || bad != nil || len(sum) != sha256.Size || size < 0 {
		return identity{}, false
	}
	id := identity{digest(sum), size}
	return id, id.name() == name
}

// stored is a file of the folder, whole or in part.
type stored struct {
	path    string
	size    int64 // bytes on disk
	used    time.Time
	pins    int           // sessions that use it, transfers that write it or wait to
	writing chan struct{} // holds one token: who has it writes
}

const filesDir, partsDir, sessionsDir, lockFile = "files", "parts", "sessions", "lock"

// OpenFolder opens the folder in dir and makes it if there is none. What a crashed agent has left of sessions is removed. The error
// says who else uses it, or what is in the way.
func OpenFolder(dir string, limit int64) (*Folder, error) {
	if dir == "" || limit < 0 {
		return nil, fmt.Errorf("host: a folder %q of at most %d bytes", dir, limit)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	f := &Folder{dir: dir, limit: limit, room: diskRoom, files: map[identity]*stored{}, parts: map[identity]*stored{}}
	for _, d := range []string{dir, f.path(filesDir), f.path(partsDir), f.path(sessionsDir)} {
		if err := private(d); err != nil {
			return nil, err
		}
	}
	if err := f.take(); err != nil {
		return nil, err
	}
	if err := f.survey(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// private makes a folder that is its owner's alone.
func private(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.Chmod(dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

func (f *Folder) path(names ...string) string {
	return filepath.Join(append([]string{f.dir}, names...)...)
}

// take locks the folder for this process.
func (f *Folder) take() error {
	lock, err := os.OpenFile(f.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("host: folder %s is in use by another agent: %w", f.dir, err)
	}
	f.lock = lock
	return nil
}

// Close lets others use the folder. The files stay.
func (f *Folder) Close() error { return f.lock.Close() }

// survey finds out what there is. What does not belong there is removed.
func (f *Folder) survey() error {
	err := errors.Join(os.RemoveAll(f.path(sessionsDir)), private(f.path(sessionsDir)), f.list(filesDir, f.files), f.list(partsDir, f.parts))
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// list enters the files of a folder into an index.
func (f *Folder) list(folder string, index map[identity]*stored) error {
	entries, err := os.ReadDir(f.path(folder))
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := f.path(folder, e.Name())
		info, err := e.Info()
		if err != nil {
			return err
		}
		id, ok := identify(e.Name())
		if whole := folder == filesDir; !ok || !info.Mode().IsRegular() || whole && info.Size() != id.size || info.Size() > id.size {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			continue
		}
		index[id] = &stored{path: path, size: info.Size(), used: info.ModTime(), writing: token()}
	}
	return nil
}

func token() chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

// Use returns the path of a whole file and keeps it until release is called. It is not ok if there is none.
func (f *Folder) Use(id identity) (path string, release func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.files[id]
	if x == nil {
		return "", nil, false
	}
	x.pins++
	x.touch()
	return x.path, sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		x.pins--
		x.touch()
	}), true
}

// touch notes that a file is used, for the next start of the agent as well.
func (x *stored) touch() {
	x.used = time.Now()
	_ = os.Chtimes(x.path, x.used, x.used) // without it a wrong file may give way first
}

// Holds returns how much of a file there is.
func (f *Folder) Holds(id identity) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files[id] != nil {
		return id.size
	}
	if x := f.parts[id]; x != nil {
		return x.size
	}
	return 0
}

// Session makes an empty folder that lasts until it is removed, or the agent is started again.
func (f *Folder) Session() (string, error) {
	dir, err := os.MkdirTemp(f.path(sessionsDir), "s")
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	return dir, nil
}
