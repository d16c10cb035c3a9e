package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"hidp/experiments"
	"hidp/internal/input"
	"hidp/internal/strict"
)

// base is the scenario that a sweep varies, as a tree of TOML values.
type base struct {
	path  string // for messages and, by its folder, for relative paths
	tree  map[string]any
	lines *strict.Problems // knows the lines; inline scenarios are below the key scenario
	under string
}

// readBase reads the scenario that v names or holds.
func (s *Sweep) readBase(p *strict.Problems, v any) error {
	src := &s.source
	switch x := v.(type) {
	case map[string]any:
		tree, fault := experiments.Canonical(x, p.Under("scenario").Move)
		if fault != nil {
			p.Faultf(strictJoin("scenario", fault.Key), "%s", fault.Message)
		}
		s.base = &base{path: filepath.Join(src.folder, filepath.Base(src.path)), tree: tree, lines: p, under: "scenario"}
		return nil
	case string:
		if src.scenario == nil {
			src.scenarioPath = x
			if !filepath.IsAbs(x) {
				src.scenarioPath = filepath.Join(filepath.Dir(src.path), x)
			}
			var err error
			if src.scenario, err = input.Read(src.scenarioPath, input.Config); err != nil {
				p.Faultf("scenario", "%s cannot be read: %s", src.scenarioPath, cause(err))
				return nil
			}
			src.folder = folderOf(src.scenarioPath)
		}
		s.base = &base{path: filepath.Join(src.folder, filepath.Base(src.scenarioPath)), tree: map[string]any{}}
		var err error
		if s.base.lines, err = strict.Parse(src.scenarioPath, src.scenario, &s.base.tree); err != nil {
			return err
		}
		tree, fault := experiments.Canonical(s.base.tree, s.base.lines.Move)
		if fault != nil {
			s.base.lines.Faultf(fault.Key, "%s", fault.Message)
		}
		s.base.tree = tree
		return s.base.lines.Err()
	case nil: // said already
	default:
		p.Faultf("scenario", `is neither a path such as "scenario.toml" nor a table`)
	}
	return nil
}

// cause strips the operation and path that a message repeats.
func cause(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// seed returns the scenario's own seed.
func (b *base) seed() uint64 {
	if b != nil {
		if n, ok := b.tree["seed"].(int64); ok && n >= 0 {
			return uint64(n)
		}
	}
	return 1
}

// text returns the TOML of a point's scenario.
func (s *Sweep) text(settings []setting) ([]byte, error) {
	tree := s.base.tree
	for i := range s.axes {
		var err error
		if tree, err = s.axes[i].set(tree, &settings[i]); err != nil {
			return nil, s.axisFault(i, settings, err.Error())
		}
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(tree); err != nil {
		return nil, fmt.Errorf("sweep: a scenario cannot be written as TOML (%s): %w", s.describe(settings), err)
	}
	return text.Bytes(), nil
}

// scenario makes the scenario of a point through the scenarios' own reader. A faulty one is an error that names the axes' values.
func (s *Sweep) scenario(settings []setting) (*experiments.Scenario, error) {
	text, err := s.text(settings)
	if err != nil {
		return nil, err
	}
	scenario, err := experiments.ParseWith(s.base.path, text, s.find)
	return scenario, s.translate(settings, err)
}

// axisFault is a fault of an axis' value.
func (s *Sweep) axisFault(i int, settings []setting, message string) error {
	return &strict.Error{Faults: []strict.Fault{{File: s.source.path, Key: s.axes[i].field,
		Message: fmt.Sprintf("(axis %s = %s) %s", s.axes[i].name, settings[i].text, message)}}}
}

// translate moves the faults of a scenario made by the program to where the user wrote them: an axis of the sweep file, or a
// line of the base.
func (s *Sweep) translate(settings []setting, err error) error {
	var faulty *strict.Error
	if !errors.As(err, &faulty) {
		return err
	}
	out := &strict.Error{More: faulty.More}
	for _, f := range faulty.Faults {
		f.Message = s.original(f.Message)
		if i := s.axisOf(f.Key); i >= 0 {
			f.File, f.Line = s.source.path, 0
			f.Message = fmt.Sprintf("(axis %s = %s) %s", s.axes[i].name, settings[i].text, f.Message)
		} else if s.base.under != "" {
			f.File, f.Line, f.Key = s.source.path, s.base.lines.Line(strictJoin(s.base.under, f.Key)), strictJoin(s.base.under, f.Key)
		} else {
			f.File, f.Line = s.source.scenarioPath, s.base.lines.Line(f.Key)
		}
		out.Faults = append(out.Faults, f)
	}
	return out
}

// axisOf returns the axis that a key of the scenario belongs to: it is the axis' field, below it or, where the field is a part of it,
// above it; -1 if there is none.
func (s *Sweep) axisOf(key string) int {
	if i := slices.IndexFunc(s.axes, func(a axis) bool { return experiments.Below(key, a.field) }); i >= 0 || key == "" {
		return i
	}
	return slices.IndexFunc(s.axes, func(a axis) bool { return experiments.Below(a.field, key) })
}

func strictJoin(prefix, key string) string {
	if key == "" {
		return prefix
	}
	return prefix + "." + key
}
