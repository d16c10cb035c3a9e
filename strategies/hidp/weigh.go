package hidp

import (
	"cmp"
	"math"
	"slices"

	"hidp/strategies/split"
)

// sharing is workers, their shares, and which of them would run the work if it were not shared.
type sharing struct {
	members []int
	weights []float64
	home    int
}

// sharings returns the ways to share data between nodes that the global tier tries: for the k fastest nodes, with and without the
// leader, shares in proportion to aggregate rates (the paper's) and shares that also weigh the transfers, for a stretch that is the
// whole of the chain's divisible part or a fraction of it. Sets that could not gain even with free halos are left out.
func (p *planner) sharings(t *tier, rate []float64) []sharing {
	net := t.link.(*network)
	var out []sharing
	promised := map[tilt]float64{} // the shortest time that the sets so far promise
	promising := func(x tilt, end float64) bool {
		if best, ok := promised[x]; ok && end > best*worthwhile {
			return false
		}
		promised[x] = end
		return true
	}
	add := func(s sharing) {
		if !slices.ContainsFunc(out, s.like) {
			out = append(out, s)
		}
	}
	for _, members := range nodeSets(rate, p.r.Leader) {
		homes := p.homes(members)
		prop := sharing{members: members, home: homes[len(homes)-1]}
		total := 0.0
		for _, j := range members {
			prop.weights = append(prop.weights, rate[j])
			total += rate[j]
		}
		any := false
		for _, home := range homes {
			for _, pieces := range []int{1, 4, 16} {
				s, end, ok := p.balance(net, members, rate, home, pieces)
				if ok && promising(tilt{home, pieces}, end) {
					add(s)
				}
				any = any || ok
			}
		}
		if any && promising(tilt{homes[len(homes)-1], 0}, 1/total) {
			add(prop)
		}
	}
	return out
}

// batches returns the ways to share the samples of a batch: like sharings, but of every set and tilt, because few samples round
// coarsely, and every way to share them between the leader and each other node.
func (p *planner) batches(t *tier, rate []float64) []sharing {
	var out []sharing
	add := func(s sharing) {
		counts := split.Shares(p.c.batch, s.weights)
		known := func(o sharing) bool {
			return slices.Equal(s.members, o.members) && slices.Equal(counts, split.Shares(p.c.batch, o.weights))
		}
		if !slices.Contains(counts, 0) && !slices.ContainsFunc(out, known) {
			out = append(out, s)
		}
	}
	for _, members := range nodeSets(rate, p.r.Leader) {
		prop := sharing{members: members, home: members[0]}
		for _, j := range members {
			prop.weights = append(prop.weights, rate[j])
		}
		add(prop)
		for _, home := range p.homes(members) {
			for _, pieces := range []int{1, 4, 16} {
				if s, _, ok := p.balance(t.link.(*network), members, rate, home, pieces); ok {
					add(s)
				}
			}
		}
	}
	for j := range rate {
		for n := 1; j != p.r.Leader && rate[j] > 0 && rate[p.r.Leader] > 0 && n < min(p.c.batch, 16); n++ {
			add(sharing{[]int{p.r.Leader, j}, []float64{float64(p.c.batch - n), float64(n)}, p.r.Leader})
		}
	}
	return out
}

// tilt is a way to weigh transfers: from which home, for a stretch of which size (0: not at all).
type tilt struct{ home, pieces int }

// worthwhile is what share of the time that a smaller set of nodes promises a larger one may at most promise, free of halos, to be
// tried as well.
const worthwhile = 0.96

// homes returns the members at which the data may lie before it is shared: the leader and the fastest.
func (p *planner) homes(members []int) []int {
	if members[0] != p.r.Leader && slices.Contains(members, p.r.Leader) {
		return []int{members[0], p.r.Leader}
	}
	return members[:1]
}

// like reports whether two sharings hardly differ: the same members, shares equal to a fiftieth.
func (s sharing) like(o sharing) bool {
	if !slices.Equal(s.members, o.members) {
		return false
	}
	a, b := 0.0, 0.0
	for i := range s.weights {
		a += s.weights[i]
		b += o.weights[i]
	}
	for i := range s.weights {
		if math.Abs(s.weights[i]/a-o.weights[i]/b) > 0.02 {
			return false
		}
	}
	return true
}

// balance returns the shares with which all members are done at one time, and that time, when the home scatters a stretch's input and gathers its
// output: a share x costs member j fixed_j + x·(compute_j + transfer_j). Members whose fixed part is beyond that time get nothing;
// ok is false if that leaves fewer than two. The stretch is the divisible part of the chain, or one of several pieces of it.
func (p *planner) balance(net *network, members []int, rate []float64, home, pieces int) (sharing, float64, bool) {
	type cand struct {
		node         int
		fixed, slope float64
	}
	var cs []cand
	bytes := p.ends(pieces)
	for _, j := range members {
		c := cand{node: j, slope: 1 / (rate[j] * float64(pieces))}
		if j != home {
			there, back := net.paths[home][j], net.paths[j][home]
			c.fixed = there.fixed + back.fixed
			if math.IsInf(c.fixed, 1) {
				continue
			}
			rivals := float64(len(members) - 1) // all share the home's link or the medium
			c.slope += float64(rivals * (float64(float64(bytes[0])*there.pace) + float64(float64(bytes[1])*back.pace)))
		}
		cs = append(cs, c)
	}
	slices.SortStableFunc(cs, func(a, b cand) int { return cmp.Compare(a.fixed, b.fixed) })
	end, per, offset := math.Inf(1), 0.0, 0.0
	taken := 0
	for _, c := range cs {
		if c.fixed >= end {
			break
		}
		per += 1 / c.slope
		offset += c.fixed / c.slope
		end = (1 + offset) / per
		taken++
	}
	s := sharing{home: home}
	if slices.Contains(members, p.r.Leader) {
		s.home = p.r.Leader
	}
	for _, j := range members {
		for _, c := range cs[:taken] {
			if x := (end - c.fixed) / c.slope; c.node == j && x > 0.01 {
				s.members, s.weights = append(s.members, j), append(s.weights, x)
			}
		}
	}
	return s, end, len(s.members) > 1
}

// ends returns the bytes before and behind the stretch that balance weighs: the ends of the chain's divisible part, or for pieces
// of it the tensor of median size twice.
func (p *planner) ends(pieces int) [2]int64 {
	last := p.divisible()
	if pieces == 1 {
		return [2]int64{p.c.bytes[0], p.c.bytes[last]}
	}
	sizes := slices.Clone(p.c.bytes[:last+1])
	slices.Sort(sizes)
	return [2]int64{sizes[len(sizes)/2], sizes[len(sizes)/2]}
}

// divisible returns the last position up to which data can be shared.
func (p *planner) divisible() int {
	if end := p.c.body(); end > 0 && p.c.batch == 1 {
		return end
	}
	return p.c.end()
}
