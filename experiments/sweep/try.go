package sweep

import (
	"cmp"
	"errors"
	"fmt"

	"hidp/internal/strict"
)

// try reads the scenario with every listed value and both ends of every range, each with the first values of the other axes that it
// goes with. Values that go with nothing are faults of the sweep file; combinations that do not fit are for constraints, or for the
// error column.
func (s *Sweep) try(p *strict.Problems) error {
	whole := *s
	whole.axes = nil
	for i := range s.axes {
		a := &s.axes[i]
		if _, err := a.set(s.base.tree, &a.trials()[0]); err != nil {
			p.Faultf(a.key+".field", "%s: %v", a.field, err)
			continue
		}
		whole.axes = append(whole.axes, *a)
	}
	e := newEvaluator(&whole)
	elsewhere := whole.tryValues(e, p)
	if err := p.Err(); err != nil {
		return err
	}
	if elsewhere != nil {
		return elsewhere
	}
	if n, exact := newSpace(s).count(); n == 0 {
		how := "no point satisfies"
		if !exact {
			how = fmt.Sprintf("none of %d points looked at satisfies", exactCount)
		}
		p.Faultf("constraints", "leave nothing: %s them all", how)
	}
	s.tried = e.scenarios
	return p.Err()
}

// tryValues tries all values and adds their faults to p. It returns the first fault of the scenario's own.
func (s *Sweep) tryValues(e *evaluator, p *strict.Problems) (elsewhere error) {
	axes := make([][]setting, len(s.axes))
	for i := range s.axes {
		axes[i] = s.axes[i].trials()
	}
	settings := make([]setting, len(s.axes))
	for i := range s.axes {
		for k := range axes[i] {
			err := s.tryValue(e, axes, settings, i, k)
			var faulty *strict.Error
			if err == nil || !errors.As(err, &faulty) {
				elsewhere = cmp.Or(elsewhere, err)
				continue
			}
			for _, f := range faulty.Faults {
				switch at := s.axisOf(f.Key); {
				case f.File == s.source.path && at == i:
					p.Faultf(s.axes[i].faultKey(f, k), "%s: %s", f.Key, f.Message)
				case at < 0:
					elsewhere = cmp.Or(elsewhere, err)
				}
			}
		}
	}
	return elsewhere
}

// mostTrials bounds the values of one axis that are tried.
const mostTrials = 64

// trials returns the values to be tried: all of a short list, some of a long one, the ends of a range.
func (a *axis) trials() []setting {
	if a.span != nil {
		return []setting{a.span.at(0, nil), a.span.at(1, nil)}
	}
	if n := len(a.values); n > mostTrials {
		var some []setting
		for i := range mostTrials {
			some = append(some, a.values[i*(n-1)/(mostTrials-1)])
		}
		return some
	}
	return a.values
}

// faultKey is where in the sweep file a fault of the k-th trial belongs.
func (a *axis) faultKey(f strict.Fault, k int) string {
	if a.span == nil && len(a.values) <= mostTrials && f.Key != "" {
		return a.key + "." + strict.Index("values", k)
	}
	return a.key
}

// tryValue reads the scenario with trial k of axis i and different values of the others, until one goes with it.
func (s *Sweep) tryValue(e *evaluator, axes [][]setting, settings []setting, i, k int) error {
	const tries = 16
	var first error
	for t := range tries {
		rest := t
		for j := range axes {
			if j == i {
				settings[j] = axes[j][k]
				continue
			}
			settings[j] = axes[j][rest%len(axes[j])]
			rest /= len(axes[j])
		}
		if rest > 0 && t > 0 {
			break
		}
		_, err := e.worker().scenario(settings)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}
