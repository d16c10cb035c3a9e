package workloads

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Mix says which model each request of a workload wants.
type Mix struct {
	Weights    []float64 // one per model, relative to each other; nil is a workload of one model
	RoundRobin bool      // models in turn, each as often in a row as its weight says (whole numbers), instead of at random
}

// Equal returns the mix of n models in equal parts, in turn.
func Equal(n int) Mix {
	m := Mix{Weights: make([]float64, n), RoundRobin: true}
	for i := range m.Weights {
		m.Weights[i] = 1
	}
	return m
}

// Models returns the number of models.
func (m Mix) Models() int { return max(1, len(m.Weights)) }

// Validate reports why the mix is not one, or nil.
func (m Mix) Validate() error {
	const most = 1e9
	sum := 0.0
	for i, w := range m.Weights {
		if !(w >= 0 && w <= most) {
			return fmt.Errorf("weight of model %d is %v; must be from 0 to %g", i, w, most)
		}
		if m.RoundRobin && w != math.Trunc(w) {
			return fmt.Errorf("weight of model %d is %v; taking turns needs whole numbers", i, w)
		}
		sum += w
	}
	if len(m.Weights) > 0 && sum == 0 {
		return errors.New("all weights of the mix are 0; at least one model must be wanted")
	}
	return nil
}

// picker deals the models of a valid mix.
type picker struct {
	mix  Mix
	sum  float64
	rand *rand.Rand // nil where nothing is left to chance
	turn int        // round robin: the model whose turn it is
	left int        // and how often more
}

// newPicker starts a mix; its chance is Stream(seed, "mix").
func newPicker(seed uint64, mix Mix) picker {
	p := picker{mix: mix, turn: -1}
	if !mix.RoundRobin && len(mix.Weights) > 0 {
		p.rand = Stream(seed, "mix")
	}
	for _, w := range mix.Weights {
		p.sum += w
	}
	return p
}

func (p *picker) next() int {
	switch {
	case len(p.mix.Weights) == 0:
		return 0
	case p.mix.RoundRobin:
		for p.left == 0 {
			p.turn = (p.turn + 1) % len(p.mix.Weights)
			p.left = int(p.mix.Weights[p.turn])
		}
		p.left--
		return p.turn
	}
	at := float64(p.rand.Float64() * p.sum)
	last := 0
	for i, w := range p.mix.Weights {
		if w == 0 {
			continue
		}
		if last = i; at < w {
			break
		}
		at -= w
	}
	return last
}
