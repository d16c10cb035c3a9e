package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/workloads/models"
)

// copyLimit is up to what size files are copied into the folder of a sweep. Of larger ones there is a hash, and they must not change.
const copyLimit = 16 << 20

// inputs finds the files that the scenario and the axes name, and those that platform files name in turn. The result has their paths as
// from the scenario's folder, and for each those that it names itself.
func (s *Sweep) inputs() (map[string][]string, error) {
	found := map[string][]string{}
	err := texts(s.base.tree, func(text string) error { return s.addInput(found, text) })
	for i := range s.axes {
		for _, v := range s.axes[i].values {
			if err == nil {
				err = texts(v.entry(), func(text string) error { return s.addInput(found, text) })
			}
		}
	}
	return found, err
}

// addInput adds the file that a text names, if it names one, and what it needs.
func (s *Sweep) addInput(found map[string][]string, name string) error {
	ext := strings.ToLower(filepath.Ext(name))
	if ext != ".toml" && ext != ".onnx" && ext != ".csv" {
		return nil
	}
	name = filepath.Clean(name)
	if _, known := found[name]; known {
		return nil
	}
	info, err := os.Stat(s.path(name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil // no file, or a fault that is told where the value is used
	}
	if err != nil {
		return err
	}
	found[name] = nil
	if ext != ".toml" || info.Size() > copyLimit {
		return nil
	}
	var tree map[string]any
	if _, err := toml.DecodeFile(s.path(name), &tree); err != nil {
		return nil // again, told elsewhere
	}
	return texts(tree, func(text string) error {
		if !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(name), text)
		}
		err := s.addInput(found, text)
		if _, is := found[filepath.Clean(text)]; is {
			found[name] = append(found[name], filepath.Clean(text))
		}
		return err
	})
}

// texts calls do with every text in a tree of TOML values.
func texts(v any, do func(string) error) error {
	switch x := v.(type) {
	case string:
		return do(x)
	case []any:
		return each(x, func(v any) error { return texts(v, do) })
	case []map[string]any:
		return each(x, func(v map[string]any) error { return texts(v, do) })
	case map[string]any:
		return each(slices.Sorted(maps.Keys(x)), func(k string) error { return texts(x[k], do) })
	}
	return nil
}

func each[T any](list []T, do func(T) error) error {
	for _, x := range list {
		if err := do(x); err != nil {
			return err
		}
	}
	return nil
}

// path is where the file lies that the scenario calls name.
func (s *Sweep) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.source.folder, name)
}

// copyInputs copies what the sweep needs into its folder, so that it does not depend on files that may change or may not be there on
// another machine. The copies lie to each other as the files do, for some name others by relative paths.
func (s *Sweep) copyInputs(at store) (map[string]Input, error) {
	needs, err := s.inputs()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(needs))
	top := s.above(names)
	inputs := map[string]Input{}
	for _, name := range names {
		in := Input{}
		if s.copyable(needs, name, map[string]bool{}) {
			if in, err = s.copyInput(at, top, name); err != nil {
				return nil, err
			}
		}
		if in.Copy == "" {
			if in.Hash, err = hashOf(s.path(name)); err != nil {
				return nil, err
			}
		}
		inputs[name] = in
	}
	return inputs, nil
}

// copyable reports whether a file and all that it needs can be copied, but for those seen already.
func (s *Sweep) copyable(needs map[string][]string, name string, seen map[string]bool) bool {
	if seen[name] {
		return true
	}
	seen[name] = true
	info, err := os.Stat(s.path(name))
	return err == nil && info.Size() <= copyLimit &&
		!slices.ContainsFunc(needs[name], func(n string) bool { return !s.copyable(needs, n, seen) })
}

