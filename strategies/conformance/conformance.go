package conformance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Cases is how many random requests Run puts to a strategy's defaults; every other setting gets a fifth of them.
const Cases = 250

// Run puts the strategy that e describes to the suite: its documentation and option faults, and the laws of laws.go over random
// networks, platforms, batches and backlogs, with default options and with every documented word in place of its default.
func Run(t *testing.T, e strategies.Entry) {
	t.Helper()
	t.Run("described", func(t *testing.T) { described(t, e) })
	t.Run("options", func(t *testing.T) { optionFaults(t, e) })
	for _, v := range variants(e) {
		t.Run(v.String(), func(t *testing.T) {
			cases, planned := uint64(Cases), 0
			if len(v.options) > 0 {
				cases /= 5
			}
			for seed := range cases {
				if v.check(t, seed) {
					planned++
				}
			}
			require.Greater(t, planned, int(cases/2), "most random cases must have a plan, or the suite shows nothing")
		})
	}
}

// variant is a strategy with some options.
type variant struct {
	entry   strategies.Entry
	options strategies.Options
}

// String prints the options.
func (v variant) String() string {
	if len(v.options) == 0 {
		return "defaults"
	}
	text := ""
	for name, word := range v.options {
		text += name + "=" + word
	}
	return text
}

// variants returns the defaults and every other word of every option, one at a time.
func variants(e strategies.Entry) []variant {
	out := []variant{{e, strategies.Options{}}}
	for _, o := range e.Options {
		for _, word := range o.Values {
			if word != o.Default {
				out = append(out, variant{e, strategies.Options{o.Name: word}})
			}
		}
	}
	return out
}

func (v variant) make(t *testing.T) plan.Planner {
	s, err := v.entry.New(v.options)
	require.NoError(t, err, "%s with %v", v.entry.Name, v)
	return s
}

func described(t *testing.T, e strategies.Entry) {
	require.NotEmpty(t, e.Name)
	for what, text := range map[string]string{"summary": e.Summary, "source": e.Source, "blind spots": e.Blind} {
		require.NotEmpty(t, text, "%s of %s", what, e.Name)
		require.NotContains(t, text, "\n")
	}
	for _, o := range e.Options {
		require.NotEmpty(t, o.Doc, "option %s", o.Name)
		if o.Values != nil {
			require.Contains(t, o.Values, o.Default, "option %s", o.Name)
		}
	}
}

func optionFaults(t *testing.T, e strategies.Entry) {
	wrong := strategies.Options{"no-such-knob": "1"}
	for _, o := range e.Options {
		wrong[o.Name] = "no such value"
	}
	_, err := e.New(wrong)
	var faults *strategies.OptionError
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults.Faults, len(wrong), "every fault, each once: %v", err)
	for name := range wrong {
		require.Contains(t, err.Error(), name)
	}
	require.Contains(t, err.Error(), e.Name)
}

// situation is a random question to a strategy.
type situation struct {
	request plan.Problem
	belief  *plan.Belief
}

// newSituation makes the same question from the same seed, out of fresh objects. Every fourth belief knows of a backlog.
func newSituation(seed uint64) situation {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	b := plan.NewBelief(RandomPlatform(rng))
	r := plan.Problem{Graph: RandomGraph(rng), Batch: 1 + rng.IntN(4), Leader: rng.IntN(len(b.Platform.Nodes))}
	if seed%4 == 0 {
		for j := range b.Platform.Nodes {
			b.Backlog = append(b.Backlog, nil)
			for range b.Platform.Nodes[j].Clusters {
				b.Backlog[j] = append(b.Backlog[j], time.Duration(rng.IntN(20))*time.Millisecond)
			}
		}
	}
	return situation{r, b}
}

// String names what is needed to find the situation again.
func (s situation) String() string {
	return fmt.Sprintf("%s on %s, leader %d of %d, batch %d", s.request.Graph.Name, s.belief.Platform.Name, s.request.Leader,
		len(s.belief.Platform.Nodes), s.request.Batch)
}

// whole returns the plan that runs everything on cluster k of node j; nil if the leader cannot reach it.
func (s situation) whole(j, k int) *plan.Plan {
	out := s.request.Graph.Output()
	b := plan.NewBuilder("whole", s.request, s.belief)
	b.Compute(j, k, workloads.Slice{From: 1, To: out + 1, Out: s.request.Graph.Full(out, s.request.Batch)})
	p, err := b.Finish()
	if err != nil {
		return nil
	}
	return p
}
