package submodel

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/internal/budget"
	"hidp/internal/parts"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/zoo"
)

// method is a strategy with some options.
type method struct {
	plan.Planner
	name string
}

// pairMethods returns every strategy of the catalog with its defaults, and with a large budget with every other word of every option.
func pairMethods(t *testing.T) []method {
	var list []method
	add := func(e strategies.Entry, o strategies.Options) {
		s, err := e.New(o)
		require.NoError(t, err)
		list = append(list, method{s, fmt.Sprint(e.Name, o)})
	}
	for _, e := range catalog.Entries() {
		add(e, strategies.Options{})
		if e.Name == "modnn" { // strips of many layers
			add(e, strategies.Options{"sync": "once", "weights": "equal"})
		}
		for _, o := range e.Options {
			for _, word := range o.Values {
				if budget.Factor() > 1 && word != o.Default {
					add(e, strategies.Options{o.Name: word})
				}
			}
		}
	}
	return list
}

// subject is a network to be partitioned, and an engine that has its operators.
type subject struct {
	name   string
	src    *Source
	engine inference.Engine
	batch  int
}

// pairs counts what the property was tried on.
type pairs struct {
	*testing.T
	methods                       []method
	tried, exact, split, computed int
}

// Whatever a strategy plans and Validate calls exact is cut and computed, with the answer of the network unsplit: networks of the zoo on
// small images, random ones, users' files, each with every strategy.
func TestExactPlansGiveTheUnsplitAnswer(t *testing.T) {
	// One pair disagrees: ch_PP-OCRv4_det at 1x3x64x64 under hidp, by 0.2 of the largest answer, behind a sigmoid. Whether the cut or
	// the yardstick is wrong is not known yet. With the large budget the test goes on failing until that is settled.
	parts.Asked(t, budget.Factor() > 1, "scripts/test-long.sh sets "+budget.Env)
	p := &pairs{T: t, methods: pairMethods(t)}
	least := 200
	if budget.Factor() > 1 {
		least = 2000
	}
	dir := t.TempDir()
	for seed := range uint64(10 * budget.Factor()) {
		rng := rand.New(rand.NewPCG(seed, 11))
		p.try(subject{fmt.Sprintf("random%d", seed), randomSource(t, dir, rng), inference.Reference{}, 1 + rng.IntN(2)}, rng)
	}
	for i, name := range zoo.Names() {
		if budget.Factor() > 1 || i%3 == 2 {
			g, err := zoo.Get(name)
			require.NoError(t, err)
			p.try(subject{name, exported(t, shrunk(t, g)), inference.Reference{}, 1}, rand.New(rand.NewPCG(uint64(i), 12)))
		}
	}
	p.files()
	t.Logf("%d pairs of a network and a strategy tried, %d with an exact plan, %d of them split, %d different plans computed", p.tried, p.exact, p.split, p.computed)
	require.GreaterOrEqual(t, p.exact, least)
	require.GreaterOrEqual(t, p.split, p.exact/5, "most plans keep the network whole: the property shows little")
}

// files tries the files of users, here with ONNX Runtime, which has all their operators.
func (p *pairs) files() {
	if _, err := inference.FindLibrary("", root); err != nil {
		p.Log(err)
		return
	}
	engine := ort(p.T)
	cases, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	require.NoError(p, err)
	open := map[string]onnx.Options{}
	for _, path := range cases {
		open[path] = onnx.Options{}
	}
	delete(open, filepath.Join("testdata", "batch8.onnx")) // which is refused
	open[filepath.Join("testdata", "siamese.onnx")] = onnx.Options{Inputs: map[string][]int{"x": {1, 3, 12, 12}}}
	fetchedModels := filepath.Join(root, ".cache", "test-models")
	for name, dims := range map[string][]int{"wake/hello_deepa": nil, "ocr/ch_ppocr_mobile_v2.0_cls_infer": {1, 3, 48, 96}, "ocr/ch_PP-OCRv4_det_infer": {1, 3, 64, 64}} {
		path := filepath.Join(fetchedModels, name+".onnx")
		if _, err := os.Stat(path); err != nil {
			p.Logf("%s is not there: run scripts/fetch-test-models.sh", path)
			continue
		}
		if open[path] = (onnx.Options{}); dims != nil {
			open[path] = onnx.Options{Inputs: map[string][]int{"x": dims}}
		}
	}
	for i, path := range slices.Sorted(maps.Keys(open)) {
		src, err := Open(path, open[path])
		require.NoError(p, err)
		p.try(subject{filepath.Base(path), src, engine, 1 + i%2}, rand.New(rand.NewPCG(uint64(i), 13)))
	}
}

