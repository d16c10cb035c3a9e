package experiments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"hidp/devices"
)

// conditions says what a scenario runs on, for the captions of figures: computed from the scenario, so that a figure of another
// platform does not speak of this one.
func (s *Scenario) conditions() []string {
	p := s.Platform
	var boards, runtimes []string
	for i := range p.Nodes {
		boards = append(boards, cmp.Or(p.Nodes[i].Board, p.Nodes[i].Name))
		if !slices.Contains(runtimes, p.Nodes[i].Runtime) {
			runtimes = append(runtimes, p.Nodes[i].Runtime)
		}
	}
	out := []string{fmt.Sprintf("platform %s, %s (%s) %s; %s receives the requests", p.Name, counted(len(boards), "board"), strings.Join(boards, ", "),
		medium(&p.Network), p.Nodes[p.Leader].Name)}
	out = append(out, strings.Join(runtimes, " and ")+", "+s.inputs())
	if s.BeliefError > 0 {
		out = append(out, fmt.Sprintf("planners' rates off by %.4g %%", float64(100*s.BeliefError)))
	}
	if jitter := jitterOf(&p.Network); jitter != "" {
		out = append(out, "jitter of "+jitter)
	}
	return out
}

// medium words the network.
func medium(n *devices.Network) string {
	var rates []string
	for _, r := range n.Resources {
		rate := fmt.Sprintf("%.4g Mbit/s", float64(r.Capacity*8)/1e6)
		if r.Medium {
			return "on one shared channel of " + rate
		}
		if !slices.Contains(rates, rate) {
			rates = append(rates, rate)
		}
	}
	if len(rates) == 0 {
		return "without a network"
	}
	return "on links of " + strings.Join(rates, ", ")
}

// jitterOf returns the jitters of the network's paths, or nothing if there are none.
func jitterOf(n *devices.Network) string {
	var all []string
	for _, row := range n.Paths {
		for _, path := range row {
			if text := path.Jitter.String(); path.Jitter > 0 && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return strings.Join(all, ", ")
}

// inputs words what a request asks for.
func (s *Scenario) inputs() string {
	var kinds []string
	for _, g := range s.Models {
		kind := map[int]string{1: "uint8", 2: "16-bit", 4: "float32"}[g.Layers[0].ElemBytes]
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return fmt.Sprintf("%s inputs, %s a run in batches of %d", strings.Join(kinds, " and "), counted(s.Limit.Requests, "request"), max(1, s.Batch))
}

// counted writes a number with its noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
