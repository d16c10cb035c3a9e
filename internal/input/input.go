// Package input opens the files that users name. It is the one place that decides what may be opened at all and how much of it may
// be read, so that no slip of the pen (a device, a disk image, a log instead of a trace) costs more than a message.
package input

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Limits of the kinds of files in bytes, each far above what a file of its kind needs.
const (
	// Config bounds TOML files. The largest that make sense are layer tables: 16 000 layers of 200 bytes. The TOML reader takes
	// some 60 bytes of memory for each byte of a file.
	Config = 4 << 20
	// Plan bounds plan files: 16 000 ops of 2000 bytes.
	Plan = 32 << 20
	// Trace bounds recorded workloads: 5 million requests of 25 bytes. Each takes 16 bytes of memory beside the file itself.
	Trace = 128 << 20
	// Record bounds what the program itself writes for its own use in JSON or text: manifests, lists of tasks, states of testbeds,
	// certificates. A manifest of the most shards has a few MiB.
	Record = 64 << 20
	// State bounds checkpoints and logs of runs: a million sites of 1 kB.
	State = 1 << 30
	// Model bounds networks in ONNX files and their weights, of which only a part is ever in memory at one time.
	Model = 64 << 30
)

// Error values that tell why an input is refused. They come inside of an *fs.PathError.
var (
	ErrFolder = errors.New("is a folder, not a file")
	ErrDevice = errors.New("is a device or a socket, not a file")
	ErrPipe   = errors.New("is a pipe; this input must be a regular file, for it is read in parts")
)

// TooLargeError says that an input holds more than its kind of file may.
type TooLargeError struct{ Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("is larger than %s, the most that is read of such a file", amount(e.Limit))
}

// amount prints a limit, a whole number of its unit.
func amount(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// Read returns the content of the file or pipe at path, of at most limit bytes. A pipe is one of the shell, such as <(zcat x.gz), or
// a FIFO. A folder, a device and a socket are refused before they are opened. All errors are *fs.PathError.
func Read(path string, limit int64) ([]byte, error) {
	f, info, err := open(path, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, refused(path, &TooLargeError{limit})
	}
	// The size is a hint only: a pipe has none, and a file may grow.
	data := make([]byte, 0, info.Size()+512)
	for {
		n, err := f.Read(data[len(data):min(int64(cap(data)), limit+1)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, refused(path, &TooLargeError{limit})
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// Regular opens the regular file at path, of at most limit bytes, and returns its size. All errors are *fs.PathError.
func Regular(path string, limit int64) (*os.File, int64, error) {
	f, info, err := open(path, false)
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > limit {
		f.Close()
		return nil, 0, refused(path, &TooLargeError{limit})
	}
	return f, info.Size(), nil
}

// open opens a regular file or, if they are allowed, a pipe. It looks before it opens, because opening alone can have effects on a
// device and does not return for a pipe without a writer, and once more afterwards, because another file may have taken the place.
func open(path string, pipes bool) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, refused(path, Reason(err))
	}
	if err := acceptable(path, info, pipes); err != nil {
		return nil, nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err = f.Stat()
	if err == nil {
		err = acceptable(path, info, pipes)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// acceptable returns why a kind of file is not read, or nil.
func acceptable(path string, info fs.FileInfo, pipes bool) error {
	mode := info.Mode()
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return refused(path, ErrFolder)
	case mode&fs.ModeNamedPipe == 0:
		return refused(path, ErrDevice)
	case !pipes:
		return refused(path, ErrPipe)
	}
	return nil
}

func refused(path string, why error) error { return &fs.PathError{Op: "open", Path: path, Err: why} }

// Reason returns what is wrong without the operation and the path, for messages that name the file already.
func Reason(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
