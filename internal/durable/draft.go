package durable

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Draft is a file that is written but not yet in its place.
type Draft struct {
	files Files
	name  string // as the caller wrote it
	place place
	temp  string // where it is written until it is renamed; "": it is written into what is there
	file  File
	done  bool // closed
}

// filePermissions are those of new files; the process's umask is taken off.
const filePermissions = 0o666

// Begin begins a file that is to appear at a path with the given permissions, less the process's umask. Those of a file that is
// there are kept. The error is the user's and names the path.
func Begin(files Files, path string, mode fs.FileMode) (*Draft, error) {
	d := &Draft{files: files, name: path}
	var err error
	if d.place, err = find(path); err != nil {
		return nil, unwritable(path, err)
	}
	switch {
	case d.place.file != nil:
		d.file = d.place.file
	case d.place.into != "":
		d.file, err = files.Open(d.place.into, os.O_WRONLY|os.O_APPEND, 0)
	default:
		err = d.create(mode)
	}
	if err != nil {
		return nil, unwritable(path, err)
	}
	return d, nil
}

// create opens a new file beside the place.
func (d *Draft) create(mode fs.FileMode) (err error) {
	folder, name := filepath.Split(d.place.path)
	for range 100 { // names that are taken, by chance or by others
		d.temp = folder + "." + name + "." + strconv.FormatUint(rand.Uint64()|1<<63, 36) + unfinished
		if d.file, err = d.files.Open(d.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

const unfinished = ".new"

// Unfinished reports whether a file's name is that of a draft, which a process that was killed leaves behind.
func Unfinished(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, unfinished)
}

// Write implements io.Writer.
func (d *Draft) Write(data []byte) (int, error) {
	n, err := d.file.Write(data)
	if err != nil {
		err = unwritable(d.name, err)
	}
	return n, err
}

// settle makes the content safe on disk.
func (d *Draft) settle() error {
	if d.done {
		return nil
	}
	var err error
	if d.temp != "" {
		if d.place.mode != 0 {
			err = d.file.Chmod(d.place.mode)
		}
		if err == nil {
			err = d.file.Sync()
		}
	}
	if closing := d.close(); err == nil {
		err = closing
	}
	if err != nil {
		d.Discard()
		return unwritable(d.name, err)
	}
	return nil
}

func (d *Draft) close() error {
	if d.done || d.place.file != nil {
		return nil
	}
	d.done = true
	return d.file.Close()
}

// Place puts the file in its place, whole and synced. The name lasts once the folder is synced (see Draft.Folder).
func (d *Draft) Place() error {
	if err := d.settle(); err != nil {
		return err
	}
	if d.temp == "" {
		return nil
	}
	if err := d.files.Rename(d.temp, d.place.path); err != nil {
		d.Discard()
		return unwritable(d.name, err)
	}
	d.temp = ""
	return nil
}

// Folder is the folder of the file, or "" for what is no regular file.
func (d *Draft) Folder() string {
	if d.place.path == "" {
		return ""
	}
	return filepath.Dir(d.place.path)
}

// Publish puts the file in its place for good.
func (d *Draft) Publish() error {
	if err := d.Place(); err != nil || d.Folder() == "" {
		return err
	}
	if err := d.files.SyncFolder(d.Folder()); err != nil {
		return unwritable(d.name, err)
	}
	return nil
}

// Discard gives the file up and leaves nothing of it. Once the file is in its place, Discard does nothing.
func (d *Draft) Discard() {
	_ = d.close() // the first error is the one to tell, here and below
	if d.temp != "" {
		_ = d.files.Remove(d.temp)
		d.temp = ""
	}
}

// Write lets fill write the file at a path. The file appears when it is whole.
func Write(files Files, path string, fill func(io.Writer) error) error {
	d, err := Begin(files, path, filePermissions)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(d, 64<<10)
	err = fill(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		d.Discard()
		return err
	}
	return d.Publish()
}

// WriteFile puts data at a path.
func WriteFile(files Files, path string, data []byte) error {
	return WriteFileMode(files, path, data, filePermissions)
}

// WriteFileMode is WriteFile for a file with other permissions if it is new.
func WriteFileMode(files Files, path string, data []byte, mode fs.FileMode) error {
	d, err := Begin(files, path, mode)
	if err != nil {
		return err
	}
	if _, err := d.Write(data); err != nil {
		d.Discard()
		return err
	}
	return d.Publish()
}
