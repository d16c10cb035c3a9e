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

// checkExternal makes sure that the external data of all tensors lies inside the model's folder and is long enough, without
// reading it.
func checkExternal(m *Model) error {
	var root *os.Root
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
		if root == nil {
			r, err := os.OpenRoot(filepath.Dir(m.Path))
			if err != nil {
				return err
			}
			defer r.Close()
			root = r
		}
		if err := checkLocation(root, t, sizes); err != nil {
			return fmt.Errorf("tensor %s: external data %s: %w", quote(t.Name), quote(t.Location), err)
		}
	}
	return nil
}

// checkLocation checks one tensor's file; sizes remembers those seen.
func checkLocation(root *os.Root, t *Tensor, sizes map[string]int64) error {
	size, seen := sizes[t.Location]
	if !seen {
		if !filepath.IsLocal(t.Location) {
			return errors.New("must be a file in the model's own folder")
		}
		info, err := root.Stat(t.Location)
		if err != nil {
			var path *os.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			return err
		}
		if !info.Mode().IsRegular() {
			return errors.New("is no regular file")
		}
		size = info.Size()
		sizes[t.Location] = size
	}
	need := t.values * int64(t.Type.Bytes())
	if need > size || t.External.Offset > size-need {
		return fmt.Errorf("needs %d bytes from byte %d, but the file has %d", need, t.External.Offset, size)
	}
	return nil
}

// read returns the values of a small tensor, and whether they could be had; if not, they are as unknown as those of a weight.
func (t *Tensor) read(m *Model, file io.ReaderAt) ([]float64, bool) {
	switch {
	case t.values > maxFolded:
		return nil, false
	case t.values == 0:
		return nil, true
	case t.typed > 0:
		return t.list, t.Type != Float16 && t.Type != BFloat16
	}
	b := make([]byte, t.values*int64(t.Type.Bytes()))
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
	root, err := os.OpenRoot(filepath.Dir(m.Path))
	if err != nil {
		return false
	}
	defer root.Close()
	f, err := root.Open(t.Location)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.ReadAt(b, t.External.Offset)
	return err == nil
}
