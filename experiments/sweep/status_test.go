package sweep

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/sealed"
)

func TestStatusCountsWholeShardsOnly(t *testing.T) {
	dir := t.TempDir()
	_, err := Prepare(context.Background(), load(t, grid), dir, Options{ShardSize: 3, Yes: true})
	require.NoError(t, err)
	s, err := Status(dir)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3}, s.Missing)

	require.NoError(t, ExecShard(context.Background(), dir, 2))
	whole, err := os.ReadFile(filepath.Join(dir, shardName(2)))
	require.NoError(t, err)
	for name, data := range map[string][]byte{".000001.parquet.123.new": whole, "3.parquet": whole, "000007.parquet": whole, "notes.txt": nil,
		"000000.parquet": nil, "000001.parquet": whole[:len(whole)-1], "000003.parquet": whole} { // empty, cut off, another shard
		require.NoError(t, os.WriteFile(filepath.Join(dir, "shards", name), data, 0o644))
	}
	s, err = Status(dir)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 3}, s.Missing)
	require.Len(t, s.Damaged, 3)
	require.Contains(t, s.Damaged[2].Reason, "is of another shard")
	require.Equal(t, 1, s.Done)
	require.Equal(t, int64(len(whole)), s.Bytes)
}

func TestManifestsThatCannotBeUsed(t *testing.T) {
	for content, want := range map[string]string{
		"":                                      "damaged",
		"null":                                  "has no checksum",
		`{"format": 7}`:                         "has no checksum",
		`{"format": 1}`:                         "layout of version 1, this program writes version 3; use the program that made it",
		`{"format": 7, "checksum": "CHECKSUM"}`: "version 7",
		`{"format": 3, "checksum": "CHECKSUM"}`: "make no sense",
		`{"format": 3, "points": 9223372036854775807, "shard_size": 1, "columns": [{}], "checksum": "CHECKSUM"}`: "make no sense",
	} {
		dir := t.TempDir()
		data := []byte(strings.ReplaceAll(content, "CHECKSUM", sealed.Blank))
		if strings.Contains(content, "CHECKSUM") {
			sealed.Seal(data)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), data, 0o644))
		_, err := ReadManifest(dir)
		require.ErrorContains(t, err, want)
	}
	_, err := Status(t.TempDir())
	require.ErrorContains(t, err, "holds no sweep")
}

func TestShardsAreManyButNotTooSmall(t *testing.T) {
	for _, c := range []struct {
		total   int64
		seconds float64
		jobs    int
		want    int64
	}{
		{2_000_000, 10e-6, 2, 31_250},      // 64 shards of 0.31 s
		{1_000_000, 10e-6, 2, 20_000},      // of 0.2 s
		{100_000, 10e-6, 2, 16_667},        // three for each core instead of five of 0.2 s
		{10_000, 10e-6, 2, 2500},           // two for each core, however short
		{1_000_000, 10e-3, 2, 500},         // of 5 s
		{100, 10, 2, 1},                    // a point may take longer
		{3, 1e-6, 8, 1},                    // less points than cores
		{1e12, 1e-6, 2, 5_000_000},         // of 5 s
		{1e13, 1e-3, 2, 1e13 / mostShards}, // more files are too many
		{1000, 0, 1, 500},                  // of unknown cost
	} {
		require.Equal(t, c.want, shardSize(c.total, c.seconds, c.jobs, shardLeast), "%+v", c)
	}
	require.EqualValues(t, 166_667, shardSize(1_000_000, 10e-6, 2, processLeast))  // three for each core instead of five of 2 s
	require.EqualValues(t, 200_000, shardSize(1_000_000, 9.9e-6, 1, processLeast)) // five of 2 s
}

// Of a point with many replications a few are measured.
func TestTheCostOfManyReplicationsIsExtrapolated(t *testing.T) {
	s := load(t, strings.Replace(tiny, "[[axis]]", "[replications]\ncount = 100000\n[[axis]]", 1))
	e, err := s.Estimate(context.Background(), 1)
	require.NoError(t, err)
	require.Greater(t, e.SecondsPerPoint, 0.1)
	m, err := Prepare(context.Background(), s, t.TempDir(), Options{Yes: true})
	require.NoError(t, err)
	require.Greater(t, m.SecondsPerPoint, 0.1)
	require.Equal(t, int64(1), m.ShardSize)
}

func TestTheLaterHalfOfTimesCounts(t *testing.T) {
	var l laterHalf
	for i, want := range []float64{100, 40, 25, 7.5, 20.0 / 3, 13.0 / 3} { // of 100, of 40, of 40 and 10, ...
		l.add([]time.Duration{100, 40, 10, 5, 5, 3}[i] * time.Second)
		require.InDelta(t, want, l.mean(), 1e-12, "after %d", i+1)
	}
	var other laterHalf
	other.add(1000 * time.Second) // another worker's first
	other.add(7 * time.Second)
	require.InDelta(t, 5.0, meanOf([]laterHalf{l, other, {}}), 1e-12, "the first points of no worker count once there are later ones")
}
