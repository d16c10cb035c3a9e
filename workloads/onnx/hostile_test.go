package onnx

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"hidp/workloads"
)

// readBytes imports a file that is only in memory.
func readBytes(b []byte) error {
	_, _, err := read(bytes.NewReader(b), int64(len(b)), "m.onnx", Options{})
	return err
}

// relu is the smallest network there is.
func relu() *sketch { return newSketch(1, 3, 4, 4).op("Relu", "x -> y").outputs("y") }

func TestHostileGraphs(t *testing.T) {
	conv := func(dims ...int64) *sketch {
		s := newSketch(1, 3, 8, 8).op("Conv", "x w -> y").outputs("y")
		s.Weights = append(s.Weights, Tensor{Name: "w", Type: Float, Dims: dims})
		return s
	}
	for want, s := range map[string]*sketch{
		`the graph has a cycle through node "na" (Relu), node "ny" (Add)`: newSketch(1, 4).op("Relu", "y -> a").op("Add", "x a -> y").outputs("y"),
		`node "ny" (Add) reads tensor "nowhere", which is missing`:        newSketch(1, 4).op("Add", "x nowhere -> y").outputs("y"),
		`output "z" is missing`: newSketch(1, 4).op("Relu", "x -> y").outputs("z"),
		`node "ny" (Exp): its output "y" is produced elsewhere too`:  newSketch(1, 4).op("Relu", "x -> z y").op("Exp", "x -> y").outputs("y"),
		`node "ny" (Add): has 1 inputs, needs 2`:                     newSketch(1, 4).op("Add", "x -> y").outputs("y"),
		`node "ny" (Conv): lacks one of its 2 inputs`:                newSketch(1, 4).op("Conv", "x _ -> y").outputs("y"),
		"more than the 68719476736 elements supported":               conv(1<<40, 3, 3, 3),
		"dimensions [4294967296 4294967296 4294967296 4294967296]":   conv(1<<32, 1<<32, 1<<32, 1<<32),
		"impossible dimensions [-4 3 3 3]":                           conv(-4, 3, 3, 3),
		"its dimensions [4 3 3 3] are 432 bytes, but its data has 0": conv(4, 3, 3, 3),
		`nothing is computed from the input`:                         newSketch(1, 4).weight("w", 4).op("Relu", "w -> y").op("Relu", "x -> z").outputs("y"),
		"the network has no input":                                   {Model{Opset: 13, Outputs: []Port{{Name: "y"}}, Nodes: []Node{{OpType: "Constant", Outputs: []string{"y"}}}}},
		"its kernel is larger than its input": newSketch(1, 3, 4, 4).op("MaxPool", "x -> y", ints("kernel_shape", 9, 9)).
			outputs("y"),
		"an impossible kernel, stride or dilation of 0": newSketch(1, 3, 4, 4).op("MaxPool", "x -> y", ints("kernel_shape", 2, 2), ints("strides", 0, 1)).
			outputs("y"),
		"impossible padding": newSketch(1, 3, 4, 4).op("MaxPool", "x -> y", ints("kernel_shape", 2, 2), ints("pads", -1, 0, 0, math.MaxInt64)).
			outputs("y"),
		"reshapes [1 3 4 4] to [1 7]": newSketch(1, 3, 4, 4).ints("s", 1, 7).op("Reshape", "x s -> y").outputs("y"),
		"reshapes to [1099511627776 1099511627776 2], more than": newSketch(1, 3, 4, 4).ints("s", 1<<60, 1<<60, 2).op("Reshape", "x s -> y").
			outputs("y"),
		"repeats [1073741825 1 1 1] times": newSketch(1, 3, 4, 4).ints("r", 1<<30+1, 1, 1, 1).op("Tile", "x r -> y").outputs("y"),
		"values are not known before":      newSketch(1, 3, 4, 4).op("Reshape", "x x -> y").outputs("y"),
		"counts more operations":           newSketch(1, 1<<18, 1<<18).op("MatMul", "x x -> y").outputs("y"),
		`its axis 9 is not among the 4`:    newSketch(1, 3, 4, 4).op("Concat", "x x -> y", Attr{Name: "axis", I: 9}).outputs("y"),
		"needs 2": newSketch(1, 3, 4, 4).op("MaxPool", "x -> y", ints("kernel_shape", 2, 2), ints("strides", 1, 1, 1)).
			outputs("y"),
		"element type 99": func() *sketch { s := relu(); s.Inputs[0].Type = 99; return s }(),
		"does not say which version of the ONNX operators": func() *sketch { s := relu(); s.Opset = -1; return s }(),
	} {
		t.Run(want, func(t *testing.T) {
			_, _, err := s.load(t, Options{})
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "sketch.onnx: ")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	s := newSketch(1, 3, 8, 8).weight("w", 4, 3, 3, 3).op("Conv", "x w -> c").op("Relu", "c -> y").outputs("y")
	whole := s.bytes()
	require.NoError(t, readBytes(whole))
	for n := range len(whole) - 4 { // the last bytes say the operator set
		require.Error(t, readBytes(whole[:n]), "%d of %d bytes", n, len(whole))
	}
	require.ErrorContains(t, readBytes(whole[:200]), "truncated")
	require.ErrorContains(t, readBytes([]byte("<!DOCTYPE html><html>not a model</html>")), "no ONNX file")
	require.Error(t, readBytes(nil))
}

func TestStatedLengthsAreNotBelieved(t *testing.T) {
	huge := protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.BytesType), math.MaxInt64) // a graph of 2^63-1 bytes
	require.ErrorContains(t, readBytes(huge), "truncated")
	raw := protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.BytesType), 1<<40) // a tensor's data
	require.ErrorContains(t, readBytes(messageField(nil, 7, messageField(nil, 5, raw))), "truncated")
	inner := protowire.AppendVarint(protowire.AppendTag(nil, 5, protowire.BytesType), 100) // longer than the message around it
	require.ErrorContains(t, readBytes(append(messageField(nil, 7, inner), make([]byte, 200)...)), "damaged")
}

