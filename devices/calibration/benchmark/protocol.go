package benchmark

import (
	"cmp"
	"hash/fnv"
	"slices"

	"hidp/devices/calibration"
)

// Prediction is one row that was predicted without having been seen.
type Prediction = calibration.Prediction

// groups returns the sets by runtime group, in the order of the groups' names.
func groups(sets []*calibration.Set) [][]*calibration.Set {
	byName := map[string][]*calibration.Set{}
	for _, s := range sets {
		byName[s.Group()] = append(byName[s.Group()], s)
	}
	var out [][]*calibration.Set
	for _, g := range byName {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []*calibration.Set) int { return cmp.Compare(a[0].Group(), b[0].Group()) })
	return out
}

const folds = 10

// split deals the values of a key to folds, in the order of a hash of their names: which fold a network falls into does
// not depend on the alphabet, in which siblings are neighbours.
func split(sets []*calibration.Set, key calibration.Key) []map[string]bool {
	var names []string
	for _, s := range sets {
		for i := range s.Rows {
			names = append(names, key(&s.Rows[i]))
		}
	}
	hash := func(name string) uint64 {
		h := fnv.New64a()
		h.Write([]byte(name))
		return h.Sum64()
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b)) })
	names = slices.Compact(names)
	out := make([]map[string]bool, min(folds, len(names)))
	for i, name := range names {
		if out[i%len(out)] == nil {
			out[i%len(out)] = map[string]bool{}
		}
		out[i%len(out)][name] = true
	}
	return out
}

// LeaveOut predicts every row of the sets without its network, or without its family. The prior is learned without a
// fold of networks; each set's own posterior is then taken without the one network that is predicted.
func LeaveOut(sets []*calibration.Set, key calibration.Key) []Prediction {
	var out []Prediction
	for _, group := range groups(sets) {
		for _, fold := range split(group, key) {
			learned := calibration.Learn(group, func(_ *calibration.Set, r *calibration.Row) bool { return !fold[key(r)] })
			for _, s := range group {
				out = append(out, learned.LeaveOut(s, key, func(r *calibration.Row) bool { return fold[key(r)] })...)
			}
		}
	}
	return out
}
