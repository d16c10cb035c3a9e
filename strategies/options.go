package strategies

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Options are the knobs given to a strategy, as text: from a scenario file or the command line.
type Options map[string]string

// Reader reads Options against their documentation, gathering every fault.
type Reader struct {
	entry  string
	docs   map[string]Option
	given  Options
	faults []string
}

// Read starts reading given options for the strategy called name, whose knobs are docs. Unknown names are faults.
func Read(name string, docs []Option, given Options) *Reader {
	r := &Reader{entry: name, docs: map[string]Option{}, given: given}
	var known []string
	for _, d := range docs {
		r.docs[d.Name] = d
		known = append(known, d.Name)
	}
	var names []string
	for n := range given {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		if _, ok := r.docs[n]; !ok {
			r.faultf("has no option %q (it has: %s)", n, strings.Join(known, ", "))
		}
	}
	return r
}

func (r *Reader) faultf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf("strategy %s "+format, append([]any{r.entry}, args...)...))
}

func (r *Reader) text(name string) string {
	d, ok := r.docs[name]
	if !ok {
		panic("strategies: option " + name + " of " + r.entry + " is read but not documented")
	}
	if v, ok := r.given[name]; ok {
		return v
	}
	return d.Default
}

// Word returns option name, one of its documented values.
func (r *Reader) Word(name string) string {
	v := r.text(name)
	for _, w := range r.docs[name].Values {
		if v == w {
			return v
		}
	}
	r.faultf("option %s is %q; it must be one of %s", name, v, strings.Join(r.docs[name].Values, ", "))
	return r.docs[name].Default
}

// Float returns option name as a number in [lo, hi].
func (r *Reader) Float(name string, lo, hi float64) float64 {
	v, err := strconv.ParseFloat(r.text(name), 64)
	if err != nil || !(v >= lo && v <= hi) {
		r.faultf("option %s is %q; it must be a number from %g to %g", name, r.text(name), lo, hi)
		return lo
	}
	return v
}

// Int returns option name as a whole number in [lo, hi].
func (r *Reader) Int(name string, lo, hi int) int {
	v, err := strconv.Atoi(r.text(name))
	if err != nil || v < lo || v > hi {
		r.faultf("option %s is %q; it must be a whole number from %d to %d", name, r.text(name), lo, hi)
		return lo
	}
	return v
}

// Bool returns option name, "true" or "false".
func (r *Reader) Bool(name string) bool {
	v, err := strconv.ParseBool(r.text(name))
	if err != nil {
		r.faultf("option %s is %q; it must be true or false", name, r.text(name))
	}
	return v
}

// Err returns all faults as one error, or nil.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return &OptionError{r.faults}
}

// OptionError is the user's fault in a strategy's options.
type OptionError struct{ Faults []string }

// Error implements error.
func (e *OptionError) Error() string { return strings.Join(e.Faults, "\n") }
