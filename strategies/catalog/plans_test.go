package catalog

import (
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
	"hidp/workloads/zoo"
)

var (
	update   = flag.Bool("update", false, "write the digests of plans that tests compare with")
	allPlans = flag.Bool("all-plans", false, "digest the plans for every stored platform and option, not for a few: minutes")
)

const fewPlans, everyPlan = "testdata/plans.txt", "testdata/plans-all.txt"

// The plans of all strategies for all networks of the zoo are what they were. The simulator's digests do not guard the geometry
// that planners use: a wrong halo in it changes plans, yet the simulator runs any valid plan.
func TestPlansAreWhatTheyWere(t *testing.T) {
	file, platforms, batches := fewPlans, []string{"emulated-wlan", "paper-gbe-3", "rk3588-pair"}, []int{1}
	if *allPlans {
		file, platforms, batches = everyPlan, devices.PlatformNames(), []int{1, 3}
	}
	var out strings.Builder
	for _, name := range platforms {
		plat, err := devices.Open(name)
		require.NoError(t, err)
		for _, model := range zoo.Names() {
			g, err := zoo.Get(model)
			require.NoError(t, err)
			for _, batch := range batches {
				fmt.Fprintf(&out, "%s %s %d:", name, model, batch)
				digestPlans(t, &out, plat, g, batch)
				out.WriteByte('\n')
			}
		}
	}
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(out.String(), "\n"))
}

// digestPlans appends a digest of the plan of every strategy, in the order of the catalog, with its default options and with each
// other value of each option that is a word.
func digestPlans(t *testing.T, out *strings.Builder, plat *devices.Platform, g *workloads.Graph, batch int) {
	belief := plan.NewBelief(plat)
	for _, e := range Entries() {
		for _, options := range wordOptions(e) {
			s, err := e.New(options)
			require.NoError(t, err)
			h := fnv.New32a()
			p, err := s.Plan(plan.Problem{Graph: g, Batch: batch, Leader: plat.Leader}, belief)
			if err != nil {
				fmt.Fprintln(h, err)
			} else {
				writePlan(h, p, g)
				x := plan.Forecast(p, g, belief)
				fmt.Fprintln(h, x.Latency, x.Energy)
			}
			fmt.Fprintf(out, " %08x", h.Sum32())
		}
	}
}

func wordOptions(e strategies.Entry) []strategies.Options {
	all := []strategies.Options{nil}
	for _, o := range e.Options {
		for _, v := range o.Values {
			if v != o.Default && (*allPlans || v == "ignore") {
				all = append(all, strategies.Options{o.Name: v})
			}
		}
	}
	return all
}

// writePlan writes what a plan says, in a form that does not depend on the plan file's.
func writePlan(w io.Writer, p *plan.Plan, g *workloads.Graph) {
	for i := range p.Ops {
		op := &p.Ops[i]
		part := op.Part
		if op.Kind == plan.Compute {
			part = op.Slice.Last()
		}
		fmt.Fprintln(w, op.Kind, op.Node, op.Cluster, op.To, op.Slice.From, part.Layer, g.Along(part, tensor.Sample),
			g.Along(part, tensor.Row), g.Along(part, tensor.Channel), op.Slice.Halo, op.After)
	}
}