// TestDeepNestingIsSkipped would overflow the stack of a decoder that recurses into the graphs of If and Loop.
func TestDeepNestingIsSkipped(t *testing.T) {
	var graph []byte
	for range 3000 {
		attr := messageField(textField(nil, 1, "body"), 6, graph)
		graph = messageField(nil, 1, messageField(textField(nil, 4, "Loop"), 5, attr))
	}
	s := relu()
	file := s.bytes()
	deep := messageField(nil, 7, graph)
	_, err := decode(bytes.NewReader(deep), int64(len(deep)))
	require.NoError(t, err)
	require.NoError(t, readBytes(file))
}

// TestBombsTakeLittleMemory feeds networks whose constants, or lists of names, would be huge if computed eagerly.
func TestBombsTakeLittleMemory(t *testing.T) {
	constants := newSketch(1, 4).ints("n", 1<<11).op("ConstantOfShape", "n -> c0")
	for i := range 4000 {
		constants.op("Add", "c"+itoa(i)+" c"+itoa(i)+" -> c"+itoa(i+1))
	}
	constants.op("Reshape", "x c4000 -> y").outputs("y")

	names := newSketch(1, 4)
	for i := range 20000 {
		names.op("Identity", []string{"x", "v" + itoa(i-1)}[min(1, i)]+" -> v"+itoa(i))
	}
	names.op("Relu", "v19999 -> y").outputs("y")

	layers := newSketch(1, 4)
	for i := range 20000 {
		layers.op("Softmax", []string{"x", "v" + itoa(i-1)}[min(1, i)]+" -> v"+itoa(i))
	}
	layers.op("Relu", "v19999 -> y").outputs("y")

	files := map[string][]byte{"constants": constants.bytes(), "names": names.bytes(), "layers": layers.bytes(),
		"empty nodes": messageField(nil, 7, bytes.Repeat([]byte{1<<3 | 2, 0}, 1<<22))}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			done := make(chan error, 1)
			go func() { done <- readBytes(file) }()
			select {
			case err := <-done:
				if name != "names" {
					require.Error(t, err)
				}
			case <-time.After(time.Minute):
				t.Fatal("takes too long")
			}
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(512<<20))
		})
	}
}

func itoa(i int) string { return string(appendInt(nil, i)) }

func appendInt(b []byte, i int) []byte {
	if i >= 10 {
		b = appendInt(b, i/10)
	}
	return append(b, byte('0'+i%10))
}

