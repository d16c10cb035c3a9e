package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folderPermissions are those of new folders; the process's umask is taken off.
const folderPermissions = 0o777

// MakeFolder makes a folder that a command owns, and those above it.
func MakeFolder(files Files, path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		return fmt.Errorf("cannot make the folder %s: there is a file of that name", path)
	}
	above := filepath.Dir(path)
	if errors.Is(err, fs.ErrNotExist) && above != path {
		if err := MakeFolder(files, above); err != nil {
			return err
		}
		if err = files.Mkdir(path, folderPermissions); errors.Is(err, fs.ErrExist) { // by another process
			err = nil
		}
		if err == nil {
			err = files.SyncFolder(above)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot make the folder %s: %w; choose a folder that you may write to", path, cause(err))
	}
	return nil
}

// Output is a file to be written into a folder.
type Output struct {
	Name string
	Data []byte
}

// WriteFiles writes files into a folder, which it makes. All are written and synced before the first appears. On an error before that
// nothing of them is left; an error of a rename leaves each file whole, old or new.
func WriteFiles(files Files, folder string, list []Output) error {
	if err := MakeFolder(files, folder); err != nil {
		return err
	}
	var drafts []*Draft
	defer func() {
		for _, d := range drafts {
			d.Discard()
		}
	}()
	for _, f := range list {
		d, err := Begin(files, filepath.Join(folder, f.Name), filePermissions)
		if err != nil {
			return err
		}
		drafts = append(drafts, d)
		if _, err := d.Write(f.Data); err != nil {
			return err
		}
		if err := d.settle(); err != nil {
			return err
		}
	}
	return PublishAll(files, drafts)
}

// PublishAll puts drafts in their places for good, and goes on after an error. It returns the first.
func PublishAll(files Files, drafts []*Draft) error {
	var first error
	synced := map[string]bool{"": true}
	for _, d := range drafts {
		if err := d.Place(); err != nil && first == nil {
			first = err
		}
	}
	for _, d := range drafts {
		folder := d.Folder()
		if synced[folder] {
			continue
		}
		synced[folder] = true
		if err := files.SyncFolder(folder); err != nil && first == nil {
			first = unwritable(d.name, err)
		}
	}
	return first
}
