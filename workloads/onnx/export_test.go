package onnx

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/internal/durable"
	"hidp/internal/durable/faulty"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// hollow exports a graph with weights that take no room on the disk.
func hollow(t testing.TB, g *workloads.Graph, path string) {
	var size int64
	require.NoError(t, export(durable.Disk{}, g, path, 1, func(f *weightFile, _ io.Writer) error {
		size = f.size
		return nil
	}))
	require.NoError(t, os.Truncate(dataOf(t, path), size))
}

// dataOf returns the one file with weights of an exported model.
func dataOf(t testing.TB, path string) string {
	found, err := filepath.Glob(path + ".????????.data")
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// requireSame demands that got is want but for what a file does not keep.
func requireSame(t require.TestingT, want, got *workloads.Graph) {
	require.Equal(t, len(want.Layers), len(got.Layers))
	for i := range want.Layers {
		w, l := want.Layers[i], got.Layers[i]
		w.Nodes, l.Nodes = nil, nil
		require.Equal(t, w, l, "layer %d", i)
	}
	require.Equal(t, want.Blocks(), got.Blocks())
	require.Equal(t, want.Params(), got.Params())
	require.Equal(t, want.MACs(), got.MACs())
	require.Equal(t, want.Fingerprint(), got.Fingerprint())
}

func TestZooSurvivesExportAndLoad(t *testing.T) {
	for _, name := range zoo.Names() {
		t.Run(name, func(t *testing.T) {
			g, err := zoo.Get(name)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), name+".onnx")
			hollow(t, g, path)
			got, m, err := Load(path, Options{})
			require.NoError(t, err)
			require.Equal(t, name, got.Name)
			require.Len(t, m.Tensors, len(got.Layers))
			requireSame(t, g, got)
		})
	}
}

// small is a network of a few thousand weights with every kind of layer that can be exported.
func small(t require.TestingT) *workloads.Graph {
	b := workloads.NewBuilder("small", workloads.Shape{C: 3, H: 20, W: 24})
	sq := workloads.Square
	x := b.Conv("stem", 0, workloads.Conv{Out: 8, Window: sq(3, 2, 1), Norm: true, Act: workloads.HardSwish})
	y := b.Conv("depthwise", x, workloads.Conv{Out: 8, Groups: 8, Window: sq(5, 1, 2), Bias: true, Act: workloads.ReLU6})
	y = b.Conv("wide", y, workloads.Conv{Out: 8, Groups: 2, Window: workloads.Rect(1, 7, 0, 3), Bias: true, Norm: true, Act: workloads.SiLU})
	s := b.GlobalPool("squeeze", y)
	s = b.Linear("fc1", s, 4, workloads.ReLU)
	s = b.Linear("fc2", s, 8, workloads.HardSigmoid)
	y = b.Mul("scale", y, s)
	y = b.Conv("branch", y, workloads.Conv{Out: 8, Window: sq(1, 1, 0), Norm: true})
	x = b.Sum("sum", workloads.LeakyReLU, x, y)
	p := b.Pool("pool", workloads.OpMaxPool, x, workloads.Window{KH: 3, KW: 3, SH: 2, SW: 2, DH: 1, DW: 1, PadBottom: 1, Ceil: true})
	const deconv = 5 * 6 * 8 * 4 * 2 * 2 // one per input element and weight of its channel
	d := b.Add(workloads.Layer{Name: "deconv", Op: workloads.OpConvTranspose, Inputs: []int{p}, Out: workloads.Shape{C: 4, H: 10, W: 12},
		Window: workloads.Square(2, 2, 0), Groups: 1, Bias: true, Act: workloads.Tanh, Class: workloads.ClassConvKxK,
		MACs: deconv, FLOPs: 2*deconv + 4*10*12, Params: 8*4*2*2 + 4})
	u := b.Add(workloads.Layer{Name: "up", Op: workloads.OpUpsample, Inputs: []int{p}, Scale: 2, Out: workloads.Shape{C: 8, H: 10, W: 12},
		Class: workloads.ClassElementwise, FLOPs: 8 * 10 * 12})
	y = b.Norm("norm", b.Concat("cat", x, u, d), workloads.ReLU)
	y = b.Pool("avg", workloads.OpAvgPool, y, workloads.Window{KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1, PadTop: 1, CountPad: true})
	y = b.Add(workloads.Layer{Name: "gelu", Op: workloads.OpElementwise, Inputs: []int{y}, Out: b.Shape(y), Act: workloads.GELU,
		Class: workloads.ClassElementwise, FLOPs: b.Shape(y).Elements()})
	y = b.Linear("head", y, 10, workloads.NoAct)
	b.Add(workloads.Layer{Name: "softmax", Op: workloads.OpSoftmax, Inputs: []int{y}, Out: b.Shape(y), Class: workloads.ClassElementwise, FLOPs: 10})
	g, err := b.Build()
	require.NoError(t, err)
	return g
}

