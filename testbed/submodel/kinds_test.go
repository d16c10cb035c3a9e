package submodel

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// Files whose layers need more than their first input, that are cut around nodes executed whole, or whose nodes come from functions
// and branches: layer by layer they give the answer of the file.
func TestFilesOfEveryKindInPieces(t *testing.T) {
	engine := ort(t)
	files, err := filepath.Glob(filepath.Join(root, "workloads", "onnx", "testdata", "runs", "*.onnx"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := Open(path, onnx.Options{})
			require.NoError(t, err)
			defer src.Close()
			requirePieces(t, &Runner{Source: src, Engine: engine})
		})
	}
}

// requirePieces compares a network computed layer by layer, and in two strips wherever the row arithmetic allows it, with its file.
func requirePieces(t *testing.T, r *Runner) {
	g := r.Source.Graph
	in := inputOf(g, 1)
	want, err := r.Unsplit(in)
	require.NoError(t, err)
	s := begin(t, g, in)
	for i := 1; i < len(g.Layers); i++ {
		require.NoError(t, r.Compute(whole(g, i, i+1, 1), s), "layer %d", i)
		if g.Rows(i) < 2 {
			continue
		}
		list := strips(g, i, i+1, 2)
		refused := slices.ContainsFunc(list, func(s workloads.Slice) bool { _, err := r.Source.Cut(s); return err != nil })
		if list != nil && !refused {
			inexactStrips(t, r, s, i, i+1, 2)
		}
	}
	require.LessOrEqual(t, difference(t, want, answer(t, s, g.Output(), 1)), tolerance)
}

// The Hugging Face hub keeps files as links into a folder of contents that have other names.
func TestFilesBehindLinks(t *testing.T) {
	engine := ort(t)
	from := filepath.Join(root, "workloads", "onnx", "testdata", "external")
	snapshot := linked(t, t.TempDir(), filepath.Join(from, "model.onnx"), filepath.Join(from, "model.onnx_data"))
	src, err := Open(filepath.Join(snapshot, "model.onnx"), onnx.Options{})
	require.NoError(t, err)
	defer src.Close()
	requirePieces(t, &Runner{Source: src, Engine: engine})
}

// linked lays files out as the hub does, and returns the folder with the links.
func linked(t *testing.T, folder string, files ...string) string {
	snapshot := filepath.Join(folder, "snapshots", "abc", "onnx")
	require.NoError(t, os.MkdirAll(snapshot, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "blobs"), 0o755))
	for i, path := range files {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		blob := string(rune('a' + i))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "blobs", blob), data, 0o644))
		require.NoError(t, os.Symlink(filepath.Join("..", "..", "..", "blobs", blob), filepath.Join(snapshot, filepath.Base(path))))
	}
	return snapshot
}
