package strict

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// decodeScalar sets a string, truth value or number.
func decodeScalar(g *gathered, path string, data any, target reflect.Value) {
	message := ""
	switch kind := target.Kind(); {
	case kind == reflect.String:
		if s, ok := data.(string); ok {
			target.SetString(s)
			return
		}
	case kind == reflect.Bool:
		if b, ok := data.(bool); ok {
			target.SetBool(b)
			return
		}
	case target.CanInt() || target.CanUint():
		if n, ok := data.(int64); ok {
			if message = setInteger(target, n); message == "" {
				return
			}
		}
	case target.CanFloat():
		if message = setFloat(target, data); message == "" {
			return
		}
	default:
		panic(fmt.Sprintf("strict: %s: cannot decode into %s", path, target.Type()))
	}
	if message == "" {
		message = got(data) + "; write " + want(target.Type())
	}
	g.unreadable(path, message)
}

// setInteger returns what is wrong with n, or "".
func setInteger(target reflect.Value, n int64) string {
	switch {
	case target.CanInt() && !target.OverflowInt(n):
		target.SetInt(n)
	case target.CanUint() && n < 0:
		return fmt.Sprintf("is %d; write a whole number, zero or more", n)
	case target.CanUint() && !target.OverflowUint(uint64(n)):
		target.SetUint(uint64(n))
	default:
		return fmt.Sprintf("is %d, out of range; write a whole number of at most %d bits", n, target.Type().Bits())
	}
	return ""
}

// setFloat returns what is wrong with data, or "".
func setFloat(target reflect.Value, data any) string {
	var f float64
	switch x := data.(type) {
	case int64:
		f = float64(x)
	case float64:
		f = x
	default:
		return got(data) + "; write " + want(target.Type())
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return fmt.Sprintf("is %v; write a finite number", f)
	case target.OverflowFloat(f):
		return fmt.Sprintf("is %v, out of range; write a smaller number", f)
	}
	target.SetFloat(f)
	return ""
}

// got says what stands in the file.
func got(data any) string {
	switch x := data.(type) {
	case string:
		return fmt.Sprintf("is the text %q", cut(x))
	case bool, int64, float64:
		return fmt.Sprintf("is %v", x)
	case time.Time:
		return "is a date"
	case map[string]any:
		return "is a table"
	case []map[string]any:
		return "is an array of tables"
	}
	return "is an array"
}

// want says what should stand there for a Go type.
func want(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if e, ok := reflect.New(t).Interface().(interface{ Example() string }); ok {
		return fmt.Sprintf("a text such as %q", e.Example())
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "a table"
	case reflect.Slice, reflect.Array:
		if k := t.Elem().Kind(); k == reflect.Struct || k == reflect.Map {
			return "an array of tables, each under [[…]]"
		}
		return "an array, [ … ]"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text in quotes"
	case reflect.Interface:
		return "a value"
	}
	return "a whole number"
}
