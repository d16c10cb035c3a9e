package devices

import (
	"fmt"
	"slices"
	"strings"

	"hidp/internal/strict"
	"hidp/internal/units"
)

// platformFile is the content of platforms/NAME.toml. The field comments below are its reference.
type platformFile struct {
	Title    string       `toml:"title"`
	Base     string       `toml:"base"` // another platform, whose nodes in keep and whose network this one takes over
	Keep     []string     `toml:"keep"`
	Runtime  string       `toml:"runtime"` // of nodes that name none
	Leader   string       `toml:"leader"`  // a node; the first if empty
	Measured string       `toml:"measured"`
	Node     []nodeFile   `toml:"node"`
	Medium   *mediumFile  `toml:"medium"`
	Switch   *switchFile  `toml:"switch"`
	Link     []linkFile   `toml:"link"`
	Assumed  []assumeFile `toml:"assumption"`
}

type nodeFile struct {
	Name    string `toml:"name,required"`
	Board   string `toml:"board,required"` // catalogue name, or a path ending in .toml, relative to the file
	Runtime string `toml:"runtime"`
	Mode    string `toml:"mode"`
}

// mediumFile is one radio channel that all nodes share.
type mediumFile struct {
	Rate    quantity[units.Rate]      `toml:"rate,required"`
	Latency quantity[units.Duration]  `toml:"latency,required"`
	Jitter  *quantity[units.Duration] `toml:"jitter"`
	ViaAP   bool                      `toml:"via_ap"` // frames cross the air twice: station to access point to station
	Station []stationFile             `toml:"station"`
}

// stationFile is a node that reaches a lower rate on the shared channel than the medium's.
type stationFile struct {
	Node string               `toml:"node,required"`
	Rate quantity[units.Rate] `toml:"rate,required"`
}

// switchFile is a full-duplex switched network: each node has a port of the same rate.
type switchFile struct {
	Rate    quantity[units.Rate]      `toml:"rate,required"`
	Latency quantity[units.Duration]  `toml:"latency,required"`
	Jitter  *quantity[units.Duration] `toml:"jitter"`
}

// linkFile is a full-duplex cable between two nodes.
type linkFile struct {
	Nodes   [2]string                 `toml:"nodes,required"`
	Rate    quantity[units.Rate]      `toml:"rate,required"`
	Latency quantity[units.Duration]  `toml:"latency,required"`
	Jitter  *quantity[units.Duration] `toml:"jitter"`
}

// assumeFile is a sentence for the report about something the file decides without evidence.
type assumeFile struct {
	Text string `toml:"text,required"`
}

const (
	mostNodes        = 256              // bounds the network's matrices
	leastNetworkRate = units.Rate(1000) // bit/s
)

// stated marks the numbers that the file gives without a source as what they are: the word of the file.
func (f *platformFile) stated() {
	transport := func(rate *quantity[units.Rate], latency, jitter *quantity[units.Duration]) {
		byTheFile(rate)
		byTheFile(latency)
		byTheFile(jitter)
	}
	if m := f.Medium; m != nil {
		transport(&m.Rate, &m.Latency, m.Jitter)
		for i := range m.Station {
			byTheFile(&m.Station[i].Rate)
		}
	}
	if s := f.Switch; s != nil {
		transport(&s.Rate, &s.Latency, s.Jitter)
	}
	for i := range f.Link {
		transport(&f.Link[i].Rate, &f.Link[i].Latency, f.Link[i].Jitter)
	}
}

func byTheFile[T any](q *quantity[T]) {
	if q != nil && q.Source == "" && q.Assumption == "" {
		q.Assumption = "as the platform file says"
	}
}

