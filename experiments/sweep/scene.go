package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
		s.base = &base{path: filepath.Join(src.folder, filepath.Base(src.path)), tree: x, lines: p, under: "scenario"}
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
		s.base.lines, err = strict.Parse(src.scenarioPath, src.scenario, &s.base.tree)
		return err
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

var pathText = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[0-9]{1,6}\])*(\.[A-Za-z0-9_-]+(\[[0-9]{1,6}\])*)*$`)

// splitPath cuts "fault[0].at" into "fault", "[0]", "at".
func splitPath(field string) ([]string, error) {
	if !pathText.MatchString(field) {
		return nil, fmt.Errorf("%q is no path of a scenario's field; write e.g. \"workload.arrivals.rate\"", field)
	}
	return strings.FieldsFunc(strings.ReplaceAll(field, "[", ".["), func(r rune) bool { return r == '.' }), nil
}

// with returns tree with v at path. What lies on the path is copied, the rest shared; missing tables are made.
func with(tree any, path []string, v any) (any, error) {
	if len(path) == 0 {
		return v, nil
	}
	if index, ok := strings.CutPrefix(path[0], "["); ok {
		return withElement(tree, strings.TrimSuffix(index, "]"), path, v)
	}
	table, ok := tree.(map[string]any)
	if tree != nil && !ok {
		return nil, fmt.Errorf("what should hold %q is no table in the scenario", path[0])
	}
	table = maps.Clone(table)
	if table == nil {
		table = map[string]any{}
	}
	child, err := with(table[path[0]], path[1:], v)
	table[path[0]] = child
	return table, err
}

func withElement(tree any, index string, path []string, v any) (any, error) {
	i, err := strconv.Atoi(index)
	if err != nil {
		panic("sweep: a path was not checked: " + index)
	}
	switch list := tree.(type) {
	case []any:
		if i < len(list) {
			list = slices.Clone(list)
			list[i], err = with(list[i], path[1:], v)
			return list, err
		}
	case []map[string]any:
		if i < len(list) {
			child, err := with(list[i], path[1:], v)
			table, ok := child.(map[string]any)
			if err == nil && !ok {
				err = fmt.Errorf("[%d] is a table; set one of its fields", i)
			}
			list = slices.Clone(list)
			list[i] = table
			return list, err
		}
	}
	return nil, fmt.Errorf("the scenario has no element [%d] there", i)
}

// text returns the TOML of a point's scenario.
func (s *Sweep) text(settings []setting) ([]byte, error) {
	var tree any = s.base.tree
	for i := range s.axes {
		var err error
		if tree, err = with(tree, s.axes[i].path, settings[i].entry()); err != nil {
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
	if i := slices.IndexFunc(s.axes, func(a axis) bool { return under(key, a.field) }); i >= 0 || key == "" {
		return i
	}
	return slices.IndexFunc(s.axes, func(a axis) bool { return under(a.field, key) })
}

// under reports whether key is field or below it.
func under(key, field string) bool {
	rest, ok := strings.CutPrefix(key, field)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func strictJoin(prefix, key string) string {
	if key == "" {
		return prefix
	}
	return prefix + "." + key
}
