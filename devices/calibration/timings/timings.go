// Package timings reads measured latencies that users have in files: CSV tables and the output of benchncnn. It is
// pure, and names all faults of a file at once, each with its line.
//
// A CSV file has a line of column names. Two columns are needed: network, and latency with its unit ("12.3 ms"), or
// latency_ms, latency_us or latency_s without one. The others are runtime ("ncnn/fp16", or precision apart), version,
// cluster, threads, board, source.
package timings

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hidp/internal/strict"
	"hidp/internal/suggest"
	"hidp/internal/units"
)

// Timing is one measured latency of a network, batch 1. What the file does not say is empty.
type Timing struct {
	Line      int
	Network   string
	Seconds   float64
	Runtime   string
	Precision string
	Version   string
	Cluster   string // a name, or the kinds cpu and gpu
	Threads   int
	Board     string
	Source    string
}

// File is what a file says.
type File struct {
	Name    string
	Timings []Timing
	Skipped []string // what was left out, with the reason
	Faults  *Faults  // what is wrong with single rows
}

// Faults gathers what is wrong with a file.
type Faults struct {
	file string
	list []fault
	more int // faults that were found and not kept
}

type fault struct {
	line int
	text string
}

// NewFaults begins a list of faults of a file.
func NewFaults(file string) *Faults { return &Faults{file: file} }

// Addf adds a fault of a line; line 0 is the whole file.
func (f *Faults) Addf(line int, format string, args ...any) {
	at := f.file
	if line > 0 {
		at += ":" + strconv.Itoa(line)
	}
	if len(f.list) == strict.MostKept {
		f.more++
		return
	}
	f.list = append(f.list, fault{line, at + ": " + fmt.Sprintf(format, args...)})
}

// Err returns all faults in the order of their lines, or nil.
func (f *Faults) Err() error {
	slices.SortStableFunc(f.list, func(a, b fault) int { return a.line - b.line })
	var errs []error
	for _, x := range f.list {
		errs = append(errs, errors.New(x.text))
	}
	if f.more > 0 {
		errs = append(errs, fmt.Errorf("… and %d more", f.more))
	}
	return errors.Join(errs...)
}

// Read reads a file of either form. The error is of a file that has no rows to speak of; what is wrong with single rows
// is in Faults, so that it can be told together with what the rows mean.
func Read(name string, data []byte) (*File, error) {
	if benchncnn.Match(data) {
		return readBenchncnn(name, string(data))
	}
	return readCSV(name, string(data))
}

// MostRows is how many timings a file may hold: more than anybody takes of one board.
const MostRows = 2000

// Least is the shortest latency of a network, in seconds: calling a runtime takes longer.
const Least = 1e-6

var latencyUnits = map[string]float64{"latency_ms": 1e-3, "milliseconds": 1e-3, "latency_us": 1e-6, "latency_s": 1,
	"latency": 0}

var columnNames = []string{"network", "latency", "latency_ms", "latency_us", "latency_s", "milliseconds", "runtime",
	"precision", "version",
	"cluster", "threads", "board", "source"}

// header is the position of each column.
type header map[string]int

func (h header) cell(row []string, name string) string {
	if i, ok := h[name]; ok && i < len(row) {
		return strings.TrimSpace(row[i])
	}
	return ""
}

func readCSV(name, text string) (*File, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', -1, true
	if first, _, _ := strings.Cut(text, "\n"); strings.Count(first, ";") > strings.Count(first, ",") {
		r.Comma = ';'
	}
	faults := NewFaults(name)
	first, err := r.Read()
	if err != nil {
		faults.Addf(0, "has no line of column names; write network,latency,runtime,cluster")
		return nil, faults.Err()
	}
	h, latency := readHeader(first, faults)
	if latency == "" {
		return nil, faults.Err()
	}
	f := &File{Name: name, Faults: faults}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			faults.Addf(broken.StartLine, "%v; the rest of the file was not read", broken.Err)
			break
		} else if err != nil {
			faults.Addf(0, "%v", err)
			break
		}
		line, _ := r.FieldPos(0)
		if len(f.Timings) == MostRows {
			faults.Addf(line, "is one row too many; a file holds at most %d", MostRows)
			return nil, faults.Err()
		}
		if len(row) != len(first) {
			faults.Addf(line, "has %d cells, the line of column names %d", len(row), len(first))
			continue
		}
		f.Timings = append(f.Timings, readRow(h, latency, row, line, faults))
	}
	if len(f.Timings) == 0 {
		if faults.Err() == nil {
			faults.Addf(0, "has no rows")
		}
		return nil, faults.Err()
	}
	return f, nil
}

