package hidp

import "math"

// cost is what running something takes: seconds, and joules above the idle power of the nodes.
type cost struct{ time, energy float64 }

func (c cost) plus(d cost) cost { return cost{c.time + d.time, c.energy + d.energy} }

// impossible is the cost of what cannot be.
var impossible = cost{math.Inf(1), math.Inf(1)}

func (c cost) possible() bool { return !math.IsInf(c.time, 1) }

// goal weighs seconds against joules: latency is {1, 0}; the energy of a set of nodes is {their idle power, 1}.
type goal struct{ second, joule float64 }

func (g goal) score(c cost) float64 {
	if g.joule == 0 {
		return float64(g.second * c.time)
	}
	return float64(g.second*c.time) + float64(g.joule*c.energy)
}

// level is one tier as the solver sees it: workers, each of which can take a segment of the chain alone, and splits, by which
// several workers share the data of a segment. Workers are nodes in the global tier and core clusters in the local one. Modes
// number the workers first, then the splits.
type level interface {
	workers() int
	splits() int
	reach(v, s int) int        // the furthest position to which split v can go from s
	together(v, s, e int) cost // of a segment in split v, its inputs there: the least it can cost
	whole(w, s, e int, start float64) cost
	further(w, s, e int) (cost, bool) // what going on from s to e adds to a run of worker w; false if runs do not simply add up
	move(u, w, s int) cost
	// The rest returns total costs, what went before included. A split's members need not finish together: from and ends are
	// the times at which each has finished the segment before and this one and, behind them all, at which the transfers of
	// the segment are through.
	scatter(u, v, s, e int, before cost, ends []float64) cost
	stay(v, s, e int, before cost, from, ends []float64) cost
	gather(v, w, s int, before cost, from []float64) cost
}

// run is one segment [from, to) of a solution, the mode it runs in and when its input is there.
type run struct {
	mode, from, to int
	start          float64
}

// label is the best known way to a position in a mode.
type label struct {
	cost  cost
	score float64
	from  int32     // where its last segment starts
	mode  int32     // the mode before that; origin at the start
	start float64   // when that segment's input is there
	ends  []float64 // of a split: when each member is done, and when the transfers are
}

// origin is the mode before the first segment: the tensor lies where the request came in.
const origin = -1

// solver is the dynamic program over positions that both tiers share: the state is where the tensor at a position lies, whole
// at one worker or spread by one split, and the next segment runs at a worker (model partition) or in a split (data partition),
// whichever leads to the better end. T* = min(T_model, T_data), decided block by block (HiDP; recursion as in the paper's two tiers).
type solver struct {
	l      level
	goal   goal
	home   int // the worker that holds the tensor at the start; origin if it is as near to all
	n      int // last position
	open   func(p int) bool
	labels [][]label // [position][mode]
	arrive []label   // per worker: the tensor moved there
	ends   []float64 // scratch
}

func newSolver(l level, c *chain, g goal, home int) *solver {
	s := &solver{l: l, goal: g, home: home, n: c.end(), open: func(p int) bool { return c.kind[p] == boundary },
		arrive: make([]label, l.workers()), ends: make([]float64, l.workers()+1)}
	s.labels = make([][]label, c.end()+1)
	for p := range s.labels {
		s.labels[p] = make([]label, l.workers()+l.splits())
	}
	return s
}

// solve finds the best ways from position from to all positions up to upto.
func (s *solver) solve(from, upto int) {
	for p := from; p <= upto; p++ {
		for m := range s.labels[p] {
			s.labels[p][m] = label{cost: impossible, score: math.Inf(1), mode: origin, ends: s.labels[p][m].ends[:0]}
		}
	}
	for p := from; p < upto; p++ {
		if s.open(p) || p == from {
			s.workersFrom(p, from, upto)
		}
		for v := range s.l.splits() {
			s.splitFrom(v, p, from, upto)
		}
	}
}

// workersFrom relaxes the segments that start at p and run on one worker.
func (s *solver) workersFrom(p, from, upto int) {
	for w := range s.arrive {
		s.arrive[w] = s.at(w, p, from)
	}
	for w := range s.arrive {
		a := &s.arrive[w]
		if !a.cost.possible() {
			continue
		}
		adds := false
		for e := s.next(p); e <= upto && !adds; e = s.next(e) {
			s.relax(e, w, label{cost: a.cost.plus(s.l.whole(w, p, e, a.cost.time)), from: int32(p), mode: a.mode, start: a.cost.time})
			var c cost
			if c, adds = s.l.further(w, p, e); adds && p > from && s.labels[p][w].cost.possible() {
				l := s.labels[p][w]
				l.cost = l.cost.plus(c)
				s.relax(e, w, l)
			}
		}
	}
}