// check adds to p whatever is wrong with the platform file beyond its syntax, units and boards.
func (f *platformFile) check(p *strict.Problems) {
	var names []string
	for i, n := range f.Node {
		newName(p.Under(strict.Index("node", i)), n.Name, names)
		names = append(names, n.Name)
		if n.Runtime == "" && f.Runtime == "" {
			p.Faultf(strict.Index("node", i), `names no runtime; write runtime = "tensorflow/fp32" here or at the top`)
		}
	}
	switch {
	case f.Base != "":
		for _, key := range []string{"node", "medium", "switch", "link", "measured"} {
			if p.Has(key) {
				p.Faultf(key, "does not go with base; write keep, runtime and leader, or a platform without base")
			}
		}
		return
	case p.Has("keep"):
		p.Faultf("keep", "goes with base only")
	case len(f.Node) == 0:
		p.Faultf("node", "is empty; a platform has at least one [[node]]")
	case len(f.Node) > mostNodes:
		p.Faultf("node", "has %d entries; at most %d nodes are supported", len(f.Node), mostNodes)
		return
	}
	if f.Leader != "" {
		knownWord(p, "leader", "node", f.Leader, names)
	}
	if f.Measured != "" {
		knownWord(p, "measured", "policy", f.Measured, []string{"rescale", "ignore"})
	}
	f.checkNetwork(p, names)
}

func (f *platformFile) checkNetwork(p *strict.Problems, names []string) {
	kinds := 0
	for _, given := range []bool{f.Medium != nil, f.Switch != nil, len(f.Link) > 0} {
		if given {
			kinds++
		}
	}
	if kinds > 1 || kinds == 0 && len(f.Node) > 1 {
		p.Faultf("", "has %d kinds of network; write one of [medium] (shared Wi-Fi), [switch] or [[link]]", kinds)
	}
	if m := f.Medium; m != nil {
		checkTransport(p.Under("medium"), m.Rate, m.Latency, m.Jitter)
		var stations []string
		for i, s := range m.Station {
			at := p.Under("medium").Under(strict.Index("station", i))
			knownWord(at, "node", "node", s.Node, names)
			if slices.Contains(stations, s.Node) {
				at.Faultf("node", "%q has a rate already", s.Node)
			}
			stations = append(stations, s.Node)
			checkQuantity(at, "rate", s.Rate, leastNetworkRate)
			if s.Rate.Value > m.Rate.Value {
				at.Faultf("rate", "%v is more than the medium's %v; write the rate of the fastest station there", s.Rate.Value, m.Rate.Value)
			}
		}
	}
	if s := f.Switch; s != nil {
		checkTransport(p.Under("switch"), s.Rate, s.Latency, s.Jitter)
	}
	var joined [][2]string
	for i, l := range f.Link {
		at := p.Under(strict.Index("link", i))
		for k, n := range l.Nodes {
			knownWord(at, strict.Index("nodes", k), "node", n, names)
		}
		pair := [2]string{min(l.Nodes[0], l.Nodes[1]), max(l.Nodes[0], l.Nodes[1])}
		switch {
		case pair[0] == pair[1]:
			at.Faultf("nodes", "joins %q to itself", pair[0])
		case slices.Contains(joined, pair):
			at.Faultf("nodes", "%s and %s are joined already", pair[0], pair[1])
		}
		joined = append(joined, pair)
		checkTransport(at, l.Rate, l.Latency, l.Jitter)
	}
}

func checkTransport(p *strict.Problems, rate quantity[units.Rate], latency quantity[units.Duration], jitter *quantity[units.Duration]) {
	checkQuantity(p, "rate", rate, leastNetworkRate)
	checkQuantity(p, "latency", latency, 0)
	checkShort(p, "latency.value", latency.Value)
	if jitter != nil {
		checkQuantity(p, "jitter", *jitter, 0)
		checkShort(p, "jitter.value", jitter.Value)
	}
}

// assumptions lists what the network part rests on.
func (f *platformFile) assumptions() []string {
	var out []string
	note := func(what string, v provenance) {
		if v.Assumption != "" {
			out = append(out, fmt.Sprintf("network: %s: %s", what, v.Assumption))
		}
	}
	transport := func(rate quantity[units.Rate], latency quantity[units.Duration], jitter *quantity[units.Duration]) {
		note("rate", rate.provenance)
		note("latency", latency.provenance)
		if jitter != nil {
			note("jitter", jitter.provenance)
		}
	}
	for _, a := range f.Assumed {
		out = append(out, strings.TrimSpace(a.Text))
	}
	if m := f.Medium; m != nil {
		transport(m.Rate, m.Latency, m.Jitter)
		for _, s := range m.Station {
			note("rate of "+s.Node, s.Rate.provenance)
		}
	}
	if s := f.Switch; s != nil {
		transport(s.Rate, s.Latency, s.Jitter)
	}
	for _, l := range f.Link {
		transport(l.Rate, l.Latency, l.Jitter)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
