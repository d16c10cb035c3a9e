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
	Missing  []int    // still to be made, in ascending order; damaged ones too
	Damaged  []Damage // shards that are damaged, or are another sweep's
	Bytes    int64    // of the shards that are done
}

// Status looks at a sweep folder. It reads every shard, as only whole ones count, and may be called while shards are being made.
func Status(dir string) (*State, error) { return NewLook(dir).Status() }

// shardFiles lists the files of shards in a folder. Temporary files are none.
func shardFiles(dir string) (map[int]stamp, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "shards"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the shards: %w", err)
	}
	files := map[int]stamp{}
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
		files[shard] = stamp{size: info.Size(), time: info.ModTime().UnixNano()}
	}
	return files, nil
}
