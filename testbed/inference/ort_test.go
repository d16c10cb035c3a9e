package inference

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/workloads/onnx"
)

// library returns the path of ONNX Runtime; without it the test is skipped.
func library(t testing.TB) string {
	path, err := FindLibrary("", "../..")
	parts.Need(t, parts.ONNXRuntime, err)
	return path
}

func openORT(t testing.TB) *ORT {
	e, err := OpenORT(library(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// affine is the model y = 2x + 1 over a batch of three numbers, its weight outside if folder is not empty.
func affine(t testing.TB, folder string) []byte {
	w := onnx.Writer{IRVersion: 8, Opset: 17, Name: "affine"}
	w.Node(&onnx.Node{OpType: "Mul", Inputs: []string{"x", "two"}, Outputs: []string{"t"}})
	w.Node(&onnx.Node{OpType: "Add", Inputs: []string{"t", "one"}, Outputs: []string{"y"}})
	number := func(v float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)) }
	if folder == "" {
		w.Inline("two", onnx.Float, []int64{1}, number(2))
	} else {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "weights"), append(make([]byte, 64), number(2)...), 0o600))
		w.External("two", onnx.Float, []int64{1}, "weights", onnx.Span{Offset: 64, Length: 4})
	}
	w.Inline("one", onnx.Float, []int64{1}, number(1))
	w.Input(onnx.Port{Name: "x", Type: onnx.Float, Shaped: true, Dims: []int64{-1, 3}, Params: []string{"batch", ""}})
	w.Output(onnx.Port{Name: "y", Type: onnx.Float, Shaped: true, Dims: []int64{-1, 3}, Params: []string{"batch", ""}})
	return w.Bytes()
}

// engines lists all implementations, for laws that hold for each.
func engines(t testing.TB) []Engine {
	list := []Engine{Reference{}}
	if _, err := FindLibrary("", "../.."); parts.Have(t, parts.ONNXRuntime, err) {
		list = append(list, openORT(t))
	}
	return list
}

// What the interface promises, for every engine.
func TestEngines(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.Name(), func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "m.onnx")
			require.NoError(t, os.WriteFile(path, affine(t, folder), 0o600))
			for _, m := range []Model{{Bytes: affine(t, "")}, {Bytes: affine(t, folder), Folder: folder}, {Path: path}} {
				s, err := e.Load(m, Options{Threads: 2})
				require.NoError(t, err)
				require.Equal(t, []Spec{{"x", []int{-1, 3}}}, s.Inputs())
				require.Equal(t, []Spec{{"y", []int{-1, 3}}}, s.Outputs())
				out, err := s.Run(map[string]Tensor{"x": {[]int{2, 3}, []float32{0, 1, 2, 3, 4, 5}}}, nil)
				require.NoError(t, err)
				require.Equal(t, map[string]Tensor{"y": {[]int{2, 3}, []float32{1, 3, 5, 7, 9, 11}}}, out)
				into := NewTensor(2, 3)
				again, err := s.Run(map[string]Tensor{"x": {[]int{2, 3}, []float32{0, 1, 2, 3, 4, 5}}}, map[string]Tensor{"y": into})
				require.NoError(t, err)
				require.Equal(t, out, again)
				require.Same(t, &into.Data[0], &again["y"].Data[0])
				_, err = s.Run(map[string]Tensor{"x": NewTensor(2, 3)}, map[string]Tensor{"y": NewTensor(1, 3)})
				require.Error(t, err, "room for one row of two")
				_, err = s.Run(map[string]Tensor{"x": NewTensor(2, 3)}, map[string]Tensor{"z": into})
				require.ErrorContains(t, err, `no output "z"`)
				for name, c := range map[string]struct {
					in   map[string]Tensor
					says string
				}{
					"missing": {nil, `input "x" is missing`},
					"rank":    {map[string]Tensor{"x": NewTensor(3)}, "has shape [3] instead of [-1 3]"},
					"extent":  {map[string]Tensor{"x": NewTensor(1, 4)}, "has shape [1 4] instead of [-1 3]"},
					"short":   {map[string]Tensor{"x": {[]int{2, 3}, make([]float32, 5)}}, "has 5 numbers"},
					"absurd":  {map[string]Tensor{"x": {[]int{1 << 40, 1 << 40}, make([]float32, 5)}}, "has 5 numbers"},
					"unknown": {map[string]Tensor{"x": NewTensor(1, 3), "z": NewTensor(1)}, `no input "z"`},
				} {
					_, err := s.Run(c.in, nil)
					require.ErrorContains(t, err, c.says, name)
				}
				require.NoError(t, s.Close())
			}
			for _, m := range []Model{{}, {Bytes: []byte{}}, {Bytes: []byte("no model")}, {Path: filepath.Join(folder, "none")},
				{Path: path, Bytes: affine(t, "")}, {Bytes: affine(t, folder), Folder: filepath.Join(folder, "elsewhere")}} {
				_, err := e.Load(m, Options{})
				require.Error(t, err)
			}
			_, err := e.Load(Model{Path: path}, Options{Provider: "abacus"})
			require.ErrorContains(t, err, "provider")
		})
	}
}

func TestORTOptions(t *testing.T) {
	e := openORT(t)
	providers, err := e.Providers()
	require.NoError(t, err)
	require.Contains(t, providers, "CPUExecutionProvider")
	s, err := e.Load(Model{Bytes: affine(t, "")}, Options{Threads: 2, CPUs: []int{0}})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing twice is harmless")
	_, err = s.Run(map[string]Tensor{"x": NewTensor(1, 3)}, nil)
	require.ErrorContains(t, err, "closed")
	_, err = e.Load(Model{Bytes: affine(t, "")}, Options{Threads: 2, CPUs: []int{0, 1}})
	require.ErrorContains(t, err, "2 CPUs for the 1 threads")
}

