package experiments

import (
	"cmp"
	"slices"
	"strings"

	"hidp/internal/strict"
	"hidp/sim"
)

// faults resolves the faults of the modelled world.
func (f *scenarioFile) faults(p *strict.Problems, s *Scenario) {
	var links []string
	for _, r := range s.Platform.Network.Resources {
		links = append(links, r.Name)
	}
	for i, x := range f.Fault {
		at := p.Under(strict.Index("fault", i))
		switch {
		case (x.Node == "") == (x.Link == ""):
			at.Faultf("", `is neither one node lost nor one link changed; write node and at, or link, rate, from and to`)
		case x.Node != "":
			x.nodeLoss(at, s)
		default:
			x.change(at, s, links)
		}
	}
}

func (x *faultFile) nodeLoss(p *strict.Problems, s *Scenario) {
	node, ok := s.Platform.Node(x.Node)
	if !ok {
		names := s.Platform.NodeNames()
		p.Faultf("node", "%q is not a node of %s%s; it has %s", x.Node, s.Platform.Name, strict.Suggest(x.Node, names), strings.Join(names, ", "))
	}
	if !p.Has("at") {
		p.Faultf("at", `is missing; write when the node is lost, e.g. "3 s"`)
	}
	for _, key := range []string{"rate", "from", "to"} {
		if p.Has(key) {
			p.Faultf(key, "does not go with a node; it is lost for good")
		}
	}
	s.Faults.Nodes = append(s.Faults.Nodes, sim.NodeLoss{Node: node, At: orZero(x.At).Std()})
}

func (x *faultFile) change(p *strict.Problems, s *Scenario, links []string) {
	link := slices.Index(links, x.Link)
	if link < 0 {
		p.Faultf("link", "%q is not a link of %s%s; it has %s", x.Link, s.Platform.Name, strict.Suggest(x.Link, links), cmp.Or(strings.Join(links, ", "), "none"))
	}
	if !p.Has("rate") {
		p.Faultf("rate", `is missing; write the rate during the fault, "0 bit/s" for a cut`)
	}
	if p.Has("at") {
		p.Faultf("at", "does not go with a link; write from and to")
	}
	c := sim.CapacityChange{Resource: link, From: orZero(x.From).Std(), To: orZero(x.To).Std(), Capacity: orZero(x.Rate).BytesPerSecond()}
	if p.Has("to") && c.To <= c.From {
		p.Faultf("to", "%v is not after from, %v", c.To, c.From)
	}
	s.Faults.Resources = append(s.Faults.Resources, c)
}
