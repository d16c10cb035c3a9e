package inference

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// EnvLibrary is the environment variable that names the ONNX Runtime library.
const EnvLibrary = "HIDP_ORT"

// LibraryFile is what the library is called in the cache that `make ort` fills.
const LibraryFile = "libonnxruntime.so.1"

// MissingError says that there is no ONNX Runtime library.
type MissingError struct{ Looked []string }

// Error implements error.
func (e *MissingError) Error() string {
	return fmt.Sprintf("no ONNX Runtime library for %s (looked for %s): run make ort, or name one with --ort or %s",
		runtime.GOARCH, strings.Join(e.Looked, ", "), EnvLibrary)
}

// FindLibrary returns the path of the ONNX Runtime library: the one that explicit names if it is not empty, else the one that
// the environment variable HIDP_ORT names, else the one that `make ort` put into .cache/ort/ARCH below one of the folders in,
// below the working directory, beside the program or one folder above it. The error is a *MissingError if there is none.
func FindLibrary(explicit string, in ...string) (string, error) {
	for _, named := range []string{explicit, os.Getenv(EnvLibrary)} {
		if named == "" {
			continue
		}
		if _, err := os.Stat(named); err != nil {
			return "", &MissingError{[]string{named}}
		}
		return filepath.Abs(named)
	}
	folders := append(append([]string(nil), in...), ".")
	if exe, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(exe), filepath.Dir(filepath.Dir(exe)))
	}
	var looked []string
	for _, folder := range folders {
		path := filepath.Join(folder, ".cache", "ort", runtime.GOARCH, LibraryFile)
		if _, err := os.Stat(path); err == nil {
			return filepath.Abs(path)
		}
		looked = append(looked, path)
	}
	return "", &MissingError{looked}
}

// machines are the ELF names of the architectures that the project supports.
func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
}

// checkLibrary reports why the file at path cannot be loaded into this process: the dynamic linker's own messages are cryptic.
func checkLibrary(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return err
		}
		return fmt.Errorf("%s is no shared library for Linux: %w", path, err)
	}
	defer f.Close()
	want, known := machines()[runtime.GOARCH]
	if !known {
		return fmt.Errorf("ONNX Runtime is supported on amd64 and arm64, not on %s", runtime.GOARCH)
	}
	if f.Machine != want {
		have := f.Machine.String()
		for arch, m := range machines() {
			if m == f.Machine {
				have = arch
			}
		}
		return fmt.Errorf("%s is a library for %s, but this program runs on %s", path, have, runtime.GOARCH)
	}
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("%s is no shared library", path)
	}
	return checkGenuine(path, f)
}