// Sessions side by side, while the collector runs and stacks move: whatever the library is given must stay where it is.
func TestORTSurvivesTheCollector(t *testing.T) {
	e := openORT(t)
	model := affine(t, "")
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for k := range 25 {
				s, err := e.Load(Model{Bytes: append([]byte(nil), model...)}, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				in := NewTensor(100+n, 3)
				in.Data[5] = float32(k)
				runtime.GC()
				out, err := s.Run(map[string]Tensor{"x": in}, nil)
				if err != nil || out["y"].Data[5] != float32(2*k+1) || grow(64) != 64 {
					t.Errorf("%v: %v", err, out["y"].Data[5])
				}
				s.Close()
			}
		})
	}
	all.Wait()
}

// grow makes the stack grow.
func grow(n int) int {
	var room [512]byte
	if n == 0 {
		return int(room[0])
	}
	return grow(n-1) + 1
}

func TestTrim(t *testing.T) { // giving memory back disturbs nobody who still uses some
	e := openORT(t)
	gone, err := e.Load(Model{Bytes: affine(t, "")}, Options{})
	require.NoError(t, err)
	stays, err := e.Load(Model{Bytes: affine(t, "")}, Options{})
	require.NoError(t, err)
	defer stays.Close()
	require.NoError(t, gone.Close())
	e.Trim()
	got, err := stays.Run(map[string]Tensor{"x": {[]int{1, 3}, []float32{1, 2, 3}}}, nil)
	require.NoError(t, err)
	require.Equal(t, []float32{3, 5, 7}, got["y"].Data)
}

func TestLibraryFaults(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(EnvLibrary, "")
	_, err := FindLibrary("/none/libonnxruntime.so")
	require.ErrorContains(t, err, "no ONNX Runtime library for "+runtime.GOARCH+" (looked for /none/libonnxruntime.so): run make ort")
	var missing *MissingError
	require.ErrorAs(t, err, &missing)

	own := filepath.Join(folder, ".cache", "ort", runtime.GOARCH, LibraryFile)
	require.NoError(t, os.MkdirAll(filepath.Dir(own), 0o755))
	require.NoError(t, os.WriteFile(own, []byte("not a library"), 0o600))
	found, err := FindLibrary("", folder)
	require.NoError(t, err)
	require.Equal(t, own, found)
	_, err = OpenORT(found)
	require.ErrorContains(t, err, "is no shared library for Linux")
	_, err = OpenORT(filepath.Join(folder, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)

	t.Setenv(EnvLibrary, filepath.Join(folder, "elsewhere"))
	_, err = FindLibrary("", folder)
	require.ErrorContains(t, err, "elsewhere", "a library that is named is the one that is meant")
	exe, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(EnvLibrary, exe)
	found, err = FindLibrary("", folder)
	require.NoError(t, err)
	_, err = OpenORT(found)
	require.Error(t, err)
}

func TestLibraryForAnotherMachine(t *testing.T) {
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	path := filepath.Join(t.TempDir(), "other.so")
	const machine = 18 // of the header of ELF
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 3) // a shared object
	binary.LittleEndian.PutUint16(header[machine:], uint16(machines()[other]))
	binary.LittleEndian.PutUint32(header[20:], 1)
	binary.LittleEndian.PutUint16(header[52:], 64)
	require.NoError(t, os.WriteFile(path, header, 0o600))
	_, err := OpenORT(path)
	require.ErrorContains(t, err, fmt.Sprintf("is a library for %s, but this program runs on %s", other, runtime.GOARCH))
}

// A library that is too old, or another one, is made with the C compiler if there is one.
func TestForeignLibraries(t *testing.T) {
	gcc := parts.Program(t, parts.GCC, "gcc")
	build := func(name, source string) string {
		path := filepath.Join(t.TempDir(), name+".so")
		cmd := exec.Command(gcc, "-shared", "-fPIC", "-x", "c", "-", "-o", path)
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = stdin.Write([]byte(source))
		require.NoError(t, err)
		require.NoError(t, stdin.Close())
		require.NoError(t, cmd.Wait())
		return path
	}
	_, err := OpenORT(build("other", "int x;"))
	require.ErrorContains(t, err, "is not ONNX Runtime: it has no function OrtGetApiBase")
	_, err = OpenORT(build("old", `
		static const void *api(unsigned version) { return version > 11 ? 0 : "table"; }
		static const char *version(void) { return "1.11.0"; }
		static const struct { const void *(*a)(unsigned); const char *(*v)(void); } base = {api, version};
		const void *OrtGetApiBase(void) { return &base; }`))
	require.ErrorContains(t, err, "is ONNX Runtime 1.11.0, which is too old: 1.18 or newer is needed")
}

func BenchmarkORTRun(b *testing.B) {
	e := openORT(b)
	s, err := e.Load(Model{Bytes: affine(b, "")}, Options{})
	require.NoError(b, err)
	defer s.Close()
	in := map[string]Tensor{"x": NewTensor(250_000, 3)}
	b.SetBytes(3_000_000)
	for b.Loop() {
		if _, err := s.Run(in, nil); err != nil {
			b.Fatal(err)
		}
	}
}
