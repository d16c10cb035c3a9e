package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"hidp/internal/durable"
	"hidp/internal/sealed"
)

// metadata identifies what a shard belongs to; it stands in the Parquet file.
func (m *Manifest) metadata(shard int) [][2]string {
	return [][2]string{{"hidp.sweep.format", strconv.Itoa(m.Format)}, {"hidp.sweep.hash", m.Hash}, {"hidp.sweep.version", m.Version},
		{"hidp.sweep.shard", strconv.Itoa(shard)}, {"hidp.sweep.shard_size", strconv.FormatInt(m.ShardSize, 10)},
		{"hidp.sweep.inputs", m.inputsHash()}}
}

// sealKey is where the checksum of a shard stands.
const sealKey = "hidp.sweep.checksum"

// belongs returns what keeps a shard with the given metadata from being shard number shard of the sweep.
func (m *Manifest) belongs(shard int, metadata map[string]string) error {
	why := map[string]string{"hidp.sweep.format": "another layout", "hidp.sweep.hash": "another sweep",
		"hidp.sweep.version": "another version of the program", "hidp.sweep.shard": "another shard", "hidp.sweep.shard_size": "another shard size",
		"hidp.sweep.inputs": "other inputs"}
	for _, kv := range m.metadata(shard) {
		if got := metadata[kv[0]]; got != kv[1] {
			return fmt.Errorf("is of %s (%s is %q, this sweep's is %q)", why[kv[0]], kv[0], got, kv[1])
		}
	}
	return nil
}

// makeShard makes shard number shard of the folder, or returns nil if it is there. It is in its place, whole and safe on disk, when it
// is published, which may be done by another goroutine. If the same shard is made elsewhere at the same time, either may win: they are
// equal. done is told the points and failed rows as they are made.
func (w *worker) makeShard(ctx context.Context, at store, m *Manifest, shard int, done func(points, failed int64)) (*shardDraft, error) {
	path := filepath.Join(at.dir, shardName(shard))
	if _, err := m.readShard(at.dir, shard); err == nil {
		return nil, nil
	}
	w.made.Reset()
	if err := w.writeShard(ctx, &w.made, m, shard, done); err != nil {
		return nil, err
	}
	sealed.Seal(w.made.Bytes())
	d, err := durable.Begin(at.files, path, 0o666)
	if err != nil {
		return nil, shardError(shard, err)
	}
	if _, err := d.Write(w.made.Bytes()); err != nil {
		d.Discard()
		return nil, shardError(shard, err)
	}
	return &shardDraft{d, path, shard}, nil
}

// shardDraft is a shard that is made but not yet in its place.
type shardDraft struct {
	*durable.Draft
	path  string
	shard int
}

// publishShards puts shards of one folder in their places, and tells the first error.
func publishShards(at store, list []*shardDraft) error {
	var first error
	for _, d := range list {
		err := d.Place()
		if errors.Is(err, fs.ErrNotExist) && exists(d.path) {
			err = nil // the sweep was finished by others, who swept up the temporary files
		}
		first = cmp.Or(first, shardError(d.shard, err))
	}
	return cmp.Or(first, at.files.SyncFolder(filepath.Dir(list[0].path)))
}

// How shards are published while others are made. Whenever a thread waits for the disk, the Go runtime takes its core back and looks
// for such threads every 20 µs for a while, which costs the workers far more than the waiting: with a wait for each shard, a sweep of
// four seconds took a tenth more on two cores.
const (
	publishEvery = 200 * time.Millisecond // what a shard waits for others at most
	publishMost  = 256                    // shards that wait; each is an open file
)

// publisher publishes shards, several at a time, until there will be no more. fail is told errors.
func publisher(at store, made <-chan *shardDraft, fail func(error)) {
	for first := range made {
		batch, late := []*shardDraft{first}, time.After(publishEvery)
		for open := true; open && len(batch) < publishMost; {
			select {
			case d, more := <-made:
				if open = more; more {
					batch = append(batch, d)
				}
			case <-late:
				open = false
			}
		}
		if err := publishShards(at, batch); err != nil {
			fail(err)
		}
	}
}

// writeShard writes the rows of a shard.
func (w *worker) writeShard(ctx context.Context, out io.Writer, m *Manifest, shard int, done func(points, failed int64)) error {
	p := w.layout.writer(out, append(m.metadata(shard), [2]string{sealKey, sealed.Blank}))
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
		if r.values == nil || math.IsNaN(r.values[i]) {
			cells[at+i] = cell{null: true}
		} else {
			cells[at+i] = cell{int: int64(r.values[i]), number: r.values[i]}
		}
	}
	cells[len(cells)-1] = cell{null: r.failure == "", text: r.failure}
}

// shardError is what an error of writing a shard means; nil if it is none.
func shardError(shard int, err error) error {
	if durable.Full(err) {
		return fmt.Errorf("shard %d: %w; then go on with --resume, nothing done is lost", shard, err)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
