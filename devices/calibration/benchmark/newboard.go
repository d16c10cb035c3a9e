package benchmark

import (
	"slices"

	"hidp/devices/calibration"
)

func chips(sets []*calibration.Set) []string {
	var out []string
	for _, s := range sets {
		out = append(out, s.Chip)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// newBoard returns what is known before a chip is seen: the rows of other chips. Without others there is nothing.
func newBoard(group []*calibration.Set, chip string) (*calibration.Known, bool) {
	var others []*calibration.Set
	for _, s := range group {
		if s.Chip != chip {
			others = append(others, s)
		}
	}
	if len(others) == 0 {
		return nil, false
	}
	return calibration.Know(others), true
}
