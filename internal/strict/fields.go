package strict

import (
	"reflect"
	"slices"
	"strings"
)

// field is a key that a struct accepts.
type field struct {
	name     string
	exact    bool // the name comes from a tag and must match in case
	required bool
	alone    bool // may stand for the whole table: key = value instead of key = { name = value }
	index    []int
}

// fieldsOf lists the keys of a struct type in order, those of embedded structs
// among them.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
		case f.IsExported():
			fields = append(fields, field{
				name:     defaultTo(name, strings.ToLower(f.Name)),
				exact:    name != "",
				required: slices.Contains(strings.Split(options, ","), "required"),
				alone:    slices.Contains(strings.Split(options, ","), "alone"),
				index:    []int{i},
			})
		}
	}
	return fields
}

func defaultTo(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// match finds the field of a key, -1 if there is none.
func match(fields []field, key string) int {
	return slices.IndexFunc(fields, func(f field) bool {
		return f.name == key || !f.exact && strings.EqualFold(f.name, key)
	})
}

func names(fields []field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return list
}
