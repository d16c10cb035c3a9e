// Package measurements holds published latencies of whole networks on edge boards. Each row names its source. README.md beside
// this file says where the rows come from, under which licences those places stand, and what was left out.
package measurements

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"sync"
)

//go:embed latency.csv
var latencyFile []byte

// Latency is one measured latency of a network, batch 1, on one cluster of a board.
type Latency struct {
	Board     string // as the source names it
	Chip      string // boards of one chip share it
	GPU       bool
	Cores     string  // which cores of a CPU: all, big or little; "" for a GPU
	Threads   int     // of a CPU; 0 for a GPU
	Core      string  // kind of core, or of GPU
	Peak      float64 // GFLOP/s in single precision, by the data sheet, of the threads together
	Bandwidth float64 // GB/s of memory by the data sheet
	Runtime   string
	Version   string // of the runtime, "" where the source does not say
	Precision string // fp32 or fp16
	Network   string // a table of package dnns
	Seconds   float64
	Repeat    int    // 0, or which repetition of an earlier row this is
	Twins     string // networks that are one after fusion share it, such as vgg16 and vgg16_bn
	Family    string // of networks
	Benchmark bool   // the row belongs to the benchmark of docs/calibration.md
	Source    string
}

// Latencies returns all rows in the order of the file. The list is shared: callers do not change it.
var Latencies = sync.OnceValue(func() []Latency {
	rows, err := readLatencies(latencyFile)
	if err != nil {
		panic(fmt.Sprintf("measurements: latency.csv: %v", err))
	}
	return rows
})

func readLatencies(text []byte) ([]Latency, error) {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	out := make([]Latency, 0, len(rows)-1)
	for i, row := range rows[1:] {
		l, err := parseLatency(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func parseLatency(row []string) (Latency, error) {
	var numbers [5]float64
	for i, column := range []int{4, 6, 7, 12, 13} {
		v, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			return Latency{}, fmt.Errorf("column %d: %q is not a number", column+1, row[column])
		}
		numbers[i] = v
	}
	return Latency{
		Board: row[0], Chip: row[1], GPU: row[2] == "gpu", Cores: row[3], Threads: int(numbers[0]), Core: row[5],
		Peak: numbers[1], Bandwidth: numbers[2], Runtime: row[8], Version: row[9], Precision: row[10], Network: row[11],
		Seconds: numbers[3] / 1e3, Repeat: int(numbers[4]), Twins: row[14], Family: row[15], Benchmark: row[16] == "1",
		Source: row[17],
	}, nil
}
