package benchmark

import (
	"hidp/devices/calibration"
	"hidp/devices/measurements"
)

// leastNetworks is how many different networks a set must have.
const leastNetworks = 8

// Sets returns the sets of the benchmark.
func Sets() []*calibration.Set {
	var rows []measurements.Latency
	for _, l := range measurements.Latencies() {
		if l.Benchmark {
			rows = append(rows, l)
		}
	}
	return calibration.SetsOf(rows, leastNetworks)
}

// Results are the left-out predictions of every protocol.
type Results struct {
	Sets      []*calibration.Set
	Strict    []Prediction
	Elsewhere []Prediction
	Family    []Prediction         // of the runtimes whose networks come in families
	NewBoard  map[int][]Prediction // by the number of rows that were given
}

// Given are the numbers of rows that a new board is given.
var Given = []int{0, 1, 3, 5}

// Run judges the model by every protocol.
func Run(sets []*calibration.Set) *Results {
	r := &Results{Sets: sets, NewBoard: map[int][]Prediction{}}
	r.Strict = LeaveOut(sets, calibration.Network)
	r.Elsewhere = Elsewhere(r.Strict)
	var families []*calibration.Set
	for _, s := range sets {
		if g := s.Group(); g != "ncnn" && g != "vulkan" {
			families = append(families, s)
		}
	}
	r.Family = LeaveOut(families, calibration.Family)
	for _, given := range Given {
		r.NewBoard[given] = nil
	}
	for _, group := range groups(sets) {
		for _, chip := range chips(group) {
			r.newBoard(group, chip)
		}
	}
	return r
}

func (r *Results) newBoard(group []*calibration.Set, chip string) {
	known, ok := newBoard(group, chip)
	if !ok {
		return
	}
	for _, s := range group {
		if s.Chip != chip {
			continue
		}
		for _, given := range Given {
			r.NewBoard[given] = append(r.NewBoard[given], known.NewBoard(s, given)...)
		}
	}
}
