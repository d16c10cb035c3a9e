package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"

	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/suggest"
)

// Limits of a plan file: far above what planners write, and low enough that a hostile file costs neither memory nor stack.
const (
	maxPlanBytes  = input.Plan
	maxPlanValues = 1 << 19
	maxPlanDepth  = 8
	maxPlanBatch  = 1 << 20
	maxPlanNumber = 1 << 31 // of any whole number but bytes
)

// jsonValue is a value of a JSON file with the line it ends on.
type jsonValue struct {
	line   int
	scalar any // string, json.Number, bool, nil; for a container the json.Delim that opens it
	keys   []string
	items  []jsonValue // of an object: the values of keys
}

// kind names the type for messages.
func (v *jsonValue) kind() string {
	switch s := v.scalar.(type) {
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	case json.Delim:
		if s == '[' {
			return "a list"
		}
		return "an object"
	}
	return "null"
}

// planReader reads a JSON file and gathers its faults.
type planReader struct {
	file   string
	lines  []int // offsets of line ends
	dec    *json.Decoder
	values int
	faults []strict.Fault
	more   int // faults that are only counted
}

func newPlanReader(file string, data []byte) *planReader {
	r := &planReader{file: file, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	for i, c := range data {
		if c == '\n' {
			r.lines = append(r.lines, i)
		}
	}
	return r
}

// mostFaults bounds what is gathered, to be sorted by line, of a file that is wrong everywhere.
const mostFaults = 1000

func (r *planReader) faultf(line int, key, format string, args ...any) {
	if len(r.faults) == mostFaults {
		r.more++
	} else {
		r.faults = append(r.faults, strict.Fault{File: r.file, Line: line, Key: key, Message: fmt.Sprintf(format, args...)})
	}
}

// err returns all faults by line, or nil.
func (r *planReader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	sort.SliceStable(r.faults, func(a, b int) bool { return r.faults[a].Line < r.faults[b].Line })
	return strict.NewError(r.faults, r.more)
}

func (r *planReader) line() int { return 1 + sort.SearchInts(r.lines, int(r.dec.InputOffset())) }

// errStop says that the file cannot be read on; why is among the faults.
var errStop = errors.New("unreadable")

// read returns the file's one value; ok is false if the syntax is wrong or a limit exceeded.
func (r *planReader) read(size int) (v jsonValue, ok bool) {
	if size > maxPlanBytes {
		r.faultf(0, "", "is larger than %d MiB; this is not a plan", maxPlanBytes>>20)
		return v, false
	}
	v, err := r.value(0)
	if err != nil {
		return v, false
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		r.faultf(r.line(), "", "goes on behind the plan's last }; a file holds one plan")
		return v, false
	}
	return v, true
}

// token returns the next token, turning syntax errors into faults.
func (r *planReader) token() (json.Token, error) {
	t, err := r.dec.Token()
	if err == nil {
		return t, nil
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		r.faultf(r.line(), "", "ends too early: the file is cut off")
	case errors.As(err, &syntax):
		r.faultf(1+sort.SearchInts(r.lines, int(syntax.Offset)-1), "", "is not JSON: %v", err)
	default:
		r.faultf(r.line(), "", "is not JSON: %v", err)
	}
	return nil, errStop
}

func (r *planReader) value(depth int) (jsonValue, error) {
	t, err := r.token()
	if err != nil {
		return jsonValue{}, err
	}
	v := jsonValue{line: r.line(), scalar: t}
	if r.values++; r.values > maxPlanValues || depth > maxPlanDepth {
		r.faultf(v.line, "", "holds more than %d values, or values %d deep; this is not a plan", maxPlanValues, maxPlanDepth)
		return v, errStop
	}
	if open, ok := t.(json.Delim); ok {
		return v, r.container(&v, open == '{', depth)
	}
	return v, nil
}

// container reads what an object or list holds, and its end.
func (r *planReader) container(v *jsonValue, object bool, depth int) error {
	for r.dec.More() {
		if object {
			t, err := r.token()
			if err != nil {
				return err
			}
			key, _ := t.(string)
			v.keys = append(v.keys, key)
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := r.token()
	return err
}

// fields are the values of an object by key, with what is needed to complain about them.
type fields struct {
	r    *planReader
	path string // "op 3", or "" for the plan itself
	line int
	at   map[string]*jsonValue
}

// fields reads an object that may have the known keys and no others.
func (r *planReader) fields(v *jsonValue, path string, known []string) (fields, bool) {
	f := fields{r: r, path: path, line: v.line, at: map[string]*jsonValue{}}
	if v.scalar != json.Delim('{') {
		r.faultf(v.line, path, "is %s; it must be an object", v.kind())
		return f, false
	}
	for i, key := range v.keys {
		item := &v.items[i]
		switch {
		case !slices.Contains(known, key):
			r.faultf(item.line, path, "has no key %q%s", shorten(key), suggest.Phrase(key, known))
		case f.at[key] != nil:
			r.faultf(item.line, path, "has key %q twice", key)
		default:
			f.at[key] = item
		}
	}
	return f, true
}

// shorten bounds what a message quotes of a file.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func (f fields) faultf(key, format string, args ...any) {
	line := f.line
	if v := f.at[key]; v != nil {
		line = v.line
	}
	f.r.faultf(line, f.path, "%s", key+" "+fmt.Sprintf(format, args...))
}

// text returns a text; ok is false if it is missing or of another type, which is a fault if required.
func (f fields) text(key string, required bool) (string, bool) {
	v := f.at[key]
	if v == nil {
		if required {
			f.faultf(key, "is missing")
		}
		return "", false
	}
	s, ok := v.scalar.(string)
	if !ok {
		f.faultf(key, "is %s; it must be a text", v.kind())
	}
	return s, ok
}

// texts returns a list of texts; nil if it is missing or anything else.
func (f fields) texts(key string) []string {
	v := f.at[key]
	if v == nil {
		return nil
	}
	var out []string
	good := v.scalar == json.Delim('[')
	for i := range v.items {
		s, ok := v.items[i].scalar.(string)
		good = good && ok
		out = append(out, s)
	}
	if !good {
		f.faultf(key, "must be a list of texts")
		return nil
	}
	return out
}

// whole returns a whole number from 0 to most; ok as for text.
func (f fields) whole(key string, required bool, most int64) (int64, bool) {
	v := f.at[key]
	if v == nil {
		if required {
			f.faultf(key, "is missing")
		}
		return 0, false
	}
	n, ok := wholeNumber(v, most)
	if !ok {
		f.faultf(key, "must be a whole number from 0 to %d", most)
	}
	return n, ok
}

func wholeNumber(v *jsonValue, most int64) (int64, bool) {
	s, ok := v.scalar.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s.String(), 10, 64)
	return n, err == nil && n >= 0 && n <= most
}

// list returns a list of whole numbers; ok is false if it is missing or anything else.
func (f fields) list(key string) ([]int, bool) {
	v := f.at[key]
	if v == nil {
		return nil, false
	}
	out := make([]int, 0, len(v.items))
	good := v.scalar == json.Delim('[')
	for i := range v.items {
		n, ok := wholeNumber(&v.items[i], maxPlanNumber)
		good = good && ok
		out = append(out, int(n))
	}
	if !good {
		f.faultf(key, "must be a list of whole numbers from 0 to %d", int64(maxPlanNumber))
	}
	return out, good
}

// pair returns a list of two ascending whole numbers [lo, hi); given and good tell whether the key is there and right.
func (f fields) pair(key string) (lo, hi int, given, good bool) {
	list, ok := f.list(key)
	switch {
	case f.at[key] == nil:
		return 0, 0, false, true
	case !ok:
		return 0, 0, true, false
	case len(list) != 2 || list[0] >= list[1]:
		f.faultf(key, "must be two numbers [from, to) with from < to")
		return 0, 0, true, false
	}
	return list[0], list[1], true, true
}
