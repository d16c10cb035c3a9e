package strict

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// decode puts the part of a parsed file at path into target, which can be set, and
// adds a fault for everything that does not fit.
func decode(g *gathered, path string, data any, target reflect.Value) {
	if g.full() {
		return
	}
	if target.Kind() == reflect.Pointer {
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		decode(g, path, data, target.Elem())
		return
	}
	if decodeOwn(g, path, data, target) {
		return
	}
	switch target.Kind() {
	case reflect.Struct:
		decodeStruct(g, path, data, target)
	case reflect.Map:
		decodeMap(g, path, data, target)
	case reflect.Slice, reflect.Array:
		decodeList(g, path, data, target)
	case reflect.Interface:
		if target.NumMethod() > 0 {
			panic(fmt.Sprintf("strict: %s: cannot decode into the interface %s", path, target.Type()))
		}
		target.Set(reflect.ValueOf(data))
	default:
		decodeScalar(g, path, data, target)
	}
}

// decodeOwn lets a type that knows how to read itself do so.
func decodeOwn(g *gathered, path string, data any, target reflect.Value) bool {
	var err error
	switch own := target.Addr().Interface().(type) {
	case *time.Duration:
		panic(fmt.Sprintf("strict: %s: a time.Duration has no unit in the file; use units.Duration", path))
	case *time.Time:
		moment, ok := data.(time.Time)
		if *own = moment; !ok {
			g.unreadable(path, got(data)+"; write a date and time, e.g. 2025-03-31T12:00:00Z")
		}
		return true
	case toml.Unmarshaler:
		err = own.UnmarshalTOML(data)
	case encoding.TextUnmarshaler:
		text, ok := scalarText(data)
		if !ok {
			g.unreadable(path, got(data)+"; write "+want(target.Type()))
			return true
		}
		err = own.UnmarshalText([]byte(text))
	default:
		return false
	}
	if err != nil {
		g.unreadable(path, err.Error())
	}
	return true
}

// scalarText is what a TextUnmarshaler is given: the text of a string, or of a
// number, so that the type itself can say that a unit is missing.
func scalarText(data any) (string, bool) {
	switch x := data.(type) {
	case string:
		return x, true
	case int64:
		return strconv.FormatInt(x, 10), true
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64), true
	}
	return "", false
}

func decodeStruct(g *gathered, path string, data any, target reflect.Value) {
	fields := fieldsOf(target.Type())
	table, ok := data.(map[string]any)
	if !ok {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.alone }); i >= 0 {
			decode(g, path, data, target.FieldByIndex(fields[i].index))
			return
		}
		g.unreadable(path, got(data)+"; write "+want(target.Type()))
		return
	}
	given := make([]bool, len(fields))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		i := match(fields, key)
		switch {
		case i < 0:
			g.unknown(path, key, names(fields))
		case given[i]:
			g.add(Key(path, key), fmt.Sprintf("is given twice, in different case; write %s once", fields[i].name))
		default:
			given[i] = true
			decode(g, Key(path, key), table[key], target.FieldByIndex(fields[i].index))
		}
	}
	for i, f := range fields {
		if f.required && !given[i] {
			t := target.FieldByIndex(f.index).Type()
			g.unreadable(Key(path, f.name), "is missing; write "+want(t))
		}
	}
}

// unknown adds the fault of a key that no field has.
func (g *gathered) unknown(path, key string, known []string) {
	if g.full() {
		return
	}
	if hint := Suggest(key, known); hint != "" {
		g.add(Key(path, key), "unknown key"+hint)
		return
	}
	const most = 16
	slices.Sort(known)
	list := strings.Join(known[:min(len(known), most)], ", ")
	if len(known) > most {
		list += ", …"
	}
	g.add(Key(path, key), "unknown key; known here: "+defaultTo(list, "none"))
}

func decodeMap(g *gathered, path string, data any, target reflect.Value) {
	t := target.Type()
	if t.Key().Kind() != reflect.String {
		panic(fmt.Sprintf("strict: %s: the keys of %s are not strings", path, t))
	}
	table, ok := data.(map[string]any)
	if !ok {
		g.unreadable(path, got(data)+"; write "+want(t))
		return
	}
	if target.IsNil() {
		target.Set(reflect.MakeMapWithSize(t, len(table)))
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		value := reflect.New(t.Elem()).Elem()
		decode(g, Key(path, key), table[key], value)
		target.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), value)
	}
}

func decodeList(g *gathered, path string, data any, target reflect.Value) {
	list := reflect.ValueOf(data)
	if list.Kind() != reflect.Slice {
		g.unreadable(path, got(data)+"; write "+want(target.Type()))
		return
	}
	n := list.Len()
	if target.Kind() == reflect.Slice {
		target.Set(reflect.MakeSlice(target.Type(), n, n))
	} else if n != target.Len() {
		g.unreadable(path, fmt.Sprintf("has %d elements; write %d", n, target.Len()))
		return
	}
	for i := range n {
		decode(g, Index(path, i), list.Index(i).Interface(), target.Index(i))
	}
}
