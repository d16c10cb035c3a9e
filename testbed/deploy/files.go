package deploy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"hidp/internal/input"
)

const libraryFile = "lib/libonnxruntime.so.1"

// What files are called in messages.
const (
	program = "program"
	library = "ONNX Runtime"
)

// file is something that belongs on a board.
type file struct {
	name   string // below the folder
	mode   fs.FileMode
	size   int64
	sum    string // SHA-256, hexadecimal
	source string // local path; empty: data
	data   []byte
}

// open returns the file's bytes from the beginning.
func (f *file) open() (io.ReadCloser, error) {
	if f.source == "" {
		return io.NopCloser(bytes.NewReader(f.data)), nil
	}
	r, _, err := input.Regular(f.source, input.Model)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func fromBytes(name string, mode fs.FileMode, data []byte) *file {
	sum := sha256.Sum256(data)
	return &file{name: name, mode: mode, size: int64(len(data)), sum: hex.EncodeToString(sum[:]), data: data}
}

func fromPath(name string, mode fs.FileMode, source string) (*file, error) {
	f, _, err := input.Regular(source, input.Model)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return &file{name: name, mode: mode, size: n, sum: hex.EncodeToString(hash.Sum(nil)), source: source}, nil
}

// files lists what belongs on a board, the program first.
func (b *Board) files(h Host, o Options, tls string) ([]*file, error) {
	var list []*file
	add := func(name string, mode fs.FileMode, source, what string) error {
		f, err := fromPath(name, mode, source)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no %s for %s here%s", what, b.Arch, b.remedy(what, source))
		}
		if err != nil {
			return err
		}
		list = append(list, f)
		return nil
	}
	if err := add("hidp", 0o700, o.Binaries[b.Arch], program); err != nil {
		return nil, err
	}
	if h.ORT == CopyORT {
		if err := add(libraryFile, 0o600, o.Libraries[b.Arch], library); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"ca.pem", b.Node + ".pem", b.Node + ".key"} {
		if err := add("tls/"+name, 0o600, filepath.Join(tls, name), "certificate"); err != nil {
			return nil, err
		}
	}
	if b.Service == Process {
		return append(list, fromBytes("run", 0o700, b.runScript(h))), nil
	}
	return append(list, fromBytes(unitName(b.Node), 0o600, b.unit(h))), nil
}

// remedy says how to come by a file that is missing here.
func (b *Board) remedy(what, source string) string {
	at := ""
	if source != "" {
		at = " (" + source + ")"
	}
	switch what {
	case program:
		return at + ": make agents builds it"
	case library:
		return at + ": scripts/fetch-ort.sh " + b.Arch + " fetches it"
	}
	return at
}

// missing returns those of the files that are not on the board as they should be.
func (c *connection) missing(ctx context.Context, dir string, files []*file) ([]*file, error) {
	var paths []string
	for _, f := range files {
		paths = append(paths, dir+"/"+f.name)
	}
	have, err := c.run(ctx, sumsScript, nil, paths...)
	if err != nil {
		return nil, err
	}
	var list []*file
	for i, f := range files {
		if have[fmt.Sprint(i)] != fmt.Sprintf("%s %o", f.sum, f.mode) {
			list = append(list, f)
		}
	}
	return list, nil
}

// put replaces a file on the board, or leaves what is there if anything goes wrong.
func (c *connection) put(ctx context.Context, dir string, f *file) error {
	r, err := f.open()
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := c.run(ctx, putScript, r, dir+"/"+f.name, fmt.Sprintf("%o", f.mode), f.sum); err != nil {
		return fmt.Errorf("copy %s: %w", f.name, err)
	}
	return nil
}
