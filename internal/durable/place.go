package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Standard is the path that means standard output.
const Standard = "-"

// place is where something is to be written.
type place struct {
	path string      // behind all links; to be replaced
	mode fs.FileMode // of the file that is there, or 0
	into string      // path of what is written into instead; "": nothing
	file *os.File    // standard output or standard error; nil: neither
}

// mostLinks is how many links a path may lead through; Linux allows as many.
const mostLinks = 40

// descriptor matches names of files that a process has open. Their links lead to text that need not be a path.
var descriptor = regexp.MustCompile(`^(?:/proc/(?:self|thread-self|\d+)|/dev)/fd/(\d+)$`)

// find follows the links of a path.
func find(path string) (place, error) {
	if path == Standard {
		return place{file: os.Stdout}, nil
	}
	if path == "" || strings.HasSuffix(path, string(filepath.Separator)) {
		return place{}, fmt.Errorf("%q is no name of a file", path)
	}
	at := path
	for range mostLinks {
		if is := descriptor.FindStringSubmatch(at); is != nil {
			return open(at, is[1]), nil
		}
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return place{path: at}, missingFolder(at)
		}
		if err != nil {
			return place{}, cause(err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return placeOf(at, info)
		}
		to, err := os.Readlink(at)
		if err != nil {
			return place{}, cause(err)
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(at) + string(filepath.Separator) + to // not cleaned: a folder before ".." may be a link itself
		}
		at = to
	}
	return place{}, syscall.ELOOP
}

// open is the place of an open file of this process.
func open(path, number string) place {
	switch number {
	case "1":
		return place{file: os.Stdout}
	case "2":
		return place{file: os.Stderr}
	}
	return place{into: path}
}

func placeOf(path string, info fs.FileInfo) (place, error) {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return place{path: path, mode: mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)}, nil
	case mode.IsDir():
		return place{}, errors.New("it is a folder")
	case mode&fs.ModeSocket != 0:
		return place{}, errors.New("it is a socket")
	}
	return place{into: path}, nil // a device or a FIFO
}

// missingFolderError says that there is no folder for a file.
type missingFolderError struct{ folder string }

// Error implements error.
func (e *missingFolderError) Error() string {
	return "there is no folder " + e.folder + "; make it first"
}

// Is makes it an fs.ErrNotExist.
func (e *missingFolderError) Is(target error) bool { return target == fs.ErrNotExist }

// missingFolder returns that a file's folder is not there, or nil if it is.
func missingFolder(path string) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &missingFolderError{folder}
	case err != nil:
		return cause(err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", folder)
	}
	return nil
}

// cause takes the names of calls and paths off an error of a file system.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// unwritable says that a file cannot be written, and what the user can do.
func unwritable(path string, err error) error {
	err = cause(err)
	switch {
	case Full(err):
		return fmt.Errorf("cannot write %s: %w; free some space and try again", path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("cannot write %s: %w; choose a folder that you may write to", path, err)
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}