// try plans a subject with every method on two platforms, and computes what is exact. It closes the source.
func (p *pairs) try(s subject, rng *rand.Rand) {
	defer s.src.Close()
	r := &Runner{Source: s.src, Engine: s.engine, Keep: true}
	defer r.Close()
	g := s.src.Graph
	in := inputOf(g, s.batch)
	want, err := r.Unsplit(in)
	require.NoError(p, err, s.name)
	limit := max(tolerance, 4*sensitivityIn(p, s, in))
	known := map[string]bool{} // plans that were computed
	platforms := []*devices.Platform{conformance.Boards(1e9, 1, 1.5, 1), conformance.RandomPlatform(rng)}
	for _, m := range p.methods {
		p.tried++
		exact, split := false, false
		for _, plat := range platforms {
			made, err := m.Plan(plan.Problem{Graph: g, Batch: s.batch, Leader: plat.Leader}, plan.NewBelief(plat))
			if infeasible := (*plan.InfeasibleError)(nil); errors.As(err, &infeasible) {
				continue
			}
			require.NoError(p, err, "%s, %s", s.name, m.name)
			require.NoError(p, plan.Validate(made, g, plat), "%s, %s", s.name, m.name)
			if !made.Exact() {
				continue
			}
			exact, split = true, split || len(made.Ops) > 1
			if key := fmt.Sprint(made.Leader, made.Ops); !known[key] {
				known[key] = true
				p.computed++
				got, err := r.ExecutePlan(made, in)
				require.NoError(p, err, "%s, %s", s.name, m.name)
				require.LessOrEqual(p, difference(p, want, got), limit, "%s, %s", s.name, m.name)
			}
		}
		if exact {
			p.exact++
		}
		if split {
			p.split++
		}
	}
}

// sensitivityIn is sensitivity of a subject in its own engine.
func sensitivityIn(t require.TestingT, s subject, in inference.Tensor) float64 {
	if _, reference := s.engine.(inference.Reference); reference {
		return sensitivity(t, s.src, in)
	}
	return 0
}

// shrunk returns a network of the zoo for images of 64 (Inception: 96) rows and columns with an eighth of its channels: as many layers
// of the same kinds, little to compute.
func shrunk(t *testing.T, g *workloads.Graph) *workloads.Graph {
	side := 64
	if g.Layers[0].Out.H > 224 {
		side = 96
	}
	b := workloads.NewBuilder(g.Name, workloads.Shape{C: 3, H: side, W: side})
	for _, l := range g.Layers[1:] {
		in := l.Inputs[0]
		switch l.Op {
		case workloads.OpConv:
			c := workloads.Conv{Out: (l.Out.C + 7) / 8, Window: l.Window, Groups: 1, Bias: l.Bias, Norm: l.Norm, Act: l.Act}
			if l.Groups > 1 { // depthwise
				c.Groups = b.Shape(in).C
				c.Out = c.Groups
			}
			b.Conv(l.Name, in, c)
		case workloads.OpLinear:
			b.Linear(l.Name, in, (l.Out.C+7)/8, l.Act)
		case workloads.OpMaxPool, workloads.OpAvgPool:
			b.Pool(l.Name, l.Op, in, l.Window)
		case workloads.OpGlobalPool:
			b.GlobalPool(l.Name, in)
		case workloads.OpAdd:
			b.Sum(l.Name, l.Act, l.Inputs...)
		case workloads.OpMul:
			b.Mul(l.Name, in, l.Inputs[1])
		case workloads.OpConcat:
			b.Concat(l.Name, l.Inputs...)
		default:
			require.Equal(t, workloads.OpElementwise, l.Op, "%s of %s", l.Name, g.Name)
			b.Norm(l.Name, in, l.Act)
		}
	}
	small, err := b.Build()
	require.NoError(t, err)
	return small
}
