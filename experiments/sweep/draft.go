package sweep

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// draft is a file that is written but not yet in its place.
type draft struct {
	path string
	temp *os.File
}

// writeDraft lets fill write a file that is to appear under a name.
func writeDraft(path string, fill func(io.Writer) error) (*draft, error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w; choose a folder that you may write to", path, err)
	}
	d := &draft{path, temp}
	buffered := bufio.NewWriterSize(temp, 64<<10)
	if err := fill(buffered); err != nil {
		d.discard()
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		d.discard()
		return nil, fmt.Errorf("cannot write %s: %w", path, err)
	}
	return d, nil
}

// publish makes the file appear under its name, whole and safe on disk. Where there is one, it is replaced.
func (d *draft) publish() error {
	if err := d.place(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(d.path))
}

// place is publish without making the name last: syncFolder does that.
func (d *draft) place() error {
	for _, step := range []func() error{func() error { return d.temp.Chmod(0o644) }, d.temp.Sync, d.temp.Close,
		func() error { return os.Rename(d.temp.Name(), d.path) }} {
		if err := step(); err != nil {
			d.discard()
			return fmt.Errorf("cannot write %s: %w", d.path, err)
		}
	}
	return nil
}

func (d *draft) discard() {
	_ = d.temp.Close() // the first error is the one to tell
	_ = os.Remove(d.temp.Name())
}

// writeWhole lets fill write a file that appears under its name when it is whole and safe on disk.
func writeWhole(path string, fill func(io.Writer) error) error {
	d, err := writeDraft(path, fill)
	if err != nil {
		return err
	}
	return d.publish()
}

// syncFolder makes renames in a folder last. File systems that cannot do that for folders keep them anyway.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // some network file systems refuse it for folders
	return nil
}