func TestExternalDataStaysInTheModelsFolder(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "model")
	require.NoError(t, os.Mkdir(inside, 0o755))
	for _, name := range []string{filepath.Join(dir, "secret"), filepath.Join(inside, "short")} {
		require.NoError(t, os.WriteFile(name, make([]byte, 40), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(inside, "weights"), make([]byte, 100), 0o644))
	require.NoError(t, os.Symlink("../secret", filepath.Join(inside, "link")))
	require.NoError(t, os.Mkdir(filepath.Join(inside, "folder"), 0o755))
	load := func(location string, offset, length int64) error {
		s := newSketch(1, 3, 4, 4).op("Conv", "x w -> y").outputs("y")
		s.Weights = []Tensor{{Name: "w", Type: Float, Dims: []int64{3, 3, 1, 1}, Location: location, External: Span{offset, length}}}
		path := filepath.Join(inside, "m.onnx")
		require.NoError(t, os.WriteFile(path, s.bytes(), 0o644))
		_, _, err := Load(path, Options{})
		return err
	}
	require.NoError(t, load("weights", 64, 36))
	require.NoError(t, load("./weights", 0, 36))
	for want, err := range map[string]error{
		`"../secret": must be a file in the model's own folder`:   load("../secret", 0, 36),
		"must be a file in the model's own":                       load(filepath.Join(dir, "secret"), 0, 36),
		`external data "link": must be a file in the model's own`: load("link", 0, 36),
		"is no regular file":                                      load("folder", 0, 36),
		"no such file":                                            load("none", 0, 36),
		"needs 36 bytes from byte 20, but the file has 40":        load("short", 20, 36),
		"but the file has 100":                                    load("weights", math.MaxInt64-10, 36),
		"has the offset":                                          load("weights", -1, 36),
		"are 36 bytes, but its data has 35":                       load("weights", 0, 35),
		strings.Repeat("a", 80) + `…": file name too long`:        load(strings.Repeat("a", 300), 0, 36),
		`external data "we�ights": invalid`:                       load("we\x00ights", 0, 36),
		`its data is external, but the file of it is not named`:   func() error { return loadUnnamed(t) }(),
	} {
		require.ErrorContains(t, err, want)
	}
}

// loadUnnamed loads a tensor that is external but does not say where.
func loadUnnamed(t *testing.T) error {
	tensor := intField(intField(intField(textField(nil, 8, "w"), 1, 9), 2, 1), 14, 1)
	return readBytes(messageField(nil, 7, messageField(nil, 5, tensor)))
}

func TestLoadNamesTheFileThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	_, _, err := Load(filepath.Join(dir, "none.onnx"), Options{})
	require.EqualError(t, err, filepath.Join(dir, "none.onnx")+": no such file or directory")
	_, _, err = Load(dir, Options{})
	require.ErrorContains(t, err, "is a folder, not a file")
}

// FuzzLoad looks for files on which the reader panics, hangs or takes memory beyond the file's size.
func FuzzLoad(f *testing.F) {
	f.Add(relu().bytes())
	f.Add(exported(f))
	s := newSketch(1, 3, 8, 8).weight("w", 4, 3, 3, 3).ints("shape", 1, -1).ints("axes", 0, 1).ints("lo", 0, 0).ints("hi", 1, 9)
	s.op("Pad", "x pads -> p").ints("pads", 0, 0, 1, 1, 0, 0, 1, 1).op("Conv", "p w -> c", ints("strides", 2, 1)).op("Shape", "c -> t")
	s.op("Slice", "t lo hi -> u").op("Transpose", "c -> d", ints("perm", 0, 2, 3, 1)).op("Split", "d -> e g", Attr{Name: "axis", I: 3})
	s.op("Concat", "g e -> h", Attr{Name: "axis", I: 3}).op("Reshape", "h shape -> i").op("Softmax", "i -> y").outputs("y", "h")
	f.Add(s.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		g, m, err := read(bytes.NewReader(b), int64(len(b)), "m.onnx", Options{})
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Len(t, m.Tensors, len(g.Layers))
		require.GreaterOrEqual(t, g.MACs(), int64(0))
	})
}

// exported is a tiny network as Export writes it, but with its weights inside the file.
func exported(f *testing.F) []byte {
	b := workloads.NewBuilder("tiny", workloads.Shape{C: 1, H: 6, W: 6})
	x := b.Conv("conv", 0, workloads.Conv{Out: 2, Window: workloads.Square(3, 1, 1), Norm: true, Act: workloads.SiLU})
	x = b.Conv("se", b.GlobalPool("pool", x), workloads.Conv{Out: 2, Window: workloads.Square(1, 1, 0), Bias: true, Act: workloads.Sigmoid})
	b.Linear("fc", b.Mul("mul", 1, x), 2, workloads.NoAct)
	g, err := b.Build()
	require.NoError(f, err)
	path := filepath.Join(f.TempDir(), "tiny.onnx")
	require.NoError(f, Export(g, path, 1))
	file, err := os.Open(path)
	require.NoError(f, err)
	defer file.Close()
	info, err := file.Stat()
	require.NoError(f, err)
	m, err := decode(file, info.Size())
	require.NoError(f, err)
	for i := range m.Weights {
		m.Weights[i].Location, m.Weights[i].list = "", make([]float64, m.Weights[i].values)
	}
	out := encode(m, "tiny")
	require.NoError(f, readBytes(out))
	return out
}
