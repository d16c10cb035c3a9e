package strict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hidp/internal/suggest"
)

// Fault is one thing wrong with a file.
type Fault struct {
	File    string
	Line    int    // from 1; 0 where the fault has no place
	Key     string // path of the key, "" for the whole file
	Message string // what is wrong; what would be right
}

func (f Fault) String() string {
	text := f.File
	if f.Line > 0 {
		text = fmt.Sprintf("%s:%d", text, f.Line)
	}
	if f.Key != "" {
		text += ": " + f.Key
	}
	return text + ": " + f.Message
}

// Error holds the first faults of one file, by line. It is the user's fault, never
// the program's or the run's: a command line ends with status 2 on it.
type Error struct {
	Faults []Fault
	More   int // how many were found besides, at least: of a file that is wrong everywhere not all are looked for
	cause  error
}

// MostKept is how many faults of a file are kept: more than anybody reads at a time. What is wrong in each of a million lines
// must not take the memory of a million messages.
const MostKept = 20

// NewError returns the error of faults that a reader gathered in the order of lines: the first are kept, the others counted, on
// top of more. It is nil if there is no fault.
func NewError(faults []Fault, more int) error {
	if len(faults) == 0 {
		return nil
	}
	kept := faults[:min(len(faults), MostKept)]
	return &Error{Faults: slices.Clone(kept), More: more + len(faults) - len(kept)}
}

func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Faults {
		lines = append(lines, f.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the reason why a file could not be opened, if that was it.
func (e *Error) Unwrap() error { return e.cause }

// Problems gathers the faults of one file. It knows the lines of the file's
// keys. It is not safe for concurrent use.
type Problems struct {
	*gathered
	prefix string
}

// gathered is what a Problems and all its views share.
type gathered struct {
	file   string
	lines  map[string]int // key path → line
	tree   map[string]any // the file's content, nil where the syntax is wrong
	faults []Fault
	more   int             // faults that were found and not gathered
	broken map[string]bool // keys whose value could not be read
}

// NewProblems returns an empty collector for an input that has no known lines,
// such as a JSON file or a value made by code.
func NewProblems(file string) *Problems {
	return &Problems{gathered: &gathered{
		file: file, lines: map[string]int{}, broken: map[string]bool{},
	}}
}

// Under returns a view of p in which every key is relative to key, for code that
// checks one part of a file: p.Under("runtime[1]").Faultf("rate", …).
func (p *Problems) Under(key string) *Problems {
	return &Problems{gathered: p.gathered, prefix: p.absolute(key)}
}

// Faultf adds a fault of the value at key; "" is the whole file or, in a view, the
// part it shows. The message should say what is wrong; what would be right.
// The line is the key's, or that of the nearest table around it where the key is
// missing. A fault is dropped where the value at key, or one around it, could not be
// read in the first place, or where the same fault was added before.
func (p *Problems) Faultf(key, format string, args ...any) {
	full := p.absolute(key)
	if p.isBroken(full) {
		return
	}
	p.add(full, fmt.Sprintf(format, args...))
}

// Has reports whether the file holds key.
func (p *Problems) Has(key string) bool {
	_, ok := p.lines[p.absolute(key)]
	return ok
}

// Line is the line of key, or of the nearest table around it, or 0.
func (p *Problems) Line(key string) int { return p.lineOf(p.absolute(key)) }

// Move says that what the file has at a key is known by another key from now on. Tables that this makes begin at the first of their keys.
func (p *Problems) Move(from, to string) {
	from, to = p.absolute(from), p.absolute(to)
	for _, key := range slices.Sorted(maps.Keys(p.lines)) {
		if rest, ok := strings.CutPrefix(key, from); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			p.lines[to+rest] = p.lines[key]
		}
	}
	for above := parent(to); above != ""; above = parent(above) {
		if _, known := p.lines[above]; !known {
			p.lines[above] = p.lineOf(from)
		}
	}
}

// Err returns all faults so far as an *[Error] sorted by line, or nil.
func (p *Problems) Err() error {
	if len(p.faults) == 0 {
		return nil
	}
	sorted := slices.Clone(p.faults)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Message, b.Message))
	})
	return NewError(slices.Compact(sorted), p.more)
}

// mostFaults bounds what is gathered, to be sorted by line, of a file that is wrong everywhere.
const mostFaults = 1000

func (g *gathered) full() bool { return len(g.faults) >= mostFaults }

func (g *gathered) add(key, message string) {
	if g.full() {
		g.more++
		return
	}
	g.faults = append(g.faults, Fault{File: g.file, Line: g.lineOf(key), Key: key, Message: message})
}

// unreadable adds a fault and remembers that the value at key cannot be used.
func (g *gathered) unreadable(key, message string) {
	g.add(key, message)
	g.broken[key] = true
}

func (g *gathered) isBroken(key string) bool {
	for {
		if g.broken[key] {
			return true
		}
		if key == "" {
			return false
		}
		key = parent(key)
	}
}

func (g *gathered) lineOf(key string) int {
	for key != "" {
		if line, ok := g.lines[key]; ok {
			return line
		}
		key = parent(key)
	}
	return 0
}

func (p *Problems) absolute(key string) string { return joinPath(p.prefix, key) }

// Suggest returns ` (did you mean "x"?)` for the known word x nearest to word,
// or "".
func Suggest(word string, known []string) string { return suggest.Phrase(word, known) }
