package strict

import (
	"strconv"
	"strings"
)

// linesOf finds the line of every key, table and array element of a file of
// valid syntax, by key path. It skips what it does not understand: the worst
// outcome is a fault shown at the line of the table around it.
func linesOf(src string) map[string]int {
	s := scanner{src: src, line: 1, lines: map[string]int{}, tables: map[string]int{}}
	for s.skipBlank(true); s.pos < len(s.src); s.skipBlank(true) {
		before := s.pos
		if s.src[s.pos] == '[' {
			s.header()
		} else {
			s.entry(s.table)
		}
		if s.pos == before {
			break
		}
	}
	return s.lines
}

type scanner struct {
	src       string
	pos, line int
	table     string         // path of the current table
	lines     map[string]int // what is found
	tables    map[string]int // array of tables → number of its elements so far
}

// header reads [a.b] or [[a.b]] and makes it the current table. A name that is an
// array of tables stands for its last element.
func (s *scanner) header() {
	line := s.line
	s.pos++
	array := s.peek() == '['
	if array {
		s.pos++
	}
	path, names := "", s.keyNames()
	for i, name := range names {
		path = Key(path, name)
		last := i == len(names)-1
		if _, known := s.lines[path]; !known || (last && !array) {
			s.lines[path] = line
		}
		if last && array {
			s.tables[path]++
		}
		if n := s.tables[path]; n > 0 {
			path = Index(path, n-1)
		}
		if last && array {
			s.lines[path] = line
		}
	}
	s.table = path
	for s.peek() == ']' {
		s.pos++
	}
}

// entry reads key = value inside the table at path.
func (s *scanner) entry(path string) {
	for _, name := range s.keyNames() {
		path = Key(path, name)
		if _, known := s.lines[path]; !known {
			s.lines[path] = s.line
		}
	}
	if s.peek() == '=' {
		s.pos++
		s.skipBlank(false)
		s.value(path)
	}
}

// keyNames reads a dotted key and the blanks after it.
func (s *scanner) keyNames() []string {
	var names []string
	for {
		s.skipBlank(false)
		start := s.pos
		switch c := s.peek(); {
		case c == '"' || c == '\'':
			s.skipString()
			names = append(names, unquote(s.src[start:s.pos]))
		default:
			for isBare(s.peek()) {
				s.pos++
			}
			names = append(names, s.src[start:s.pos])
		}
		s.skipBlank(false)
		if s.peek() != '.' {
			return names
		}
		s.pos++
	}
}

func (s *scanner) value(path string) {
	switch c := s.peek(); c {
	case '"', '\'':
		s.skipString()
	case '[':
		s.members(']', func(i int) {
			element := Index(path, i)
			s.lines[element] = s.line
			s.value(element)
		})
	case '{':
		s.members('}', func(int) { s.entry(path) })
	default:
		s.pos += plainLength(s.src[s.pos:])
	}
}

// members reads what stands between brackets, separated by commas.
func (s *scanner) members(end byte, member func(i int)) {
	s.pos++
	for i := 0; s.pos < len(s.src); {
		s.skipBlank(true)
		before := s.pos
		switch s.peek() {
		case end:
			s.pos++
			return
		case ',':
			s.pos++
		default:
			member(i)
			i++
		}
		if s.pos == before {
			return
		}
	}
}

// plainLength is the length of a number, a date or a truth value.
func plainLength(s string) int {
	if i := strings.IndexAny(s, ",]}#\n"); i >= 0 {
		return i
	}
	return len(s)
}

// peek is the byte at pos, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// skipBlank skips blanks and, across lines, line ends and comments too.
func (s *scanner) skipBlank(lines bool) {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
		case c == '\n' && lines:
			s.line++
		case c == '#' && lines:
			s.pos += lineLength(s.src[s.pos:]) - 1
		default:
			return
		}
	}
}

func (s *scanner) skipString() {
	end := stringEnd(s.src, s.pos)
	s.line += strings.Count(s.src[s.pos:end], "\n")
	s.pos = end
}

// unquote is the name that a quoted key stands for. TOML's escapes are Go's but
// for \e; a key with that one keeps its source text.
func unquote(quoted string) string {
	if quoted[0] == '\'' {
		return strings.Trim(quoted, "'")
	}
	if name, err := strconv.Unquote(quoted); err == nil {
		return name
	}
	return strings.Trim(quoted, `"`)
}
