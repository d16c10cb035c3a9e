package sweep

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hidp/internal/build"
	"hidp/internal/durable"
	"hidp/internal/sealed"
)

// Options says how a sweep is carried out. They change nothing in its rows.
type Options struct {
	Jobs      int           // workers; 0: all cores
	ShardSize int64         // points per shard; 0: up to five seconds of work, as measured
	Resume    bool          // go on with what is in the folder
	Yes       bool          // however large it is
	Files     durable.Files // the file system that the folder is on; nil: the machine's
	Progress  func(Progress)
}

// Progress is how far a sweep has come. Counts are of this call; what was there before is in Before.
type Progress struct {
	Shards, Points int64         // in all
	Before         int64         // points in shards that were there already
	Done           int64         // points made by this call
	Failed         int64         // rows of these with an error
	Elapsed, ETA   time.Duration // ETA 0: not known yet
}

// Prepare makes the sweep's folder, or checks with Options.Resume that the folder holds this very sweep and may be gone on with.
// Engines that make shards elsewhere, each by a process, call it first; their shards are larger than those of Run. A sweep of more than ten million runs or a day needs Options.Yes, else the
// error is a *ConfirmError. A folder that does not fit is a *FolderError. With both ShardSize and Yes no point is run to measure its
// cost.
func Prepare(ctx context.Context, s *Sweep, dir string, o Options) (*Manifest, error) {
	return newEvaluator(s).prepare(ctx, dir, o, processLeast)
}

// prepare is Prepare for shards of the given seconds at least.
func (e *evaluator) prepare(ctx context.Context, dir string, o Options, least float64) (*Manifest, error) {
	if !exists(filepath.Join(dir, manifestName)) {
		if err := vacant(dir); err != nil {
			return nil, err
		}
		return e.begin(ctx, dir, o, least)
	}
	m, err := ReadManifest(dir)
	var damaged *DamagedError
	if errors.As(err, &damaged) && o.Resume { // all of it follows from the sweep, but for the shards' size
		o.ShardSize = cmp.Or(e.sweep.shardSizeIn(dir), o.ShardSize)
		return e.begin(ctx, dir, o, least)
	}
	if err != nil {
		return nil, err
	}
	if !o.Resume {
		return nil, &FolderError{dir, fmt.Sprintf("holds the sweep %s already; add --resume to go on with it, or choose another folder", m.Name)}
	}
	if err := e.sweep.sameAs(dir, m); err != nil {
		return nil, err
	}
	if err := e.sweep.mend(store{dir, durable.OrDisk(o.Files)}, m); err != nil {
		return nil, err
	}
	return m, e.sweep.unchanged(dir, m)
}

// begin makes the sweep's folder.
func (e *evaluator) begin(ctx context.Context, dir string, o Options, least float64) (*Manifest, error) {
	cost := e.count(o.Jobs)
	if o.ShardSize <= 0 || !o.Yes {
		if err := e.measure(ctx, cost, true); err != nil {
			return nil, err
		}
	}
	if !o.Yes && (cost.Runs > manyRuns || cost.Duration > longTime) {
		return nil, &ConfirmError{*cost}
	}
	s := e.sweep
	total, _ := s.points()
	size := shardSize(total, cost.SecondsPerPoint, cost.Jobs, least)
	if o.ShardSize > 0 {
		size = max(o.ShardSize, (total+mostShards-1)/mostShards)
	}
	m := &Manifest{Format: Format, Name: s.Name, Hash: s.Hash(), Version: build.Identity(), Seed: s.Seed, Points: total, Runs: cost.Runs,
		ShardSize: min(size, total), Columns: s.columns(), File: s.source.path, Scenario: s.source.scenarioPath, SecondsPerPoint: cost.SecondsPerPoint}
	return m, s.begin(store{dir, durable.OrDisk(o.Files)}, m)
}

// shardSizeIn returns the size of the shards of the sweep that a folder holds, or 0 if there is none.
func (s *Sweep) shardSizeIn(dir string) int64 {
	there, err := shardFiles(dir)
	if err != nil {
		return 0
	}
	for shard := range there {
		data, err := os.ReadFile(filepath.Join(dir, shardName(shard)))
		if err != nil || sealed.Check(data) != nil {
			continue
		}
		rows, metadata, err := openParquet(bytes.NewReader(data), int64(len(data)), s.columns())
		if err != nil || rows.close() != nil || metadata["hidp.sweep.hash"] != s.Hash() {
			continue
		}
		if size, err := strconv.ParseInt(metadata["hidp.sweep.shard_size"], 10, 64); err == nil && size > 0 {
			return size
		}
	}
	return 0
}

