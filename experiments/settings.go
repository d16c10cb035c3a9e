package experiments

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/suggest"
)

// Assignment is FIELD=VALUE as people write it on a command line.
type Assignment struct {
	Field string
	Text  string
}

// ParseAssignments reads texts of the form FIELD=VALUE.
func ParseAssignments(texts []string) ([]Assignment, error) {
	var all []Assignment
	for _, t := range texts {
		field, value, ok := strings.Cut(t, "=")
		if field = strings.TrimSpace(field); !ok || field == "" {
			return nil, fmt.Errorf("--set %s: write FIELD=VALUE, e.g. --set rate=\"20 Mbit/s\"", t)
		}
		all = append(all, Assignment{field, strings.TrimSpace(value)})
	}
	return all, nil
}

func (a Assignment) String() string { return "--set " + a.Field + "=" + a.Text }

// Value returns the value as TOML has it: a number, true or false, a list or a table where the text is one, else the text itself, for which
// no quotes are needed.
func (a Assignment) Value() any { return valueOf(a.Text) }

func valueOf(text string) any {
	var read struct{ V any }
	if _, err := toml.Decode("V = "+text, &read); err == nil && !strings.Contains(text, "\n") {
		return read.V
	}
	return text
}

// LoadSet is Load with fields set to other values, in order. Faults of these values name the assignment.
func LoadSet(path string, sets []Assignment) (*Scenario, error) {
	s, err := Load(path)
	if err != nil || len(sets) == 0 {
		return s, err
	}
	tree, err := setTree(path, sets)
	if err != nil {
		return nil, err
	}
	s, err = ParseTree(path, tree)
	return s, blame(err, sets)
}

// readTree returns the tree of a scenario's file with fields set to other values.
func readTree(path string, sets []Assignment) (map[string]any, error) {
	if _, err := LoadSet(path, sets); err != nil {
		return nil, err
	}
	return setTree(path, sets)
}

// setTree is readTree for a file that was found to be without faults.
func setTree(path string, sets []Assignment) (map[string]any, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, err
	}
	tree := map[string]any{}
	if _, err := toml.Decode(string(data), &tree); err != nil {
		return nil, err
	}
	tree, _ = Canonical(tree, nil) // whose faults Load has told
	return setAll(tree, sets)
}

// setAll sets fields in order.
func setAll(tree map[string]any, sets []Assignment) (_ map[string]any, err error) {
	for _, a := range sets {
		if tree, err = SetField(tree, a.Field, a.Value()); err != nil {
			return nil, fmt.Errorf("%s: %w", a, err)
		}
	}
	return tree, nil
}

// ParseTree reads a scenario from the tree of a file at path, as Parse does. Faults have no lines.
func ParseTree(path string, tree map[string]any) (*Scenario, error) {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(tree); err != nil {
		return nil, fmt.Errorf("%s: a scenario cannot be written as TOML: %w", path, err)
	}
	s, err := Parse(path, text.Bytes())
	var faulty *strict.Error
	if errors.As(err, &faulty) {
		for i := range faulty.Faults {
			faulty.Faults[i].Line = 0
		}
	}
	return s, err
}

// blame lets faults of fields that were set name the assignment.
func blame(err error, sets []Assignment) error {
	var faulty *strict.Error
	if !errors.As(err, &faulty) {
		return err
	}
	for i, f := range faulty.Faults {
		for _, a := range sets {
			path, _, err := Place(a.Field, a.Value())
			if err == nil && (Below(f.Key, path) || Below(path, f.Key)) {
				faulty.Faults[i] = strict.Fault{File: a.String(), Message: f.Message + hint(f, a.Field)}
			}
		}
	}
	return err
}

// hint suggests a field for one that is unknown.
func hint(f strict.Fault, field string) string {
	if !strings.Contains(f.Message, "unknown key") || strings.Contains(f.Message, "did you mean") {
		return ""
	}
	return suggest.Phrase(field, FieldNames())
}

// Below reports whether key is a field or part of it.
func Below(key, field string) bool {
	rest, ok := strings.CutPrefix(key, field)
	return ok && field != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
