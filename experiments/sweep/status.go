package sweep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// State is how far a sweep is.
type State struct {
	Manifest *Manifest
	Shards   int
	Done     int
	Missing  []int // in ascending order
	Bytes    int64 // of the shards that are done
}

// Status looks at a sweep folder. It reads names only, so it is cheap and may be called while shards are being made.
func Status(dir string) (*State, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	s := &State{Manifest: m, Shards: m.Shards()}
	there, err := shardSizes(dir)
	if err != nil {
		return nil, err
	}
	for shard := range s.Shards {
		if size, ok := there[shard]; ok {
			s.Done++
			s.Bytes += size
		} else {
			s.Missing = append(s.Missing, shard)
		}
	}
	return s, nil
}

// Missing returns the shards that are still to be made, in ascending order.
func Missing(dir string) ([]int, error) {
	s, err := Status(dir)
	if err != nil {
		return nil, err
	}
	return s.Missing, nil
}

// shardSizes lists the shards in a folder with their sizes in bytes. Temporary files are none.
func shardSizes(dir string) (map[int]int64, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "shards"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the shards: %w", err)
	}
	sizes := map[int]int64{}
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), ".parquet")
		shard, err := strconv.Atoi(digits)
		if !ok || err != nil || shardName(shard) != filepath.Join("shards", e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // gone again
		}
		sizes[shard] = info.Size()
	}
	return sizes, nil
}
