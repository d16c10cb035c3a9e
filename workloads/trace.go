package workloads

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"hidp/internal/strict"
)

// Trace is a recorded workload.
type Trace struct {
	Models   []string // what Arrival.Model counts in
	Arrivals []Arrival
}

// ReadTrace reads a recorded workload from CSV with the header "time_s,model": seconds since the start, as a decimal number (1.5, 2e-3)
// that is rounded to nanoseconds, not before the line above, and the name of a model. Lines that start with # are comments.
// Models lists the names that may occur; nil allows all, and the trace then has them in the order in which they occur. File is
// what messages call the data; all faults are reported at once, as a *strict.Error with lines.
func ReadTrace(file string, data []byte, models []string) (*Trace, error) {
	t := traceReader{file: file, trace: Trace{Models: slices.Clone(models)}, open: models == nil}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\uFEFF")))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace, r.ReuseRecord = '#', -1, true, true
	for header := true; ; header = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			t.faultf(parse.Line, "is not valid CSV: %v", parse.Err)
			break
		}
		line, _ := r.FieldPos(0)
		if header {
			t.header(line, record)
		} else {
			t.record(line, record)
		}
	}
	if len(t.trace.Arrivals) == 0 && len(t.faults) == 0 {
		t.faultf(0, `holds no request; write the header "time_s,model" and one line per request`)
	}
	if err := strict.NewError(t.faults, t.more); err != nil {
		return nil, err
	}
	return &t.trace, nil
}

// traceReader gathers the requests and the faults of a trace file.
type traceReader struct {
	file   string
	trace  Trace
	open   bool // models are named by the trace
	faults []strict.Fault
	more   int // faults that are only counted
}

func (t *traceReader) faultf(line int, format string, args ...any) {
	if len(t.faults) == strict.MostKept {
		t.more++
		return
	}
	t.faults = append(t.faults, strict.Fault{File: t.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (t *traceReader) header(line int, record []string) {
	if len(record) != 2 || strings.TrimSpace(record[0]) != "time_s" || strings.TrimSpace(record[1]) != "model" {
		t.faultf(line, `the first line is %q; must be "time_s,model"`, strings.Join(record, ","))
	}
}

func (t *traceReader) record(line int, record []string) {
	if len(record) != 2 {
		t.faultf(line, "has %d fields; must be a time and a model", len(record))
		return
	}
	at, ok := parseSeconds(strings.TrimSpace(record[0]))
	switch {
	case !ok:
		t.faultf(line, "time_s: %.60q is not a time; must be seconds from 0 to %.3g, like 0.25", record[0], maxTime.Seconds())
	case len(t.trace.Arrivals) > 0 && at < t.trace.Arrivals[len(t.trace.Arrivals)-1].At:
		t.faultf(line, "time_s: %v is before the request above at %v; sort the requests by time", at, t.trace.Arrivals[len(t.trace.Arrivals)-1].At)
		ok = false
	}
	model, known := t.model(line, strings.TrimSpace(record[1]))
	if ok && known {
		t.trace.Arrivals = append(t.trace.Arrivals, Arrival{at, model})
	}
}

func (t *traceReader) model(line int, name string) (int, bool) {
	if i := slices.Index(t.trace.Models, name); i >= 0 {
		return i, true
	}
	switch {
	case name == "":
		t.faultf(line, "model: is empty; name a model")
	case !t.open:
		suggestion := ""
		if len(t.faults) < strict.MostKept { // what is only counted needs none
			suggestion = strict.Suggest(name, t.trace.Models)
		}
		t.faultf(line, "model: %.60q is not one of the workload's models%s; they are %v", name, suggestion, t.trace.Models)
	default:
		t.trace.Models = append(t.trace.Models, strings.Clone(name))
		return len(t.trace.Models) - 1, true
	}
	return 0, false
}

// parseSeconds reads decimal seconds exactly and rounds them to nanoseconds, half up.
func parseSeconds(text string) (time.Duration, bool) {
	const longest, largest = 40, 30 // digits and exponents beyond are hostile
	digits, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	if len(text) > longest || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	if x, err := strconv.Atoi(exponent); scientific && (err != nil || x > largest || x < -largest) {
		return 0, false
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	exact.Mul(exact, big.NewRat(int64(time.Second), 1)).Add(exact, big.NewRat(1, 2))
	ns := new(big.Int).Quo(exact.Num(), exact.Denom())
	if !ns.IsInt64() || ns.Int64() > int64(maxTime) {
		return 0, false
	}
	return time.Duration(ns.Int64()), true
}

// Source replays the trace, up to the limit; a limit of zeros replays all of it.
func (t *Trace) Source(limit Limit) (Source, error) {
	if limit != (Limit{}) {
		if err := limit.Validate(); err != nil {
			return nil, err
		}
	}
	return &replay{t.Arrivals, limiter{limit: limit}}, nil
}

type replay struct {
	rest    []Arrival
	limiter limiter
}

func (r *replay) Next() (Arrival, bool) {
	if len(r.rest) == 0 || !r.limiter.admit(r.rest[0].At) {
		return Arrival{}, false
	}
	a := r.rest[0]
	r.rest = r.rest[1:]
	return a, true
}