// above returns the lowest folder above all of the files.
func (s *Sweep) above(names []string) string {
	top := ""
	for i, name := range names {
		folder := filepath.Dir(s.path(name))
		if i == 0 {
			top = folder
		}
		for folder != top && !strings.HasPrefix(folder, strings.TrimSuffix(top, "/")+"/") {
			top = filepath.Dir(top)
		}
	}
	return top
}

// copyInput copies one file. A network whose weights are in another file cannot be used apart from that, and is not copied.
func (s *Sweep) copyInput(at store, top, name string) (Input, error) {
	data, err := input.Read(s.path(name), input.State)
	if err != nil {
		return Input{}, err
	}
	below, err := filepath.Rel(top, s.path(name))
	if err != nil {
		return Input{}, err
	}
	place := filepath.Join(inputsName, below)
	to := filepath.Join(at.dir, place)
	if err := durable.MakeFolder(at.files, filepath.Dir(to)); err != nil {
		return Input{}, err
	}
	if err := durable.WriteFile(at.files, to, data); err != nil {
		return Input{}, err
	}
	if strings.EqualFold(filepath.Ext(name), ".onnx") {
		if _, err := models.Open(to, models.Options{}); err != nil {
			return Input{}, at.files.Remove(to)
		}
	}
	return Input{Hash: hashBytes(data), Copy: filepath.ToSlash(place)}, nil
}

func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

func hashOf(path string) (string, error) {
	f, _, err := input.Regular(path, input.Model)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)[:16]), err
}

// unchanged returns why the files that the sweep needs are not those that it was begun with, or nil.
func (s *Sweep) unchanged(dir string, m *Manifest) error {
	for _, name := range slices.Sorted(maps.Keys(m.Inputs)) {
		in := m.Inputs[name]
		path, what := s.path(name), name
		if in.Copy != "" {
			path = filepath.Join(dir, filepath.FromSlash(in.Copy))
			what = path
		}
		if hash, err := hashOf(path); err != nil {
			return &FolderError{dir, fmt.Sprintf("needs %s, which cannot be read: %v; restore that file, or choose another folder", what, cause(err))}
		} else if hash != in.Hash {
			return &FolderError{dir, fmt.Sprintf("was begun with another content of %s; restore that file, or choose another folder", what)}
		}
	}
	return nil
}

// in returns the sweep as it goes on in a folder: with the copies there in the place of the files.
func (s *Sweep) in(dir string, m *Manifest) *Sweep {
	c := *s
	c.copies = map[string]string{}
	for name, in := range m.Inputs {
		if in.Copy != "" {
			c.copies[s.path(name)] = filepath.Join(dir, filepath.FromSlash(in.Copy))
		}
	}
	if len(m.Inputs) > 0 {
		c.tried = nil // the files may have changed before they were copied
	}
	return &c
}

// find returns the file to read for another one.
func (s *Sweep) find(path string) string {
	if c, ok := s.copies[path]; ok {
		return c
	}
	return path
}

// original writes the names of files for those of their copies into a message, which then does not depend on the sweep's folder.
func (s *Sweep) original(message string) string {
	for path, c := range s.copies {
		message = strings.ReplaceAll(message, c, path)
	}
	return message
}

// LoadIn is Load for a sweep that may have begun in folder dir: if it is the one there, the copies of what it needs take the place of
// the files, which may have changed or be gone. Path may also be the sweep file in the folder itself.
func LoadIn(path, dir string) (*Sweep, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return Load(path) // what is wrong with the folder is told when it is to be used
	}
	given, err1 := os.Stat(path)
	kept, err2 := os.Stat(filepath.Join(dir, sweepName))
	if err1 == nil && err2 == nil && os.SameFile(given, kept) {
		return m.open(dir)
	}
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if s, err := parse(sourceOf(path, data), false); err == nil && s.Hash() == m.Hash { // the copies there may be damaged
		return m.sweep(dir, source{path: m.File, scenarioPath: m.Scenario, folder: m.Folder, data: s.source.data, scenario: s.source.scenario})
	}
	return Parse(path, data)
}
