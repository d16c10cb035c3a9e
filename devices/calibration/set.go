package calibration

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"hidp/devices/dnns"
	"hidp/devices/measurements"
)

// Row is one measured latency of a network.
type Row struct {
	Network string
	Counts  Counts
	Log     float64 // natural logarithm of the measured seconds
	Twins   string  // networks that are one after fusion share it
	Family  string
}

// Set holds the rows that share a board, a cluster, its threads, a runtime, the runtime's version and a precision. Rows
// of different sets are never mixed: versions and rigs differ by factors of up to 2.
type Set struct {
	Board, Chip, Core           string
	GPU                         bool
	Cores                       string // of a CPU: all, big or little
	Threads                     int    // of a CPU
	Runtime, Version, Precision string
	Peak                        float64 // FLOP/s in single precision by the data sheet
	Bandwidth                   float64 // bytes/s of memory by the data sheet
	Rows                        []Row
}

// Name names the set in tables.
func (s *Set) Name() string {
	cluster, version := "gpu", ""
	if !s.GPU {
		cluster = fmt.Sprintf("cpu-%sx%d", s.Cores, s.Threads)
	}
	if s.Version != "" {
		version = "-" + s.Version
	}
	return fmt.Sprintf("%s/%s/%s%s/%s", s.Board, cluster, s.Runtime, version, s.Precision)
}

// runtimeGroups says which runtimes share a learned prior.
var runtimeGroups = map[string]string{"ncnn": "ncnn", "ncnn-vulkan": "vulkan", "tflite": "tflite", "tflite-xnnpack": "tflite",
	"armnn-neon": "neon", "armnn-opencl": "opencl", "tensorrt": "tensorrt", "pytorch": "eager", "tensorflow": "eager"}

// Group returns the name of the runtimes whose sets share a learned prior with s.
func (s *Set) Group() string {
	if g, ok := runtimeGroups[s.Runtime]; ok {
		return g
	}
	return s.Runtime
}

// SetsOf sorts measured latencies into sets, in the order of their names. Repetitions of a row are left out, and so are
// networks without a layer table and sets with fewer than least different networks, twins counted once.
func SetsOf(rows []measurements.Latency, least int) []*Set {
	byName := map[string]*Set{}
	for i := range rows {
		l := &rows[i]
		network := dnns.All()[l.Network]
		if network == nil || l.Repeat != 0 {
			continue
		}
		s := emptySet(l)
		name := s.Name()
		if byName[name] == nil {
			byName[name] = s
		}
		s = byName[name]
		s.Rows = append(s.Rows, Row{Network: l.Network, Counts: NetworkCounts(network, StyleOf(l.Runtime)),
			Log: math.Log(l.Seconds), Twins: l.Twins, Family: l.Family})
	}
	var sets []*Set
	for _, s := range byName {
		if s.networks() >= least {
			sets = append(sets, s)
		}
	}
	slices.SortFunc(sets, func(a, b *Set) int { return cmp.Compare(a.Name(), b.Name()) })
	return sets
}

func emptySet(l *measurements.Latency) *Set {
	return &Set{Board: l.Board, Chip: l.Chip, Core: l.Core, GPU: l.GPU, Cores: l.Cores, Threads: l.Threads, Runtime: l.Runtime,
		Version: l.Version, Precision: l.Precision, Peak: l.Peak * 1e9, Bandwidth: l.Bandwidth * 1e9}
}

func (s *Set) networks() int {
	seen := map[string]bool{}
	for i := range s.Rows {
		seen[s.Rows[i].Twins] = true
	}
	return len(seen)
}
