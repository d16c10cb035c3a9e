package sweep

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusCountsWholeShardsOnly(t *testing.T) {
	dir := t.TempDir()
	m := &Manifest{Format: Format, Points: 35, ShardSize: 10, Columns: []Column{{Name: "point", Type: "int", Kind: "key"}}}
	require.NoError(t, m.write(dir))
	missing, err := Missing(dir)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3}, missing)

	require.NoError(t, os.Mkdir(filepath.Join(dir, "shards"), 0o755))
	for _, name := range []string{"000002.parquet", ".000001.parquet.123", "3.parquet", "000007.parquet", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "shards", name), []byte("x"), 0o644))
	}
	s, err := Status(dir)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 3}, s.Missing)
	require.Equal(t, 1, s.Done)
	require.Equal(t, int64(1), s.Bytes)
}

func TestManifestsThatCannotBeUsed(t *testing.T) {
	for content, want := range map[string]string{
		"":              "damaged",
		`{"format": 7}`: "version 7",
		`{"format": 1}`: "make no sense",
		`{"format": 1, "points": 9223372036854775807, "shard_size": 1, "columns": [{}]}`: "make no sense",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), []byte(content), 0o644))
		_, err := ReadManifest(dir)
		require.ErrorContains(t, err, want)
		var folder *FolderError
		require.ErrorAs(t, err, &folder)
	}
	_, err := Missing(t.TempDir())
	require.ErrorContains(t, err, "holds no sweep")
}
