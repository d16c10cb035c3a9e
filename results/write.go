package results

import (
	"fmt"
	"os"
	"path/filepath"
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