func TestSmallNetworkSurvivesExportAndLoad(t *testing.T) {
	g := small(t)
	path := filepath.Join(t.TempDir(), "small.onnx")
	require.NoError(t, Export(g, path, 1))
	got, m, err := Load(path, Options{})
	require.NoError(t, err)
	requireSame(t, g, got)
	nodes := 0
	for i := range got.Layers {
		for _, id := range got.Layers[i].Nodes {
			require.NotNil(t, m.Node(id), id)
			nodes++
		}
	}
	constants := 0
	for i := range m.Nodes {
		if m.Nodes[i].OpType == "Constant" {
			constants++
		}
	}
	require.Equal(t, len(m.Nodes)-constants, nodes, "every node that computes belongs to a layer")
}

func TestRandomNetworksSurviveExportAndLoad(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		g := randomGraph(rt)
		path := filepath.Join(dir, "random.onnx")
		hollow(t, g, path)
		got, _, err := Load(path, Options{})
		require.NoError(rt, err)
		requireSame(rt, g, got)
	})
}

// randomGraph draws a chain of layers with residual sums and concatenations.
func randomGraph(rt *rapid.T) *workloads.Graph {
	in := func(lo, hi int, what string) int { return rapid.IntRange(lo, hi).Draw(rt, what) }
	b := workloads.NewBuilder("random", workloads.Shape{C: in(1, 4, "c"), H: in(8, 30, "h"), W: in(8, 30, "w")})
	x := 0
	for i := range in(1, 8, "layers") {
		name := fmt.Sprintf("layer%d", i)
		s := b.Shape(x)
		k := in(1, min(3, s.H, s.W), "k")
		w := workloads.Window{KH: k, KW: k, SH: in(1, 2, "s"), SW: in(1, 2, "s"), DH: 1, DW: 1, PadTop: in(0, k-1, "p"), PadLeft: in(0, k-1, "p"),
			PadBottom: in(0, k-1, "p"), PadRight: in(0, k-1, "p")}
		act := workloads.Activation(in(0, int(workloads.GELU), "act"))
		switch in(0, 5, "kind") {
		case 0, 1:
			x = b.Conv(name, x, workloads.Conv{Out: in(1, 6, "out"), Window: w, Bias: in(0, 1, "b") == 1, Norm: in(0, 1, "n") == 1, Act: act})
		case 2:
			w.Ceil = in(0, 1, "ceil") == 1
			x = b.Pool(name, workloads.OpMaxPool, x, w)
		case 3:
			same := b.Conv(name+"a", x, workloads.Conv{Out: s.C, Window: workloads.Square(3, 1, 1), Groups: s.C, Norm: true})
			x = b.Sum(name, act, x, same)
		case 4:
			y := b.Conv(name+"a", x, workloads.Conv{Out: 2, Window: workloads.Square(1, 1, 0), Act: act})
			x = b.Concat(name, x, y)
		default:
			if l := b.Layer(x); l.Op == workloads.OpConv && !l.Norm && l.Act == workloads.NoAct {
				l.Act = workloads.Tanh // or the normalisation would rightly become part of the convolution
			}
			x = b.Norm(name, x, act)
		}
	}
	b.Linear("head", b.GlobalPool("pool", x), 5, workloads.NoAct)
	g, err := b.Build()
	if err != nil {
		rt.Skip(err.Error())
	}
	return g
}

func TestExportIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	g := small(t)
	sum := func(name string, seed uint64) [32]byte {
		path := filepath.Join(dir, name)
		require.NoError(t, Export(g, path, seed))
		b, err := os.ReadFile(dataOf(t, path))
		require.NoError(t, err)
		return sha256.Sum256(b)
	}
	a := sum("a.onnx", 1)
	require.Equal(t, a, sum("a.onnx", 1))
	require.NotEqual(t, a, sum("a.onnx", 2))
	require.Equal(t, "9189", fmt.Sprintf("%x", a[:2]), "the weights of a seed must never change: recorded runs depend on them")
}

