package benchmark

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"

	"hidp/devices/calibration"
)

// Prediction is one row that was predicted without having been seen.
type Prediction struct {
	Set      *calibration.Set
	Row      *calibration.Row
	Log      float64 // logarithm of the predicted seconds
	Variance float64 // of that logarithm, the row's own noise included
}

// Error returns log measured - log predicted.
func (p *Prediction) Error() float64 { return p.Row.Log - p.Log }

// APE returns the absolute percentage error as a share: |predicted/measured - 1|.
func (p *Prediction) APE() float64 { return math.Abs(math.Exp(p.Log-p.Row.Log) - 1) }

// Key says what is left out together: a network with its twins, or a family.
type Key func(*calibration.Row) string

// Network and Family are the keys.
func Network(r *calibration.Row) string { return r.Twins }
func Family(r *calibration.Row) string  { return r.Family }

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

// split deals the values of a key to folds, in the order of a hash of their names: which fold a network falls into does not
// depend on the alphabet, in which siblings are neighbours.
func split(sets []*calibration.Set, key Key) []map[string]bool {
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

// LeaveOut predicts every row of the sets without its network, or without its family. The prior is learned without a fold of
// networks; each set's own posterior is then taken without the one network that is predicted.
func LeaveOut(sets []*calibration.Set, key Key) []Prediction {
	var out []Prediction
	for _, group := range groups(sets) {
		for _, fold := range split(group, key) {
			learned := calibration.Learn(group, func(_ *calibration.Set, r *calibration.Row) bool { return !fold[key(r)] })
			for _, s := range group {
				out = append(out, leaveOutOf(s, learned, fold, key)...)
			}
		}
	}
	return out
}

func leaveOutOf(s *calibration.Set, learned *calibration.Learned, fold map[string]bool, key Key) []Prediction {
	var out []Prediction
	done := map[string]bool{}
	for i := range s.Rows {
		name := key(&s.Rows[i])
		if !fold[name] || done[name] {
			continue
		}
		done[name] = true
		var rows, left []*calibration.Row
		for j := range s.Rows {
			if r := &s.Rows[j]; key(r) == name {
				left = append(left, r)
			} else {
				rows = append(rows, r)
			}
		}
		post := learned.Posterior(s, rows)
		for _, r := range left {
			out = append(out, predict(s, r, &post, learned.Sigma))
		}
	}
	return out
}

func predict(s *calibration.Set, r *calibration.Row, post *calibration.Gaussian, sigma float64) Prediction {
	scales := post.Mean.Scales()
	seconds, shares := r.Counts.Gradient(&scales)
	return Prediction{Set: s, Row: r, Log: math.Log(seconds), Variance: post.Variance(&shares) + sigma*sigma}
}

func (p *Prediction) score() float64 { return math.Abs(p.Error()) / math.Sqrt(p.Variance) }
