package sweep

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
	"gonum.org/v1/gonum/stat/samplemv"
)

// mostCells bounds the matrix of a Latin hypercube.
const mostCells = 50_000_000

// mostPoints is beyond what a sweep can have; larger products could overflow.
const mostPoints = int64(1e18)

// space finds the values of any point. Points are numbered: the last axis with steps or values varies fastest, then those
// before it; the samples vary slowest, so that each sample meets the whole grid. Safe for concurrent use.
type space struct {
	sweep *Sweep
	grid  int64 // points per sample
	cube  func() *mat.Dense
}

// points returns how many points the sweep has by number, those that break a constraint included; false if they are too many.
func (s *Sweep) points() (int64, bool) {
	n := s.sampling.points
	for i := range s.axes {
		if s.axes[i].sampled {
			continue
		}
		k := int64(len(s.axes[i].values))
		if k > 0 && n > mostPoints/k {
			return 0, false
		}
		n *= k
	}
	return n, true
}

func newSpace(s *Sweep) *space {
	n, _ := s.points()
	p := &space{sweep: s, grid: n / s.sampling.points}
	p.cube = sync.OnceValue(p.hypercube)
	return p
}

// hypercube draws all samples at once: as many strata per axis as there are samples, each hit once (McKay, Beckman and Conover,
// Technometrics 21, 1979).
func (p *space) hypercube() *mat.Dense {
	axes := 0
	for i := range p.sweep.axes {
		if p.sweep.axes[i].sampled {
			axes++
		}
	}
	batch := mat.NewDense(int(p.sweep.sampling.points), axes, nil)
	src := rand.NewPCG(p.sweep.Seed, purpose("latin hypercube"))
	samplemv.LatinHypercube{Q: distmv.NewUnitUniform(axes, nil), Src: src}.Sample(batch)
	return batch
}

func purpose(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// settings puts the values of a point into out, one per axis, and their texts into room, which may be nil.
func (p *space) settings(point int64, out []setting, room *textRoom) {
	s := p.sweep
	sample, rest := point/p.grid, point%p.grid
	for i := len(s.axes) - 1; i >= 0; i-- {
		if a := &s.axes[i]; !a.sampled {
			k := int64(len(a.values))
			out[i] = a.values[rest%k]
			rest /= k
		}
	}
	column := 0
	var random *rand.PCG
	if s.sampling.method == "random" {
		random = rand.NewPCG(s.Seed^purpose("sample"), uint64(sample))
	}
	for i := range s.axes {
		if a := &s.axes[i]; a.sampled {
			out[i] = a.draw(p.place(sample, column, random), room)
			column++
		}
	}
}

// place returns where a sampled axis is, from 0 to 1: drawn from random, or in the hypercube if that is nil.
func (p *space) place(sample int64, column int, random *rand.PCG) float64 {
	if random != nil {
		return float64(random.Uint64()>>11) / (1 << 53)
	}
	return min(p.cube().At(int(sample), column), math.Nextafter(1, 0))
}

// allowed reports whether settings satisfy all constraints. values is scratch space, one per axis.
func (s *Sweep) allowed(settings []setting, values []value) bool {
	if len(s.constraints) == 0 {
		return true
	}
	for i := range s.axes {
		values[i] = s.axes[i].valueOf(&settings[i])
	}
	for _, c := range s.constraints {
		if !c.root.eval(values).truth {
			return false
		}
	}
	return true
}

// exactCount is up to how many points are counted one by one.
const exactCount = 2_000_000

// count returns how many points satisfy the constraints: exactly for up to exactCount points, else as extrapolated from that many
// spread evenly.
func (p *space) count() (n int64, exact bool) {
	s := p.sweep
	total, _ := s.points()
	if len(s.constraints) == 0 {
		return total, true
	}
	settings, values := make([]setting, len(s.axes)), make([]value, len(s.axes))
	looks := min(total, exactCount)
	var hits int64
	for i := range looks {
		p.settings(p.spread(i, looks, total), settings, nil)
		if s.allowed(settings, values) {
			hits++
		}
	}
	if looks == total {
		return hits, true
	}
	return int64(float64(hits) / float64(looks) * float64(total)), false
}

// spread returns the i-th of n points out of total, one at a random place in each n-th part.
func (p *space) spread(i, n, total int64) int64 {
	if n == total {
		return i
	}
	part := float64(total) / float64(n)
	offset := float64(rand.NewPCG(p.sweep.Seed^purpose("spread"), uint64(i)).Uint64()>>11) / (1 << 53)
	return min(int64(part*(float64(i)+offset)), total-1)
}

// describe names a point by its axes' values, for messages.
func (s *Sweep) describe(settings []setting) string {
	text := ""
	for i := range s.axes {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s = %s", s.axes[i].name, settings[i].text)
	}
	return text
}
