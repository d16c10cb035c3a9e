package strict

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"

	"hidp/internal/input"
)

// Decode reads TOML into v, a pointer to a struct or to a map with string keys,
// and returns all faults as an *[Error], or nil. Values that the file does not
// mention keep what v held, so v may carry defaults. The name stands for the file in messages.
func Decode(name string, data []byte, v any) error {
	_, err := Parse(name, data, v)
	return err
}

// File is [Decode] of the file at path.
func File(path string, v any) error {
	_, err := ParseFile(path, v)
	return err
}

// Parse is [Decode] for a reader that has more conditions to check: it adds them to
// the Problems, which is never nil, and returns its Err in the end. The
// error is that of the Problems so far.
func Parse(name string, data []byte, v any) (*Problems, error) {
	return ParseChanged(name, data, nil, v)
}

// ParseChanged is [Parse] of what change makes of the file's tree: other names for keys, for one. It may say by [Problems.Move] where a key
// went, so that its line is found, and add faults.
func ParseChanged(name string, data []byte, change func(*Problems, map[string]any) map[string]any, v any) (*Problems, error) {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("strict: cannot decode into %T, which is not a pointer", v))
	}
	p := NewProblems(name)
	src := strings.TrimPrefix(string(data), "\uFEFF")
	if line, message := guard(src); message != "" {
		p.syntax(line, message)
		return p, p.Err()
	}
	tree := map[string]any{}
	if _, err := toml.Decode(src, &tree); err != nil {
		var syntax toml.ParseError
		if !errors.As(err, &syntax) {
			panic(fmt.Sprintf("strict: unexpected error of the TOML reader: %v", err))
		}
		p.syntax(syntax.Position.Line, "is not valid TOML: "+cut(syntax.Message))
		return p, p.Err()
	}
	p.tree, p.lines = tree, linesOf(src)
	if change != nil {
		p.tree = change(p, tree)
		tree = p.tree
	}
	decode(p.gathered, "", tree, target.Elem())
	return p, p.Err()
}

// ParseFile is [Parse] of the file at path. A file that cannot be read is a
// fault as well.
func ParseFile(path string, v any) (*Problems, error) {
	data, err := input.Read(path, input.Config)
	if err == nil {
		return Parse(path, data, v)
	}
	p := NewProblems(path)
	p.unreadable("", fmt.Sprintf("cannot be read: %v", input.Reason(err)))
	return p, &Error{Faults: p.faults, cause: err}
}

// DecodeAt decodes the part of the file at key into v, as Parse did with the whole:
// for options whose type depends on another key. Let the field that holds them
// be a map[string]any, so that Parse knows the key but not what is in it. A missing key counts as an
// empty table. Faults are added to p.
func (p *Problems) DecodeAt(key string, v any) {
	path := p.absolute(key)
	if p.isBroken(path) {
		return
	}
	data, ok := lookup(p.tree, path)
	if !ok {
		data = map[string]any{}
	}
	decode(p.gathered, path, data, reflect.ValueOf(v).Elem())
}

// syntax adds the one fault of a file that has no readable content.
func (p *Problems) syntax(line int, message string) {
	p.faults = append(p.faults, Fault{File: p.file, Line: line, Message: message})
	p.broken[""] = true
}

// cut keeps hostile text out of messages.
func cut(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
