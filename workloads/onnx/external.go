package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// checkExternal makes sure that the external data of all tensors lies beside the model and is long enough, without reading it.
func checkExternal(m *Model) error {
	sizes := map[string]int64{}
	for i := range m.Nodes {
		for k := range m.Nodes[i].Attrs {
			if t := m.Nodes[i].Attrs[k].Tensor; t != nil && t.Location != "" {
				return fmt.Errorf("%v: constants with external data are not supported", &m.Nodes[i])
			}
		}
	}
	for i := range m.Weights {
		t := &m.Weights[i]
		if t.Location == "" {
			continue
		}
		if err := m.checkLocation(t, sizes); err != nil {
			return fmt.Errorf("tensor %s: external data %s: %w", quote(t.Name), quote(t.Location), err)
		}
	}
	return nil
}

// checkLocation checks one tensor's file; sizes remembers those seen.
func (m *Model) checkLocation(t *Tensor, sizes map[string]int64) error {
	size, seen := sizes[t.Location]
	if !seen {
		file, err := m.openBeside(t.Location)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return plain(err)
		}
		size = info.Size()
		sizes[t.Location] = size
	}
	need := t.Type.Size(t.values)
	if need > size || t.External.Offset > size-need {
		return fmt.Errorf("needs %d bytes from byte %d, but the file has %d", need, t.External.Offset, size)
	}
	return nil
}

// errOutside says that a file of weights is not where a model may have it.
var errOutside = errors.New("must be a file in the model's own folder")

// openBeside opens a file of the model's weights. A model must not name files all over the machine: what it names must lie in the
// model's folder, or be a link from there into the folder where the model itself lies, which may be a link as well. So the Hugging
// Face hub keeps its files: links in a folder for each version, and all contents in one folder, under names of their own.
func (m *Model) openBeside(location string) (*os.File, error) {
	if !filepath.IsLocal(location) {
		return nil, errOutside
	}
	folder := filepath.Dir(m.Path)
	path, err := filepath.EvalSymlinks(filepath.Join(folder, location))
	if err != nil {
		return nil, plain(err)
	}
	homes := []string{folder}
	if model, err := filepath.EvalSymlinks(m.Path); err == nil {
		homes = append(homes, filepath.Dir(model))
	}
	for _, home := range homes {
		home, err = filepath.EvalSymlinks(home)
		if err != nil {
			continue
		}
		if name, err := filepath.Rel(home, path); err == nil && filepath.IsLocal(name) {
			return openIn(home, name)
		}
	}
	return nil, errOutside
}

// Inside reports whether a file of weights lies in the model's own folder, links followed: runtimes that are given a model without
// its file look nowhere else.
func (m *Model) Inside(location string) bool {
	folder, err := filepath.EvalSymlinks(filepath.Dir(m.Path))
	if err != nil {
		return false
	}
	path, err := filepath.EvalSymlinks(filepath.Join(folder, location))
	if err != nil {
		return false
	}
	name, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(name)
}

// openIn opens a regular file of a folder, which the name, links included, cannot leave.
func openIn(folder, name string) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, plain(err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() { // a pipe would not let itself be opened
		return nil, errors.New("is no regular file")
	}
	file, err := root.Open(name)
	return file, plain(err)
}

// plain returns what is wrong with a file without the call that found out.
func plain(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// read returns the values of a small tensor, and whether they could be had; if not, they are as unknown as those of a weight.
func (t *Tensor) read(m *Model, file io.ReaderAt) ([]float64, bool) {
	switch {
	case t.values > maxFolded:
		return nil, false
	case t.values == 0:
		return nil, true
	case t.typed > 0:
		return t.list, t.Type != Float16 && t.Type != BFloat16 && !t.Type.packed()
	}
	b := make([]byte, t.Type.Size(t.values))
	if !t.load(m, file, b) {
		return nil, false
	}
	var list []float64
	for size := t.Type.Bytes(); len(b) > 0; b = b[size:] {
		switch t.Type {
		case Float:
			list = append(list, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		case Double:
			list = append(list, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		case Int64:
			list = append(list, float64(int64(binary.LittleEndian.Uint64(b))))
		case Int32:
			list = append(list, float64(int32(binary.LittleEndian.Uint32(b))))
		case Bool, Uint8:
			list = append(list, float64(b[0]))
		case Int8:
			list = append(list, float64(int8(b[0])))
		default:
			return nil, false
		}
	}
	return list, true
}

// load fills b with the tensor's data.
func (t *Tensor) load(m *Model, file io.ReaderAt, b []byte) bool {
	if t.Location == "" {
		_, err := file.ReadAt(b, t.Raw.Offset)
		return err == nil
	}
	f, err := m.openBeside(t.Location)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.ReadAt(b, t.External.Offset)
	return err == nil
}
