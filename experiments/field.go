package experiments

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hidp/internal/strict"
)

// A field of a scenario is named by its path in the file, such as workload.arrivals.rate, or by one of a closed list of short names.
// Scenario files, sweeps, studies and flags all know the same names, and Place is the one that says where a value goes.

// short is a short name and the path it stands for.
type short struct{ name, path string }

// shorts is the closed list of short names. Fields at the top of a scenario, such as rate, have no other name.
func shorts() []short {
	return []short{{"model", "workload.models"}, {"models", "workload.models"}, {"weights", "workload.weights"}, {"order", "workload.order"},
		{"batch", "workload.batch"}, {"input", "workload.input"}, {"requests", "workload.requests"}, {"horizon", "workload.horizon"},
		{"arrivals", "workload.arrivals"}, {"clients", "workload.arrivals.clients"}, {"load", "workload.arrivals.rate"},
		{"interval", "workload.arrivals.interval"}}
}

// FieldNames lists the short names of fields and the fields at the top of a scenario, for messages and completion.
func FieldNames() []string {
	names := []string{"platform", "nodes", "leader", "runtime", "rate", "jitter", "belief_error", "planning", "strategy", "seed"}
	for _, s := range shorts() {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

var fieldText = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[0-9]{1,6}\])*(\.[A-Za-z0-9_-]+(\[[0-9]{1,6}\])*)*$`)

// FieldPath returns the path that a field's name stands for. The error says that the text is no name of a field.
func FieldPath(name string) (string, error) {
	if !fieldText.MatchString(name) {
		return "", fmt.Errorf("%q is no path of a scenario's field; write e.g. \"workload.arrivals.rate\"", name)
	}
	first, rest, below := strings.Cut(name, ".")
	for _, s := range shorts() {
		switch {
		case s.name == name:
			return s.path, nil
		case s.name == first && below:
			return s.path + "." + rest, nil
		}
	}
	return name, nil
}

// Place returns where in a scenario a value of a field goes, and as what it stands there. One model is a list of one; arrivals in a word
// are their kind.
func Place(name string, v any) (path string, value any, err error) {
	if path, err = FieldPath(name); err != nil {
		return "", nil, err
	}
	text, isText := v.(string)
	switch {
	case name == "model" && isText:
		return path, []any{text}, nil
	case path == "workload.arrivals" && isText:
		return path + ".kind", v, nil
	case name == "strategy" && isText: // the options of another strategy do not stay
		return path, map[string]any{"name": text}, nil
	}
	return path, v, nil
}

// SetField returns the scenario's tree with a field set. What lies on the path is copied, the rest shared. A number of clients, a load
// and an interval replace arrivals of another kind.
func SetField(tree map[string]any, name string, v any) (map[string]any, error) {
	path, value, err := Place(name, v)
	if err != nil {
		return nil, err
	}
	if kind := kindOf(name); kind != "" {
		tree = withoutOtherArrivals(tree, kind)
	}
	out, err := WithField(tree, path, value)
	if err != nil {
		return nil, err
	}
	if name == "model" || name == "models" { // weights are of the models that were there
		if w, ok := out["workload"].(map[string]any); ok {
			delete(w, "weights") // of the copy that was just made
		}
	}
	return out, nil
}

// kindOf returns the kind of arrivals that a short name belongs to, or nothing.
func kindOf(name string) Kind {
	return map[string]Kind{"clients": Closed, "load": Poisson, "interval": Periodic}[name]
}

// withoutOtherArrivals returns the tree without what belongs to arrivals of other kinds.
func withoutOtherArrivals(tree map[string]any, kind Kind) map[string]any {
	work, ok := tree["workload"].(map[string]any)
	if !ok {
		return tree
	}
	arrivals, ok := work["arrivals"].(map[string]any)
	if !ok {
		return tree
	}
	needs, may, _ := kind.keys()
	kept := map[string]any{}
	for k, v := range arrivals {
		if k == needs || k == may {
			kept[k] = v
		}
	}
	tree, work = maps.Clone(tree), maps.Clone(work)
	tree["workload"], work["arrivals"] = work, kept
	return tree
}

// Canonical returns a scenario's tree with paths in the place of short names. The fault names a field that is written under both; moved is
// told where a key at the top went.
func Canonical(tree map[string]any, moved func(from, to string)) (map[string]any, *strict.Fault) {
	out := maps.Clone(tree)
	if name, ok := out["strategy"].(string); ok {
		out["strategy"] = map[string]any{"name": name}
	}
	for _, s := range shorts() {
		v, written := tree[s.name]
		if !written {
			continue
		}
		delete(out, s.name)
		path, value, err := Place(s.name, v)
		if err == nil && holds(out, path) {
			return out, &strict.Fault{Key: s.name, Message: fmt.Sprintf("is the short name of %s, which is written too; write one of them", s.path)}
		}
		if err == nil {
			out, err = WithField(out, path, value)
		}
		if err != nil {
			return tree, &strict.Fault{Key: s.name, Message: err.Error()}
		}
		if moved != nil {
			moved(s.name, path)
		}
	}
	return out, nil
}

// holds reports whether there is something at a path of names.
func holds(tree map[string]any, path string) bool {
	var at any = tree
	for _, name := range strings.Split(path, ".") {
		table, ok := at.(map[string]any)
		if !ok {
			return false
		}
		if at, ok = table[name]; !ok {
			return false
		}
	}
	return true
}

// WithField returns tree with v at a path that FieldPath has given. What lies on the path is copied, the rest shared; missing tables are
// made. The error says what is in the way.
func WithField(tree map[string]any, path string, v any) (map[string]any, error) {
	out, err := with(tree, splitPath(path), v)
	table, _ := out.(map[string]any)
	return table, err
}

// splitPath cuts "fault[0].at" into "fault", "[0]", "at".
func splitPath(path string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(path, "[", ".["), func(r rune) bool { return r == '.' })
}

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
		panic("experiments: a path was not checked: " + index)
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
