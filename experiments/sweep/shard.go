package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// metadata identifies what a shard belongs to; it stands in the Parquet file.
func (m *Manifest) metadata(shard int) [][2]string {
	return [][2]string{{"hidp.sweep.format", strconv.Itoa(m.Format)}, {"hidp.sweep.hash", m.Hash}, {"hidp.sweep.version", m.Version},
		{"hidp.sweep.shard", strconv.Itoa(shard)}, {"hidp.sweep.shard_size", strconv.FormatInt(m.ShardSize, 10)}}
}

// belongs returns what keeps a shard with the given metadata from being shard number shard of the sweep.
func (m *Manifest) belongs(shard int, metadata map[string]string) error {
	why := map[string]string{"hidp.sweep.format": "another layout", "hidp.sweep.hash": "another sweep",
		"hidp.sweep.version": "another version of the program", "hidp.sweep.shard": "another shard", "hidp.sweep.shard_size": "another shard size"}
	for _, kv := range m.metadata(shard) {
		if got := metadata[kv[0]]; got != kv[1] {
			return fmt.Errorf("is of %s (%s is %q, this sweep's is %q)", why[kv[0]], kv[0], got, kv[1])
		}
	}
	return nil
}

// makeShard makes shard number shard of the folder, or nothing if it is there. It is in its place, whole and safe on disk, when the
// returned function has been called, which may be done by another goroutine: most of that is waiting for the disk. If the same shard
// is made elsewhere at the same time, either may win: they are equal. done is told the points and failed rows as they are made.
func (w *worker) makeShard(ctx context.Context, dir string, m *Manifest, shard int, done func(points, failed int64)) (publish func() error, err error) {
	path := filepath.Join(dir, shardName(shard))
	if exists(path) {
		return func() error { return nil }, nil
	}
	d, err := writeDraft(path, func(out io.Writer) error { return w.writeShard(ctx, out, m, shard, done) })
	if err != nil {
		return nil, shardError(path, shard, err)
	}
	return func() error { return shardError(path, shard, d.publish()) }, nil
}

// writeShard writes the rows of a shard.
func (w *worker) writeShard(ctx context.Context, out io.Writer, m *Manifest, shard int, done func(points, failed int64)) error {
	p := w.layout.writer(out, m.metadata(shard))
	cells := make([]cell, len(m.Columns))
	first := int64(shard) * m.ShardSize
	for point := first; point < min(first+m.ShardSize, m.Points); point++ {
		rows, err := w.point(ctx, point)
		if err != nil {
			return err
		}
		failed := int64(0)
		for i := range rows {
			if rows[i].failure != "" {
				failed++
			}
			w.sweep.fill(cells, &rows[i])
			if err := p.write(cells); err != nil {
				return err
			}
		}
		done(1, failed)
	}
	return p.close()
}

// fill writes a row into cells, one per column of the sweep.
func (s *Sweep) fill(cells []cell, r *row) {
	cells[0], cells[1], cells[2] = cell{int: r.point}, cell{int: int64(r.replication)}, cell{int: int64(r.seed)}
	at := 3
	for i := range s.axes {
		if s.axes[i].seeds() {
			continue
		}
		v := &r.settings[i]
		cells[at] = cell{int: int64(v.value), number: v.value, text: v.text, truth: v.truth}
		at++
	}
	for i := range len(cells) - at - 1 {
		if r.values == nil {
			cells[at+i] = cell{null: true}
		} else {
			cells[at+i] = cell{int: int64(r.values[i]), number: r.values[i]}
		}
	}
	cells[len(cells)-1] = cell{null: r.failure == "", text: r.failure}
}

// shardError is what an error of writing a shard to path means; nil if it is none.
func shardError(path string, shard int, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(path):
		return nil // the sweep was finished by others, who swept up the temporary files
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("shard %d: %w; free some space and go on with --resume, nothing done is lost", shard, err)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
