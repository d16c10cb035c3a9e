package strict

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"hidp/internal/input"
)

// Limits of a file. They are far above what a file of ours needs, and keep the
// TOML reader, whose work grows with the square of some of these and whose
// recursion is unbounded, from exhausting time, memory or stack on hostile input.
const (
	maxBytes    = input.Config
	maxDepth    = 64  // arrays and inline tables in one another
	maxKeyDots  = 32  // dots of one dotted key or table header
	maxKeyBytes = 512 // of one such key
)

// guard looks for the limits before the file is parsed. It follows strings,
// comments and brackets just well enough to be exact up to the first syntax error, where
// the TOML reader stops anyway.
func guard(src string) (line int, message string) {
	if len(src) > maxBytes {
		return 0, fmt.Sprintf("is larger than %d MiB; this is not a configuration file", maxBytes>>20)
	}
	if valid := validLength(src); valid < len(src) {
		return 1 + strings.Count(src[:valid], "\n"), "is not UTF-8 text; save the file in that encoding"
	}
	g := guardian{src: src, line: 1}
	for g.pos < len(src) && message == "" {
		message = g.step()
	}
	return g.line, message
}

// validLength is the number of bytes before the first that is not UTF-8.
func validLength(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}

type guardian struct {
	src       string
	pos, line int
	depth     int
	header    bool // inside the brackets of a table header
	content   bool // something but blanks stands before pos on this line
	keyStart  int  // where a key that ends here would have begun
	dots      int  // since keyStart
}

func (g *guardian) step() string {
	c := g.src[g.pos]
	switch c {
	case '\n':
		g.line++
		g.pos++
		g.content = false
		g.restart()
		return ""
	case ' ', '\t', '\r':
		g.pos++
		return ""
	case '#':
		g.pos += lineLength(g.src[g.pos:])
		return ""
	case '"', '\'':
		end := stringEnd(g.src, g.pos)
		g.line += strings.Count(g.src[g.pos:end], "\n")
		g.pos, g.content = end, true
		return ""
	}
	message := g.punctuation(c)
	g.pos++
	g.content = true
	switch c {
	case '[', ']', '{', '}', ',', '=':
		g.restart()
	}
	return message
}

func (g *guardian) restart() { g.keyStart, g.dots = g.pos, 0 }

func (g *guardian) punctuation(c byte) string {
	switch c {
	case '[', '{':
		if g.depth == 0 {
			g.header = !g.content
		}
		if g.depth++; g.depth > maxDepth {
			return fmt.Sprintf("has more than %d brackets inside one another", maxDepth)
		}
	case ']', '}':
		g.depth = max(0, g.depth-1)
		if g.header {
			return g.key()
		}
	case '=':
		return g.key()
	case '.':
		if g.dots++; g.dots > maxKeyDots {
			return fmt.Sprintf("has a key of more than %d parts", maxKeyDots)
		}
	}
	return ""
}

// key checks the length of the key that ends here.
func (g *guardian) key() string {
	if g.pos-g.keyStart > maxKeyBytes {
		return fmt.Sprintf("has a key of more than %d bytes", maxKeyBytes)
	}
	return ""
}

// lineLength is the number of bytes before the next line end.
func lineLength(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// stringEnd is the index after the TOML string that starts at i: basic or
// literal, on one line or, with three quotes, on several. A string that does not
// end runs to the end of its line or of the file.
func stringEnd(src string, i int) int {
	quote := src[i]
	if strings.HasPrefix(src[i:], strings.Repeat(string(quote), 3)) {
		return multilineEnd(src, i+3, quote)
	}
	for i++; i < len(src) && src[i] != '\n'; i++ {
		switch {
		case src[i] == quote:
			return i + 1
		case src[i] == '\\' && quote == '"' && i+1 < len(src) && src[i+1] != '\n':
			i++
		}
	}
	return min(i, len(src))
}

// multilineEnd is the index after the closing quotes; up to two more quotes just
// before them belong to the text.
func multilineEnd(src string, i int, quote byte) int {
	for ; i < len(src); i++ {
		if src[i] == '\\' && quote == '"' {
			i++
			continue
		}
		run := 0
		for run < 5 && i+run < len(src) && src[i+run] == quote {
			run++
		}
		if run >= 3 {
			return i + run
		}
	}
	return len(src)
}
