package sweep

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hidp/internal/build"
	"hidp/internal/durable"
	"hidp/internal/input"
)

const (
	sweepName    = "sweep.toml"
	scenarioName = "scenario.toml"
	inputsName   = "inputs"
)

// store is a sweep's folder and the file system that it is on.
type store struct {
	dir   string
	files durable.Files
}

// Hash identifies what the sweep computes: the sweep file and the scenario it builds on, byte for byte.
func (s *Sweep) Hash() string { return hashSources(s.source.data, s.source.scenario) }

func hashSources(sweep, scenario []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte("hidp sweep"), {Format}, sweep, scenario} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// sameAs returns why the folder's sweep is not this one, as this program carries it out, or nil.
func (s *Sweep) sameAs(dir string, m *Manifest) error {
	if hash := s.Hash(); m.Hash != hash {
		return &FolderError{dir, fmt.Sprintf("holds another sweep: %s, from %s (hash %s; this one has %s); "+
			"restore that file, or choose another folder with --out", m.Name, m.File, short(m.Hash), short(hash))}
	}
	if v := build.Identity(); m.Version != v {
		return &FolderError{dir, fmt.Sprintf("was begun by version %q of the program and this is %q; "+
			"finish it with that one, or choose another folder", m.Version, v)}
	}
	return nil
}

func short(hash string) string { return hash[:min(8, len(hash))] }

// vacant returns why a folder without a manifest must not become the sweep's, or nil. What an interrupted beginning left behind
// is no reason.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot use the output folder: %w", err)
	}
	for _, e := range entries {
		name := strings.TrimPrefix(e.Name(), ".")
		ours := slices.ContainsFunc([]string{sweepName, scenarioName, manifestName}, func(n string) bool {
			return name == n || name != e.Name() && strings.HasPrefix(name, n+".")
		})
		if !ours && e.Name() != "shards" && e.Name() != inputsName {
			return &FolderError{dir, fmt.Sprintf("is not empty and holds no sweep (there is %s); choose another folder", e.Name())}
		}
	}
	if there, err := shardFiles(dir); err != nil || len(there) > 0 {
		return &FolderError{dir, "holds shards but no manifest that says of which sweep; choose another folder"}
	}
	return nil
}

// begin makes the sweep's folder. The manifest comes last, so a folder with one is complete.
func (s *Sweep) begin(at store, m *Manifest) error {
	var err error
	if m.Folder, err = filepath.Abs(s.source.folder); err != nil {
		return err
	}
	if err := durable.MakeFolder(at.files, filepath.Join(at.dir, "shards")); err != nil {
		return err
	}
	if m.Inputs, err = s.copyInputs(at); err != nil {
		return err
	}
	if err := durable.WriteFiles(at.files, at.dir, s.sources()); err != nil {
		return err
	}
	return m.write(at)
}

// sources are the copies of the sweep's own files.
func (s *Sweep) sources() []durable.Output {
	files := []durable.Output{{Name: sweepName, Data: s.source.data}}
	if s.source.scenarioPath != "" {
		files = append(files, durable.Output{Name: scenarioName, Data: s.source.scenario})
	}
	return files
}

// mend writes damaged copies in the folder again, as far as the right content is known. The sweep must be the folder's.
func (s *Sweep) mend(at store, m *Manifest) error {
	for _, f := range s.sources() {
		held, err := input.Read(filepath.Join(at.dir, f.Name), input.State)
		if err == nil && bytes.Equal(held, f.Data) {
			continue
		}
		if err := durable.WriteFiles(at.files, at.dir, []durable.Output{f}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Inputs)) {
		if err := s.mendInput(at, name, m.Inputs[name]); err != nil {
			return err
		}
	}
	return nil
}

// mendInput writes the copy of an input again, if it is damaged and the original has not changed.
func (s *Sweep) mendInput(at store, name string, in Input) error {
	if in.Copy == "" {
		return nil
	}
	to := filepath.Join(at.dir, filepath.FromSlash(in.Copy))
	if hash, err := hashOf(to); err == nil && hash == in.Hash {
		return nil
	}
	data, err := input.Read(s.path(name), input.State)
	if err != nil || hashBytes(data) != in.Hash {
		return nil // what is damaged is told by unchanged
	}
	if err := durable.MakeFolder(at.files, filepath.Dir(to)); err != nil {
		return err
	}
	return durable.WriteFile(at.files, to, data)
}

// open reads the sweep that a folder holds, from the copies there.
func (m *Manifest) open(dir string) (*Sweep, error) {
	src := source{path: m.File, scenarioPath: m.Scenario, folder: m.Folder}
	var err error
	if src.data, err = input.Read(filepath.Join(dir, sweepName), input.Config); err != nil {
		return nil, fmt.Errorf("cannot read the sweep: %w", err)
	}
	if m.Scenario != "" {
		if src.scenario, err = input.Read(filepath.Join(dir, scenarioName), input.Config); err != nil {
			return nil, fmt.Errorf("cannot read the sweep's scenario: %w", err)
		}
	}
	s, err := m.sweep(dir, src)
	if err != nil {
		return nil, err
	}
	return s, s.unchanged(dir, m)
}

// sweep reads the sweep from what is taken for its files. The files that it needs are not looked at.
func (m *Manifest) sweep(dir string, src source) (*Sweep, error) {
	if m.Hash != hashSources(src.data, src.scenario) {
		return nil, &DamagedError{filepath.Join(dir, sweepName), "is damaged, or " + scenarioName + " is: they are not what the sweep was begun with"}
	}
	s, err := parse(src, false)
	if err != nil {
		return nil, err
	}
	return s.in(dir, m), s.sameAs(dir, m)
}