func TestExportedWeights(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.onnx")
	require.NoError(t, Export(small(t), path, 7))
	_, m, err := Load(path, Options{})
	require.NoError(t, err)
	data, err := os.ReadFile(dataOf(t, path))
	require.NoError(t, err)
	end := int64(0)
	for i := range m.Weights {
		w := &m.Weights[i]
		require.Equal(t, end, w.External.Offset, "weights lie side by side")
		end += w.External.Length
		var sum, square float64
		for k := range w.Elements() {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(data[w.External.Offset+4*k:])))
			require.False(t, math.IsNaN(v) || math.IsInf(v, 0))
			if filepath.Ext(w.Name) == ".running_var" {
				require.Greater(t, v, 0.5)
			}
			sum, square = sum+v, square+v*v
		}
		if w.Name == "fc1.weight" { // He: variance 2/fan-in
			require.InDelta(t, 2.0/8, square/float64(w.Elements()), 0.1)
		}
	}
	require.EqualValues(t, len(data), end)
}

// Whatever fails, and whenever the machine stops, the old model or the new one is there with its own weights.
func TestExportIsTheOldModelOrTheNewOne(t *testing.T) {
	state := func(t *testing.T, path string) string {
		_, m, err := Load(path, Options{})
		require.NoError(t, err)
		model, err := os.ReadFile(path)
		require.NoError(t, err)
		data, err := os.ReadFile(filepath.Join(filepath.Dir(path), m.Weights[0].Location))
		require.NoError(t, err)
		return string(model) + string(data)
	}
	g, want := small(t), map[uint64]string{}
	for _, seed := range []uint64{1, 2} {
		path := filepath.Join(t.TempDir(), "m.onnx")
		require.NoError(t, Export(g, path, seed))
		want[seed] = state(t, path)
	}
	faulty.Trial{
		Before: func(t *testing.T, root string) { require.NoError(t, Export(g, filepath.Join(root, "m.onnx"), 1)) },
		Do: func(files durable.Files, root string) error {
			return export(files, g, filepath.Join(root, "m.onnx"), 2, func(f *weightFile, out io.Writer) error { return f.write(t.Context(), out) })
		},
		After: func(t *testing.T, root string, _ faulty.Fault, told error) {
			path := filepath.Join(root, "m.onnx")
			got := state(t, path)
			require.True(t, got == want[2] || told != nil && got == want[1])
			require.NoError(t, Export(g, path, 2))
			require.Equal(t, want[2], state(t, path))
			dataOf(t, path)
		},
	}.Run(t)
}

func TestExportLeavesNothingBehindOnErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	full := func(*weightFile, io.Writer) error { return syscall.ENOSPC }
	require.ErrorIs(t, export(durable.Disk{}, small(t), path, 1, full), syscall.ENOSPC)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, ExportContext(stopped, small(t), path, 1), context.Canceled)
	require.NoError(t, os.Mkdir(path, 0o755)) // the model cannot be renamed to a folder
	require.Error(t, Export(small(t), path, 1))
	require.ErrorContains(t, Export(small(t), filepath.Join(dir, "none", "m.onnx"), 1), "there is no folder "+filepath.Join(dir, "none"))

	b := workloads.NewBuilder("opaque", workloads.Shape{C: 1, H: 4, W: 4})
	b.Add(workloads.Layer{Name: "mystery", Op: workloads.OpOpaque, Inputs: []int{0}, Out: workloads.Shape{C: 2, H: 2, W: 2}})
	g, err := b.Build()
	require.NoError(t, err)
	require.ErrorContains(t, Export(g, filepath.Join(dir, "o.onnx"), 1), "layer 1 (mystery): opaque layers do not say what they compute")

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the folder that was in the way")
}

func BenchmarkExportWeights(b *testing.B) {
	g, err := zoo.Get("resnet18")
	require.NoError(b, err)
	b.SetBytes(g.WeightBytes())
	path := filepath.Join(b.TempDir(), "m.onnx")
	for b.Loop() {
		require.NoError(b, Export(g, path, 1))
	}
}

func BenchmarkLoad(b *testing.B) {
	g, err := zoo.Get("resnet152")
	require.NoError(b, err)
	path := filepath.Join(b.TempDir(), "m.onnx")
	hollow(b, g, path)
	for b.Loop() {
		_, _, err := Load(path, Options{})
		require.NoError(b, err)
	}
}
