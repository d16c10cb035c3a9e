package fleet

import (
	"fmt"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies"
	"hidp/workloads"
)

// Description is a fleet, ready to run. It is immutable once made: Sized and WithRequests return changed copies.
type Description struct {
	Title    string
	Seed     uint64
	Duration time.Duration // requests arrive from 0 until then; the run goes on until all are served
	Planning time.Duration // what a plan costs the leader

	Strategy string
	Options  strategies.Options
	Models   []*workloads.Graph
	Mix      workloads.Mix
	Batch    int
	Load     Load
	Classes  []Class
	Shared   Shared
	Digest   string // of the file it was read from: what a checkpoint belongs to
}

// Class is a kind of site.
type Class struct {
	Name     string
	Sites    int
	Boards   int // per site, without the cloud
	Factor   float64
	Offset   time.Duration     // local time when the fleet's clock shows 0
	Platform *devices.Platform // of every site; its last node is the cloud, if there is one
	uplink   float64           // bytes/s
}

// Sites returns the number of sites.
func (d *Description) Sites() int {
	n := 0
	for i := range d.Classes {
		n += d.Classes[i].Sites
	}
	return n
}

// Boards returns the number of boards, the clouds not counted.
func (d *Description) Boards() int {
	n := 0
	for i := range d.Classes {
		n += d.Classes[i].Sites * d.Classes[i].Boards
	}
	return n
}

// Expected returns the mean number of requests.
func (d *Description) Expected() float64 {
	total := 0.0
	for i := range d.Classes {
		c := &d.Classes[i]
		total += float64(c.Sites) * float64(d.Load.scaled(c.Factor).Expected(d.Duration, c.Offset))
	}
	return total
}

// Sized returns the fleet with as many sites of every class as make about the given number of boards, in the same proportions; at
// least one site in all.
func (d *Description) Sized(boards int) *Description {
	c := *d
	c.Classes = append([]Class(nil), d.Classes...)
	share := float64(boards) / float64(d.Boards())
	for i := range c.Classes {
		c.Classes[i].Sites = int(float64(float64(d.Classes[i].Sites)*share) + 0.5)
	}
	if c.Sites() == 0 {
		c.Classes[0].Sites = 1
	}
	c.Shared = d.Shared.sized(share, d.Classes[0].uplink)
	c.Digest = fmt.Sprintf("%s sized %d", d.Digest, boards)
	return &c
}

// Bounds of a whole fleet, however it came to its size.
const (
	// MostBoards is how many boards a fleet has at most. Where sites share something, all of them are in memory at one time.
	MostBoards = 1_000_000
	// MostRequests is how many requests a fleet has on average at most: hours of simulation. Their number takes no memory.
	MostRequests = 1e10
)

// CheckSize reports why a fleet is too large, or nil.
func (d *Description) CheckSize() error {
	if n := d.Boards(); n > MostBoards {
		return fmt.Errorf("the fleet has %d boards; at most %d can be simulated", n, MostBoards)
	}
	if n := d.Expected(); !(n <= MostRequests) {
		return fmt.Errorf("the fleet has %.3g requests on average; at most %g can be simulated: choose a lower load, or a shorter duration", n, float64(MostRequests))
	}
	return nil
}

// WithRequests returns the fleet with a load that makes the given number of requests on average.
func (d *Description) WithRequests(n float64) *Description {
	c := *d
	c.Load = d.Load.scaled(n / d.Expected())
	c.Digest = fmt.Sprintf("%s requests %g", d.Digest, n)
	return &c
}

// WithSeed returns the fleet under another seed.
func (d *Description) WithSeed(seed uint64) *Description {
	c := *d
	c.Seed = seed
	c.Digest = fmt.Sprintf("%s seed %d", d.Digest, seed)
	return &c
}

// Assumptions returns what in the fleet's numbers nobody measured, each once.
func (d *Description) Assumptions() []string {
	out := d.Shared.assumptions()
	seen := map[string]bool{}
	for i := range d.Classes {
		for _, a := range d.Classes[i].Platform.Assumptions {
			if !seen[a] {
				seen[a] = true
				out = append(out, a)
			}
		}
	}
	return out
}

// planning is how the simulator charges for plans.
func (d *Description) planning() sim.Planning {
	if d.Planning == 0 {
		return sim.Planning{}
	}
	return sim.Planning{Mode: sim.PlanningFixed, Fixed: d.Planning}
}
