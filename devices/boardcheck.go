package devices

import (
	"slices"
	"strings"
	"time"

	"hidp/internal/strict"
	"hidp/internal/units"
)

// Bounds within which no sum of costs overflows a duration.
const (
	leastClock     = units.Frequency(1e6)
	mostClock      = units.Frequency(1e11)
	leastRate      = units.Compute(1e6)
	leastBandwidth = units.Bandwidth(1e3)
	mostDuration   = units.Duration(time.Hour)
	mostPower      = units.Power(1e5) // W: no board draws a hundred kilowatts
)

func checkShort(p *strict.Problems, key string, d units.Duration) {
	if d > mostDuration {
		p.Faultf(key, "is %v; at most an hour makes sense", d)
	}
}

// check adds to p whatever is wrong with the board file beyond its syntax and units.
func (b *Board) check(p *strict.Problems) {
	f := &b.file
	names := b.checkClusters(p)
	checkQuantity(p, "memory.capacity", f.Memory.Capacity, 1)
	checkQuantity(p, "memory.reserved", f.Memory.Reserved, 0)
	checkQuantity(p, "memory.bandwidth", f.Memory.Bandwidth, leastBandwidth)
	if f.Memory.Reserved.Value >= f.Memory.Capacity.Value {
		p.Faultf("memory.reserved", "%v leaves nothing of %v; write what the operating system and the runtime take", f.Memory.Reserved.Value, f.Memory.Capacity.Value)
	}
	checkPower(p, "power.idle", f.Power.Idle)
	checkPower(p, "power.wifi", f.Power.WiFi)
	checkPower(p, "power.ethernet", f.Power.Ethernet)
	checkQuantity(p, "network.message", f.Network.Message, 0)
	checkShort(p, "network.message.value", f.Network.Message.Value)
	b.checkCrossings(p, names)
	for i, c := range f.Contention {
		at := p.Under(strict.Index("contention", i))
		knownWord(at, "cluster", "cluster", c.Cluster, names)
		knownWord(at, "beside", "cluster", c.Beside, names)
		if c.Keeps <= 0 {
			at.Faultf("keeps", "is %v; a share above 0 is kept, e.g. 0.9", c.Keeps)
		}
		checkProvenance(at, "", c.provenance)
	}
	b.checkModes(p)
	b.checkRuntimes(p, names)
}

func (b *Board) checkClusters(p *strict.Problems) (names []string) {
	if len(b.file.Cluster) == 0 {
		p.Faultf("cluster", "is empty; a board has at least one [[cluster]]")
	}
	if len(b.file.Cluster) > 32 {
		p.Faultf("cluster", "has %d entries; at most 32 clusters are supported", len(b.file.Cluster))
	}
	for i, c := range b.file.Cluster {
		at := p.Under(strict.Index("cluster", i))
		newName(at, c.Name, names)
		names = append(names, c.Name)
		if _, ok := parseKind(c.Kind); !ok {
			at.Faultf("kind", `is %q; write "cpu" or "gpu"`, c.Kind)
		}
		if c.Cores < 1 {
			at.Faultf("cores", "is %d; a cluster has at least one core", c.Cores)
		}
		checkQuantity(at, "clock", c.Clock, leastClock)
		checkQuantity(at, "peak", c.Peak, leastRate)
		for key, peak := range map[string]*quantity[units.Compute]{"half_peak": c.HalfPeak, "tf32_peak": c.TF32Peak} {
			if peak != nil {
				checkQuantity(at, key, *peak, leastRate)
			}
		}
		checkQuantity(at, "fill", c.Fill, 0)
		checkPower(at, "active_power", c.ActivePower)
	}
	physical := slices.Clone(names)
	for i, g := range b.file.Group {
		at := p.Under(strict.Index("group", i))
		newName(at, g.Name, names)
		names = append(names, g.Name)
		for k, m := range g.Members {
			key := strict.Index("members", k)
			knownWord(at, key, "cluster", m, physical)
			if slices.Contains(g.Members[:k], m) {
				at.Faultf(key, "lists %q twice", m)
			}
			if j := slices.Index(physical, m); j >= 0 && b.file.Cluster[j].Kind != "cpu" {
				at.Faultf(key, "%q is no CPU cluster; a group is CPU clusters under one thread pool", m)
			}
		}
		if len(g.Members) < 2 {
			at.Faultf("members", "has %d entries; a group has at least two", len(g.Members))
		}
		checkPower(at, "active_power", g.ActivePower)
	}
	return names
}

