package calibration

import "math"

// Prediction is one row that was predicted without having been seen.
type Prediction struct {
	Set      *Set
	Row      *Row
	Log      float64 // logarithm of the predicted seconds
	Variance float64 // of that logarithm, the row's own noise included
}

// Error returns log measured - log predicted.
func (p *Prediction) Error() float64 { return p.Row.Log - p.Log }

// APE returns the absolute percentage error as a share: |predicted/measured - 1|.
func (p *Prediction) APE() float64 { return math.Abs(math.Exp(p.Log-p.Row.Log) - 1) }

// Score returns |error| in standard deviations (see Quantile).
func (p *Prediction) Score() float64 { return math.Abs(p.Error()) / math.Sqrt(p.Variance) }

// Key says what is left out together: a network with its twins, or a family.
type Key func(*Row) string

// Network and Family are the keys.
func Network(r *Row) string { return r.Twins }
func Family(r *Row) string  { return r.Family }

// LeaveOut predicts the rows of a set that keep accepts, each from the other rows of the set without those of its key.
func (l *Learned) LeaveOut(s *Set, key Key, keep func(*Row) bool) []Prediction {
	var out []Prediction
	done := map[string]bool{}
	for i := range s.Rows {
		name := key(&s.Rows[i])
		if done[name] || !keep(&s.Rows[i]) {
			continue
		}
		done[name] = true
		var rows, left []*Row
		for j := range s.Rows {
			if r := &s.Rows[j]; key(r) == name {
				left = append(left, r)
			} else {
				rows = append(rows, r)
			}
		}
		post := l.Posterior(s, rows)
		for _, r := range left {
			out = append(out, l.Predict(s, r, &post))
		}
	}
	return out
}

// Predict predicts a row from what is known of its set.
func (l *Learned) Predict(s *Set, r *Row, post *Gaussian) Prediction {
	scales := post.Mean.Scales()
	seconds, shares := r.Counts.Gradient(&scales)
	return Prediction{Set: s, Row: r, Log: math.Log(seconds), Variance: post.Variance(&shares) + l.Sigma*l.Sigma}
}
