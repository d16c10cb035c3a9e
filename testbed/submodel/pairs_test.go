package submodel

import (
	"errors"
	"fmt"
	"maps"
	"math"
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

// pairMethods returns every strategy of the catalog with its defaults, and apart from those with values of its options:
// every other word of each, numbers that change what is cut, and pairs that belong together.
func pairMethods(t *testing.T) (defaults, others []method) {
	more := map[string][]strategies.Options{
		"hidp":        {{"segment": "1"}, {"segment": "3"}, {"data": "rows", "segment": "2"}},
		"hidp-global": {{"segment": "2"}, {"data": "rows", "segment": "1000"}},
		"hidp-local":  {{"segment": "2"}},
		"modnn": {{"sync": "once", "weights": "equal"}, {"sync": "layer", "route": "p2p"}, {"sync": "once", "route": "p2p"},
			{"fc": "0"}, {"fc": "0", "weights": "equal"}},
		"disnet":    {{"V": "1"}, {"V": "12"}, {"eps": "1"}, {"maxPar": "1"}, {"sync": "halo", "V": "2", "eps": "1"}},
		"omniboost": {{"budget": "20"}, {"scope": "clusters", "links": "ignored"}, {"noise": "1"}},
	}
	made := func(e strategies.Entry, o strategies.Options) method {
		s, err := e.New(o)
		require.NoError(t, err)
		return method{s, fmt.Sprintf("%s %v", e.Name, map[string]string(o))}
	}
	for _, e := range catalog.Entries() {
		defaults = append(defaults, made(e, strategies.Options{}))
		for _, o := range e.Options {
			for _, word := range o.Values {
				if word != o.Default {
					others = append(others, made(e, strategies.Options{o.Name: word}))
				}
			}
		}
		for _, o := range more[e.Name] {
			others = append(others, made(e, o))
		}
		delete(more, e.Name)
	}
	require.Empty(t, more, "strategies that the catalog does not have")
	return defaults, others
}

// pairPlatforms returns equal and unequal boards with one cluster each, boards of the paper with GPUs and several
// clusters, and a random platform.
func pairPlatforms(t *testing.T, rng *rand.Rand) []*devices.Platform {
	paper, err := devices.Open("paper-wlan")
	require.NoError(t, err)
	return []*devices.Platform{conformance.Boards(1e9, 1, 1.5, 1), conformance.RandomPlatform(rng), paper,
		conformance.Boards(1e10, 1, 1, 1, 1, 1)}
}

// subject is a network to be partitioned, and an engine that has its operators.
type subject struct {
	name   string
	src    *Source
	engine inference.Engine
	batch  int
}

// pairs counts what the property was tried on. A pair is a network and a strategy with options; it is exact if a plan
// for any platform is, split if such a plan has several slices, and cut in strips if such a plan computes rows or
// samples of a layer apart.
type pairs struct {
	*testing.T
	defaults, others                   []method
	networks                           int
	tried, exact, split, strips, plans int
	nearest                            float64 // the largest difference, as a part of what was allowed
	inexact, found                     int     // plans that ignore halos, and those of them whose answer is another one
}

// Whatever a strategy plans and Validate calls exact is cut and computed, with the answer of the network unsplit:
// networks of the zoo on small images, random ones, users' files, each with every strategy. Options of strategies take
// turns, unless the budget is large.
func TestExactPlansGiveTheUnsplitAnswer(t *testing.T) {
	p := &pairs{T: t}
	p.defaults, p.others = pairMethods(t)
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
	t.Logf("%d networks, %d pairs of one and a strategy: %d with an exact plan, %d of them split, %d cut in strips; "+
		"%d plans computed, the worst %.2g of what is allowed; of %d plans that ignore halos %d are found out",
		p.networks, p.tried, p.exact, p.split, p.strips, p.plans, p.nearest, p.inexact, p.found)
	require.GreaterOrEqual(t, p.exact, least)
	require.GreaterOrEqual(t, p.split, least/2, "most plans keep the network whole: the property shows little")
	require.GreaterOrEqual(t, p.strips, least/4, "most plans keep layers whole: the property shows little")
	require.Greater(t, p.found, p.inexact/2, "wrong answers are not found out")
}

// files tries the files of users, here with ONNX Runtime, which has all their operators.
func (p *pairs) files() {
	if _, err := inference.FindLibrary("", root); !parts.Have(p, parts.ONNXRuntime, err) {
		p.Log(err)
		return
	}
	engine := ort(p.T)
	cases, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	require.NoError(p, err)
	more, err := filepath.Glob(filepath.Join(root, "workloads", "onnx", "testdata", "runs", "*.onnx"))
	require.NoError(p, err)
	require.NotEmpty(p, cases)
	require.NotEmpty(p, more)
	open := map[string]onnx.Options{}
	for _, path := range append(cases, more...) {
		open[path] = onnx.Options{}
	}
	delete(open, filepath.Join("testdata", "batch8.onnx"))                                  // which is refused
	delete(open, filepath.Join(root, "workloads", "onnx", "testdata", "runs", "int4.onnx")) // whose weights are zero
	open[filepath.Join("testdata", "siamese.onnx")] = onnx.Options{Inputs: map[string][]int{"x": {1, 3, 12, 12}}}
	fetchedModels := filepath.Join(root, ".cache", "test-models")
	for name, dims := range map[string][]int{"wake/hello_deepa": nil, "ocr/ch_ppocr_mobile_v2.0_cls_infer": {1, 3, 48, 96},
		"ocr/ch_PP-OCRv4_det_infer": {1, 3, 64, 64}} {
		path := filepath.Join(fetchedModels, name+".onnx")
		if _, err := os.Stat(path); !parts.Have(p, parts.Models, err) {
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

// try plans a subject with strategies on platforms, and computes what is exact. It closes the source.
func (p *pairs) try(s subject, rng *rand.Rand) {
	defer s.src.Close()
	r := &Runner{Source: s.src, Engine: s.engine, Keep: true}
	defer r.Close()
	g := s.src.Graph
	in, want := p.telling(r, s)
	limit := max(tolerance, 4*sensitivity(p, r, in))
	if t := s.src.Tolerance(); t.Relative > float32Tolerance { // of coarser arithmetic
		limit = max(limit, t.Relative)
	}
	known := map[string]bool{} // plans that were computed
	platforms := pairPlatforms(p.T, rng)
	const turns = 4
	p.networks++
	methods := slices.Clone(p.defaults)
	for i, m := range p.others {
		if budget.Factor() > 1 || i%turns == p.networks%turns {
			methods = append(methods, m)
		}
	}
	if budget.Factor() == 1 {
		platforms = slices.Delete(platforms, 2+p.networks%2, 3+p.networks%2)
	}
	for _, m := range methods {
		p.tried++
		exact, split, strips := false, false, false
		for _, plat := range platforms {
			said := fmt.Sprintf("%s, %s, %s", s.name, m.name, plat.Name)
			made, err := m.Plan(plan.Problem{Graph: g, Batch: s.batch, Leader: plat.Leader}, plan.NewBelief(plat))
			if infeasible := (*plan.InfeasibleError)(nil); errors.As(err, &infeasible) {
				continue
			}
			require.NoError(p, err, said)
			require.NoError(p, plan.Validate(made, g, plat), said)
			if made.Exact() {
				slices, apart := slicesOf(made, g)
				exact, split, strips = true, split || slices > 1, strips || apart
			}
			if key := fmt.Sprint(made.Leader, made.Ops); !known[key] {
				known[key] = true
				got, err := r.ExecutePlan(made, in)
				require.NoError(p, err, said)
				a, err := s.src.Compare(want, got)
				require.NoError(p, err, said)
				if !made.Exact() {
					p.inexact++
					p.found += count(a.Relative() > limit)
					continue
				}
				p.plans++
				require.LessOrEqual(p, a.Relative(), limit, said)
				p.nearest = max(p.nearest, a.Relative()/limit)
			}
		}
		p.exact += count(exact)
		p.split += count(split)
		p.strips += count(strips)
	}
}

// slicesOf returns how many slices a plan computes, and whether any of them is of a part of its last layer.
func slicesOf(p *plan.Plan, g *workloads.Graph) (n int, apart bool) {
	for i := range p.Ops {
		if s := p.Ops[i].Slice; p.Ops[i].Kind == plan.Compute {
			n++
			apart = apart || s.Out != g.Full(s.To-1, p.Batch)
		}
	}
	return n, apart
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// telling returns an input and the answer to it, by which a wrong cut would be found out. A detector that ends in a
// sigmoid answers noise with numbers of a few 2^-24, which is the precision of the function itself: nothing could be
// seen of the cut. It is shown a picture.
func (p *pairs) telling(r *Runner, s subject) (in, want inference.Tensor) {
	for _, in := range []inference.Tensor{inputOf(s.src.Graph, s.batch), picture(s.src.Graph, s.batch)} {
		want, err := r.Unsplit(in)
		require.NoError(p, err, s.name)
		own := 0.0
		for _, x := range want.Data {
			if finite(x) {
				own = max(own, math.Abs(float64(x)))
			}
		}
		a, err := s.src.Compare(want, want)
		require.NoError(p, err, s.name)
		if own >= a.Scale/10 && own > 0 {
			return in, want
		}
	}
	require.Fail(p, "no input has an answer that says anything", s.name)
	return in, want
}

// picture returns a batch of inputs that are bright but for dark bars in the middle, like a line of print.
func picture(g *workloads.Graph, batch int) inference.Tensor {
	in := inputOf(g, batch)
	rows, columns := in.Shape[2], in.Shape[3]
	for i := range in.Data {
		row, column := i/columns%rows, i%columns
		in.Data[i] = 1
		if 3*row > rows && 3*row < 2*rows && 8*column > columns && 8*column < 7*columns && column/4%2 == 0 {
			in.Data[i] = -1
		}
	}
	return in
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