func (b *Board) checkCrossings(p *strict.Problems, names []string) {
	ends := append([]string{"cpu", "gpu"}, names...)
	for i, c := range b.file.Crossing {
		at := p.Under(strict.Index("crossing", i))
		knownWord(at, "from", "cluster or kind", c.From, ends)
		knownWord(at, "to", "cluster or kind", c.To, ends)
		checkShort(at, "sync", c.Sync)
		if c.Bandwidth != nil && *c.Bandwidth < leastBandwidth {
			at.Faultf("bandwidth", "is %v; leave the key out where nothing is copied", *c.Bandwidth)
		}
		checkProvenance(at, "", c.provenance)
	}
	for i, from := range b.file.Cluster {
		for j, to := range b.file.Cluster {
			if _, ok := b.crossing(from.Name, from.Kind, to.Name, to.Kind); i != j && !ok {
				p.Faultf("crossing", "none covers %s to %s; write [[crossing]] with from = %q, to = %q", from.Name, to.Name, from.Kind, to.Kind)
			}
		}
	}
}

func (b *Board) checkModes(p *strict.Problems) {
	var names []string
	for i, m := range b.file.Mode {
		at := p.Under(strict.Index("mode", i))
		newName(at, m.Name, names)
		names = append(names, m.Name)
		checkProvenance(at, "", m.provenance)
		for _, name := range sortedKeys(m.Clocks) {
			b.checkModeCluster(at, strict.Key("clocks", name), name, m.Clocks[name] >= leastClock && m.Clocks[name] <= mostClock)
		}
		for _, name := range sortedKeys(m.Cores) {
			k := slices.IndexFunc(b.file.Cluster, func(c clusterFile) bool { return c.Name == name })
			b.checkModeCluster(at, strict.Key("cores", name), name, m.Cores[name] > 0 && (k < 0 || m.Cores[name] <= b.file.Cluster[k].Cores))
		}
		if len(m.Clocks) == 0 {
			at.Faultf("clocks", "is empty; list the clusters that are on with their clocks")
		}
		if i > 0 && (m.Memory == nil) != (b.file.Mode[0].Memory == nil) {
			at.Faultf("memory", "is given in one of this mode and the first one; give it in both or in neither")
		}
		if m.Memory != nil && (*m.Memory < leastClock || *m.Memory > mostClock) {
			at.Faultf("memory", "is %v; a memory clock is 1 MHz to 100 GHz", *m.Memory)
		}
		for _, c := range b.file.Cluster {
			if i == 0 && m.Clocks[c.Name] <= 0 {
				at.Faultf("clocks", "lacks %s; the first mode has every cluster on, since the parameters hold in it", c.Name)
			}
		}
	}
}

func (b *Board) checkModeCluster(p *strict.Problems, key, name string, positive bool) {
	var known []string
	for _, c := range b.file.Cluster {
		known = append(known, c.Name)
	}
	knownWord(p, key, "cluster", name, known)
	if !positive {
		p.Faultf(key, "is out of range; a clock is 1 MHz to 100 GHz, cores are 1 to the cluster's; leave a cluster that is off out of clocks")
	}
}

// knownWord faults a word that is not in a list, with the nearest one that is.
func knownWord(p *strict.Problems, key, what, word string, known []string) {
	if !slices.Contains(known, word) {
		p.Faultf(key, "no %s %q%s; known are %s", what, word, strict.Suggest(word, known), strings.Join(known, ", "))
	}
}

// newName faults a name that is empty or taken.
func newName(p *strict.Problems, name string, taken []string) {
	switch {
	case name == "":
		p.Faultf("name", "is empty; write a name")
	case slices.Contains(taken, name):
		p.Faultf("name", "%q is taken; names are unique", name)
	}
}

func checkQuantity[T ~int | ~int64 | ~float64](p *strict.Problems, key string, q quantity[T], least T) {
	if p.Has(key) && q.Value < least {
		p.Faultf(key+".value", "is %v; must be at least %v", q.Value, least)
	}
	if p.Has(key) {
		checkProvenance(p, key, q.provenance)
	}
}

// checkPower is checkQuantity of a power that a board may draw.
func checkPower(p *strict.Problems, key string, q quantity[units.Power]) {
	checkQuantity(p, key, q, 0)
	if q.Value > mostPower {
		p.Faultf(key+".value", "is %v, which is implausible; a board draws at most %v", q.Value, mostPower)
	}
}

func checkProvenance(p *strict.Problems, key string, v provenance) {
	if (strings.TrimSpace(v.Source) == "") == (strings.TrimSpace(v.Assumption) == "") {
		p.Faultf(key, `needs either source = "where it was read" or assumption = "why it is plausible"`)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// crossing returns the entry for a hand-over: the one that names both ends best.
func (b *Board) crossing(from, fromKind, to, toKind string) (crossingFile, bool) {
	best, found := -1, crossingFile{}
	for _, c := range b.file.Crossing {
		score := 0
		switch {
		case c.From == from:
			score += 2
		case c.From != fromKind:
			continue
		}
		switch {
		case c.To == to:
			score++
		case c.To != toKind:
			continue
		}
		if score > best {
			best, found = score, c
		}
	}
	return found, best >= 0
}