// Run makes all missing shards of a sweep on this machine. A run that is killed at any moment loses at most the shards under
// way and those of the fifth of a second before (publishEvery); called again with Options.Resume it makes what is missing, and the rows
// are the same. When the context ends, so does Run, with the context's error. An error of writing (a full disk) ends it too; what is done stays.
func Run(ctx context.Context, s *Sweep, dir string, o Options) (*State, error) {
	e := newEvaluator(s)
	m, err := e.prepare(ctx, dir, o, shardLeast)
	if err != nil {
		return nil, err
	}
	e = e.in(s.in(dir, m))
	look := NewLook(dir)
	state, err := look.Status()
	if err != nil {
		return nil, err
	}
	err = e.runShards(ctx, store{dir, durable.OrDisk(o.Files)}, m, state.Missing, o)
	if err == nil {
		removeTemporary(dir)
	}
	state, failed := look.Status()
	return state, cmp.Or(err, failed)
}

// runShards shares out shards to workers.
func (e *evaluator) runShards(ctx context.Context, at store, m *Manifest, shards []int, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tallies := make([]tally, min(orAllCores(o.Jobs), max(1, len(shards))))
	stop := report(m, shards, o.Progress, tallies)
	defer stop()
	next, made := make(chan int), make(chan *shardDraft)
	var workers, publishing sync.WaitGroup
	publishing.Go(func() { publisher(at, made, cancel) })
	for i := range tallies {
		workers.Go(func() {
			w := e.worker()
			defer w.shared.Close()
			for shard := range next {
				d, err := w.makeShard(ctx, at, m, shard, func(points, bad int64) {
					tallies[i].done.Add(points)
					tallies[i].failed.Add(bad)
				})
				if err != nil {
					cancel(err)
					return
				}
				if d != nil {
					made <- d
				}
			}
		})
	}
	for _, shard := range shards {
		select {
		case next <- shard:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	close(made)
	publishing.Wait()
	return context.Cause(ctx)
}

// tally is how far one worker is, in cache lines of its own: a counter for all costs each of them a hundredth of its time.
type tally struct {
	done, failed atomic.Int64
	_            [112]byte
}

// report calls progress every now and then until the returned function is called, which calls it a last time.
func report(m *Manifest, shards []int, progress func(Progress), tallies []tally) (stop func()) {
	if progress == nil {
		return func() {}
	}
	p := Progress{Shards: int64(m.Shards()), Points: m.Points, Before: m.Points}
	for _, shard := range shards {
		first := int64(shard) * m.ShardSize
		p.Before -= min(first+m.ShardSize, m.Points) - first
	}
	start := time.Now()
	tell := func() {
		p.Done, p.Failed, p.Elapsed = 0, 0, time.Since(start)
		for i := range tallies {
			p.Done += tallies[i].done.Load()
			p.Failed += tallies[i].failed.Load()
		}
		if left := p.Points - p.Before - p.Done; p.Done > 0 {
			p.ETA = time.Duration(float64(p.Elapsed) / float64(p.Done) * float64(left))
		}
		progress(p)
	}
	quit, quitted := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quitted)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				tell()
			case <-quit:
				tell()
				return
			}
		}
	}()
	return func() { close(quit); <-quitted }
}

// removeTemporary removes what killed processes left behind. It is called when all shards are there, so that a process that still makes
// one elsewhere loses nothing.
func removeTemporary(dir string) {
	for _, pattern := range []string{".*.toml.*.new", ".*.json.*.new", filepath.Join("shards", ".*.parquet.*.new")} {
		left, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern))
		if err != nil {
			panic("sweep: a pattern is malformed: " + err.Error())
		}
		for _, path := range left {
			_ = os.Remove(path) // what is left behind does no harm
		}
	}
}

// escapeGlob quotes what filepath.Glob would take for patterns.
func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// ExecShard makes one shard of the sweep in dir, or does nothing if it is there: the whole contract of engines that run elsewhere.
// It may run any number of times, also at once. The context's end leaves no shard behind.
func ExecShard(ctx context.Context, dir string, shard int) error {
	m, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	if shard < 0 || shard >= m.Shards() {
		return &FolderError{dir, fmt.Sprintf("has no shard %d; there are %d, from 0", shard, m.Shards())}
	}
	s, err := m.open(dir)
	if err != nil {
		return err
	}
	at := store{dir, durable.Disk{}}
	w := newEvaluator(s).worker()
	defer w.shared.Close()
	d, err := w.makeShard(ctx, at, m, shard, func(int64, int64) {})
	if errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	if err != nil || d == nil {
		return err
	}
	return publishShards(at, []*shardDraft{d})
}