// readHeader finds the columns, and which of them is the latency.
func readHeader(names []string, faults *Faults) (header, string) {
	h, latency := header{}, ""
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "model" {
			name = "network"
		}
		if !slices.Contains(columnNames, name) {
			faults.Addf(1, "unknown column %q%s; known are %s", name, suggest.Phrase(name, columnNames),
				strings.Join(columnNames, ", "))
			continue
		}
		if _, twice := h[name]; twice {
			faults.Addf(1, "column %s stands twice", name)
		}
		h[name] = i
		if _, ok := latencyUnits[name]; ok {
			if latency != "" {
				faults.Addf(1, "columns %s and %s both hold the latency; leave one", latency, name)
			}
			latency = name
		}
	}
	if latency == "" {
		faults.Addf(1, `no column holds the latency; write latency with units in the cells ("12.3 ms"), or latency_ms`)
	}
	if _, ok := h["network"]; !ok {
		faults.Addf(1, "no column names the network; call it network")
	}
	return h, latency
}

func readRow(h header, latency string, row []string, line int, faults *Faults) Timing {
	t := Timing{Line: line, Network: h.cell(row, "network"), Runtime: h.cell(row, "runtime"), Precision: h.cell(row,
		"precision"),
		Version: h.cell(row, "version"), Cluster: h.cell(row, "cluster"), Board: h.cell(row, "board"), Source: h.cell(row,
			"source")}
	if t.Network == "" {
		faults.Addf(line, "network is empty")
	}
	if name, precision, ok := strings.Cut(t.Runtime, "/"); ok {
		if t.Precision != "" && t.Precision != precision {
			faults.Addf(line, "runtime %s and precision %s disagree", t.Runtime, t.Precision)
		}
		t.Runtime, t.Precision = name, precision
	}
	if text := h.cell(row, "threads"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			faults.Addf(line, "threads: %q is not a whole number from 1", text)
		}
		t.Threads = n
	}
	t.Seconds = readLatency(h.cell(row, latency), latency, line, faults)
	return t
}

func readLatency(text, column string, line int, faults *Faults) float64 {
	var seconds float64
	if scale := latencyUnits[column]; scale > 0 {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			faults.Addf(line, "%s: %q is not a number", column, text)
			return math.NaN()
		}
		seconds = v * scale
	} else {
		if v, err := strconv.ParseFloat(text, 64); err == nil && v > 0 {
			faults.Addf(line, `latency: %q has no unit; write "%s ms", or call the column latency_ms`, text, text)
			return math.NaN()
		} else if err == nil || strings.HasPrefix(text, "-") {
			faults.Addf(line, "latency: %s is not positive; a measured latency is", text)
			return math.NaN()
		}
		var d units.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			faults.Addf(line, "latency: %v", err)
			return math.NaN()
		}
		seconds = d.Seconds()
	}
	switch {
	case !(seconds > 0) || math.IsInf(seconds, 0):
		faults.Addf(line, "%s: %s is not positive; a measured latency is", column, text)
		return math.NaN()
	case seconds < Least:
		faults.Addf(line, "%s: %s is less than a microsecond for one inference; check the unit", column, text)
		return math.NaN()
	case seconds > time.Hour.Seconds():
		faults.Addf(line, "%s: %s is more than an hour for one inference; check the unit", column, text)
		return math.NaN()
	}
	return seconds
}

// Output of benchncnn: settings, then a line for each network.
var (
	benchncnn        = regexp.MustCompile(`(?m)^\s*\S+\s+min\s*=\s*[-0-9.]+\s+max\s*=\s*[-0-9.]+\s+avg\s*=`)
	benchncnnRow     = regexp.MustCompile(`^\s*(\S+)\s+min\s*=\s*([-0-9.]+)\s+max\s*=\s*([-0-9.]+)\s+avg\s*=\s*([-0-9.]+)`)
	benchncnnSetting = regexp.MustCompile(`^\s*(num_threads|gpu_device)\s*=\s*(-?[0-9]+)`)
)

// readBenchncnn takes the least time of each network, as the published rows do.
func readBenchncnn(name, text string) (*File, error) {
	faults := NewFaults(name)
	f := &File{Name: name, Faults: faults}
	threads, cluster := 0, "cpu"
	for i, line := range strings.Split(text, "\n") {
		if len(f.Timings) == MostRows {
			faults.Addf(i+1, "is one row too many; a file holds at most %d", MostRows)
			return nil, faults.Err()
		}
		if m := benchncnnSetting.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[2])
			switch {
			case m[1] == "num_threads":
				threads = n
			case n >= 0:
				cluster = "gpu"
			default:
				cluster = "cpu"
			}
			continue
		}
		m := benchncnnRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if strings.HasSuffix(m[1], "_int8") {
			f.Skipped = append(f.Skipped, fmt.Sprintf("line %d: %s computes in 8 bits, which boards do not describe", i+1, m[1]))
			continue
		}
		t := Timing{Line: i + 1, Network: m[1], Runtime: "ncnn", Cluster: cluster, Threads: threads, Seconds: math.NaN(),
			Source: "benchncnn, min"}
		if cluster == "gpu" {
			t.Threads = 0
		}
		if ms, err := strconv.ParseFloat(m[2], 64); err != nil || ms <= 0 {
			faults.Addf(i+1, "min: %s is not a positive number of milliseconds", m[2])
		} else {
			t.Seconds = ms * 1e-3
		}
		f.Timings = append(f.Timings, t)
	}
	return f, nil
}
