package sweep

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hidp/results"
)

const (
	sweepName    = "sweep.toml"
	scenarioName = "scenario.toml"
	inputsName   = "inputs"
)

// Hash identifies what the sweep computes: the sweep file and the scenario it builds on, byte for byte.
func (s *Sweep) Hash() string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte("hidp sweep"), {Format}, s.source.data, s.source.scenario} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// goesOn returns why this program cannot go on with the folder's sweep, or nil.
func (s *Sweep) goesOn(dir string, m *Manifest) error {
	if hash := s.Hash(); m.Hash != hash {
		return &FolderError{dir, fmt.Sprintf("holds another sweep: %s, from %s (hash %s; this one has %s); "+
			"restore that file, or choose another folder with --out", m.Name, m.File, short(m.Hash), short(hash))}
	}
	if v := ProgramVersion(); m.Version != v {
		return &FolderError{dir, fmt.Sprintf("was begun by version %q of the program and this is %q; "+
			"finish it with that one, or choose another folder", m.Version, v)}
	}
	return s.unchanged(dir, m)
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
	if there, err := shardSizes(dir); err != nil || len(there) > 0 {
		return &FolderError{dir, "holds shards but no manifest that says of which sweep; choose another folder"}
	}
	return nil
}

// begin makes the sweep's folder. The manifest comes last, so a folder with one is complete.
func (s *Sweep) begin(dir string, m *Manifest) error {
	var err error
	if m.Folder, err = filepath.Abs(s.source.folder); err != nil {
		return err
	}
	if m.Inputs, err = s.copyInputs(dir); err != nil {
		return err
	}
	files := []results.File{{Name: sweepName, Data: s.source.data}}
	if s.source.scenarioPath != "" {
		files = append(files, results.File{Name: scenarioName, Data: s.source.scenario})
	}
	if err := results.WriteFiles(dir, files); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "shards"), 0o755); err != nil {
		return fmt.Errorf("cannot create the output folder: %w", err)
	}
	if err := m.write(dir); err != nil {
		return err
	}
	return syncFolder(dir)
}

// open reads the sweep that a folder holds, from the copies there.
func (m *Manifest) open(dir string) (*Sweep, error) {
	src := source{path: m.File, scenarioPath: m.Scenario, folder: m.Folder}
	var err error
	if src.data, err = os.ReadFile(filepath.Join(dir, sweepName)); err != nil {
		return nil, fmt.Errorf("cannot read the sweep: %w", err)
	}
	if m.Scenario != "" {
		if src.scenario, err = os.ReadFile(filepath.Join(dir, scenarioName)); err != nil {
			return nil, fmt.Errorf("cannot read the sweep's scenario: %w", err)
		}
	}
	s, err := parse(src, false)
	if err != nil {
		return nil, err
	}
	return s.in(dir, m), s.goesOn(dir, m)
}