// next returns the next position after p at which a tensor can lie whole.
func (s *solver) next(p int) int {
	for p++; p < s.n && !s.open(p); p++ {
	}
	return p
}

// at returns the best way to have the tensor at position p whole at worker w.
func (s *solver) at(w, p, from int) label {
	if p == from {
		c := cost{}
		if s.home != origin {
			c = s.l.move(s.home, w, p)
		}
		return label{cost: c, score: s.goal.score(c), mode: origin}
	}
	best := s.labels[p][w]
	best.mode = int32(w)
	for m := range s.labels[p] {
		l := &s.labels[p][m]
		if m == w || l.score >= best.score {
			continue
		}
		c := s.handOver(m, w, p)
		if score := s.goal.score(c); score < best.score {
			best = label{cost: c, score: score, mode: int32(m)}
		}
	}
	return best
}

// handOver returns the cost of having the tensor at p, left by the label of mode m, whole at worker w.
func (s *solver) handOver(m, w, p int) cost {
	l := &s.labels[p][m]
	if m < s.l.workers() {
		return l.cost.plus(s.l.move(m, w, p))
	}
	return s.l.gather(m-s.l.workers(), w, p, l.cost, l.ends)
}

// splitFrom relaxes the segments that start at p and run in split v.
func (s *solver) splitFrom(v, p, from, upto int) {
	w := s.l.workers()
	reach := min(upto, s.l.reach(v, p))
	for e := p + 1; e <= reach; e++ {
		least := s.l.together(v, p, e)
		if !least.possible() {
			continue
		}
		if p == from {
			s.relax(e, w+v, label{cost: s.l.scatter(s.home, v, p, e, cost{}, s.ends), from: int32(p), mode: origin})
			continue
		}
		if l := &s.labels[p][w+v]; s.promising(l, least, e, w+v) {
			s.relax(e, w+v, label{cost: s.l.stay(v, p, e, l.cost, l.ends, s.ends), from: int32(p), mode: int32(w + v), start: l.cost.time})
		}
		for u := range w {
			if l := &s.labels[p][u]; s.promising(l, least, e, w+v) {
				s.relax(e, w+v, label{cost: s.l.scatter(u, v, p, e, l.cost, s.ends), from: int32(p), mode: int32(u), start: l.cost.time})
			}
		}
	}
}

// promising reports whether going on from label l at no less than the given cost may improve on the mode's label at e.
func (s *solver) promising(l *label, least cost, e, mode int) bool {
	return l.cost.possible() && l.score+s.goal.score(least) < s.labels[e][mode].score
}

// relax puts label l at position e if it is the mode's best; a split's ends are those in scratch.
func (s *solver) relax(e, mode int, l label) {
	l.score = s.goal.score(l.cost)
	old := &s.labels[e][mode]
	if !(l.score < old.score) {
		return
	}
	ends := old.ends
	*old = l
	old.ends = ends
	if mode >= s.l.workers() {
		old.ends = append(old.ends[:0], s.ends...)
	}
}

// best returns the best mode to end in at position e and its cost, the result handed back to where the request came in.
func (s *solver) best(e int) (int, cost) {
	mode, total, score := origin, impossible, math.Inf(1)
	for m := range s.labels[e] {
		c := s.labels[e][m].cost
		if !c.possible() {
			continue
		}
		if s.home != origin {
			c = s.handOver(m, s.home, e)
		}
		if x := s.goal.score(c); x < score {
			mode, total, score = m, c, x
		}
	}
	return mode, total
}

// path returns the segments that lead to position e in the given mode.
func (s *solver) path(e, mode int) []run {
	var out []run
	for mode != origin {
		l := &s.labels[e][mode]
		out = append(out, run{mode, int(l.from), e, l.start})
		e, mode = int(l.from), int(l.mode)
	}
	for i, k := 0, len(out)-1; i < k; i, k = i+1, k-1 {
		out[i], out[k] = out[k], out[i]
	}
	return out
}
