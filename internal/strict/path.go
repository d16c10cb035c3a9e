package strict

import (
	"fmt"
	"strconv"
	"strings"
)

// Key is the path of the table entry name below path, quoted where name is not a bare
// key: Key("cost", "conv 3x3") is `cost."conv 3x3"`.
func Key(path, name string) string { return joinPath(path, quoteName(name)) }

// Index is the path of element i, from 0, of the array at path.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// joinPath puts a relative path below a prefix.
func joinPath(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "":
		return prefix
	case path[0] == '[':
		return prefix + path
	}
	return prefix + "." + path
}

func quoteName(name string) string {
	if name == "" || strings.ContainsFunc(name, notBare) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

func notBare(r rune) bool { return r >= 0x80 || !isBare(byte(r)) }

// isBare reports whether c may stand in an unquoted TOML key.
func isBare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// parent cuts the last element off a path: a name, a quoted name or an index.
func parent(path string) string {
	last := 0
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '"':
			i = quoteEnd(path, i)
		case '.', '[':
			last = i
		}
	}
	return path[:last]
}

// quoteEnd is the index of the quote that ends the quoted name starting at i.
func quoteEnd(path string, i int) int {
	for i++; i < len(path) && path[i] != '"'; i++ {
		if path[i] == '\\' {
			i++
		}
	}
	return min(i, len(path)-1)
}

// lookup finds the value at path in a parsed file.
func lookup(tree any, path string) (any, bool) {
	if path == "" {
		return tree, true
	}
	up := parent(path)
	around, ok := lookup(tree, up)
	if !ok {
		return nil, false
	}
	last := strings.TrimPrefix(path[len(up):], ".")
	if table, ok := around.(map[string]any); ok {
		value, ok := table[unquoteName(last)]
		return value, ok
	}
	i, err := strconv.Atoi(strings.Trim(last, "[]"))
	if err != nil {
		return nil, false
	}
	switch list := around.(type) {
	case []any:
		if i >= 0 && i < len(list) {
			return list[i], true
		}
	case []map[string]any:
		if i >= 0 && i < len(list) {
			return list[i], true
		}
	}
	return nil, false
}

// unquoteName undoes quoteName.
func unquoteName(name string) string {
	if plain, err := strconv.Unquote(name); err == nil {
		return plain
	}
	return name
}
