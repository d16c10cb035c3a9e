package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"hidp/internal/input"
	"hidp/internal/sealed"
)

// errNoShard says that a shard is not there.
var errNoShard = errors.New("is missing")

// readShard reads the file of a shard and makes sure that it is whole and belongs to the sweep. The error is errNoShard or a
// *DamagedError, or says that the file cannot be read.
func (m *Manifest) readShard(dir string, shard int) ([]byte, error) {
	path := filepath.Join(dir, shardName(shard))
	data, err := input.Read(path, input.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoShard
	}
	if err != nil {
		return nil, err
	}
	if err := m.checkShard(shard, data); err != nil {
		return nil, &DamagedError{path, err.Error()}
	}
	return data, nil
}

// checkShard returns why data is not the file of a shard, or nil.
func (m *Manifest) checkShard(shard int, data []byte) error {
	if err := sealed.Check(data); err != nil { // first: the Parquet library panics on some damaged files
		return err
	}
	rows, metadata, err := openParquet(bytes.NewReader(data), int64(len(data)), m.Columns)
	if metadata != nil {
		if wrong := m.belongs(shard, metadata); wrong != nil {
			err = errors.Join(wrong, rows.close())
		}
	}
	if err != nil {
		return err
	}
	return rows.close()
}

// Damage is a piece of a sweep's folder that is not as it was written.
type Damage struct {
	Piece  string `json:"piece"` // path below the folder
	Reason string `json:"reason"`
	Shard  int    `json:"shard"` // -1: the piece is none
}

// Check says what a sweep's folder holds, after every byte was read.
type Check struct {
	Name    string   `json:"name"`
	Shards  int      `json:"shards"`
	Whole   int      `json:"whole"`
	Missing []int    `json:"missing"` // never made
	Damaged []Damage `json:"damaged"`
}

// Verify reads all of a sweep's folder and compares the checksums: of the manifest, of the copies of what the sweep needs, and of the
// shards. A damaged manifest is all that is told of the folder.
func Verify(dir string) (*Check, error) {
	m, err := ReadManifest(dir)
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		return &Check{Missing: []int{}, Damaged: []Damage{{manifestName, damaged.Reason, -1}}}, nil
	}
	if err != nil {
		return nil, err
	}
	l := NewLook(dir)
	s, err := l.Status()
	if err != nil {
		return nil, err
	}
	c := &Check{Name: m.Name, Shards: s.Shards, Whole: s.Done, Missing: []int{}, Damaged: append(m.damagedCopies(dir), s.Damaged...)}
	for _, shard := range s.Missing {
		if !slices.ContainsFunc(s.Damaged, func(d Damage) bool { return d.Shard == shard }) {
			c.Missing = append(c.Missing, shard)
		}
	}
	return c, nil
}

// damagedCopies checks the copies of what the sweep needs.
func (m *Manifest) damagedCopies(dir string) []Damage {
	found := []Damage{}
	sweep, err := input.Read(filepath.Join(dir, sweepName), input.Config)
	var scenario []byte
	name := sweepName
	if err == nil && m.Scenario != "" {
		scenario, err = input.Read(filepath.Join(dir, scenarioName), input.Config)
		name += " or " + scenarioName
	}
	switch {
	case err != nil:
		found = append(found, Damage{name, "cannot be read: " + cause(err), -1})
	case hashSources(sweep, scenario) != m.Hash:
		found = append(found, Damage{name, "is not what the sweep was begun with", -1})
	}
	for _, in := range m.Inputs {
		if in.Copy == "" {
			continue
		}
		if hash, err := hashOf(filepath.Join(dir, filepath.FromSlash(in.Copy))); err != nil {
			found = append(found, Damage{in.Copy, "cannot be read: " + cause(err), -1})
		} else if hash != in.Hash {
			found = append(found, Damage{in.Copy, "is not what the sweep was begun with", -1})
		}
	}
	slices.SortFunc(found, func(a, b Damage) int { return bytes.Compare([]byte(a.Piece), []byte(b.Piece)) })
	return found
}

// Look looks at a sweep's folder again and again. It reads every shard once, and again when its file has changed. Safe for concurrent
// use.
type Look struct {
	dir  string
	mu   sync.Mutex
	read map[int]stamp
}

// stamp is what was found in a shard's file, and of which file.
type stamp struct {
	size, time int64
	damage     string // "": none
}

// NewLook returns a Look at a folder.
func NewLook(dir string) *Look { return &Look{dir: dir, read: map[int]stamp{}} }

// Status returns how far the sweep is.
func (l *Look) Status() (*State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := ReadManifest(l.dir)
	if err != nil {
		return nil, err
	}
	there, err := shardFiles(l.dir)
	if err != nil {
		return nil, err
	}
	if err := l.readNew(m, there); err != nil {
		return nil, err
	}
	s := &State{Manifest: m, Shards: m.Shards()}
	for shard := range s.Shards {
		file, ok := there[shard]
		damage := l.read[shard].damage
		switch {
		case !ok:
			s.Missing = append(s.Missing, shard)
		case damage != "":
			s.Missing = append(s.Missing, shard)
			s.Damaged = append(s.Damaged, Damage{filepath.ToSlash(shardName(shard)), damage, shard})
		default:
			s.Done++
			s.Bytes += file.size
		}
	}
	return s, nil
}

// readNew reads the shards that were not read before, on all cores.
func (l *Look) readNew(m *Manifest, there map[int]stamp) error {
	var todo []int
	for shard, file := range there {
		seen, ok := l.read[shard]
		if shard < m.Shards() && (!ok || seen.size != file.size || seen.time != file.time) {
			todo = append(todo, shard)
		}
	}
	slices.Sort(todo)
	errs := make([]error, len(todo))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(runtime.NumCPU(), len(todo)) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(todo)); i = next.Add(1) - 1 {
				_, errs[i] = m.readShard(l.dir, todo[i])
			}
		})
	}
	readers.Wait()
	for i, shard := range todo {
		var damaged *DamagedError
		found := there[shard]
		switch err := errs[i]; {
		case errors.As(err, &damaged):
			found.damage = damaged.Reason
		case errors.Is(err, errNoShard): // gone again
			delete(there, shard)
			continue
		case err != nil:
			return fmt.Errorf("cannot read a shard: %w", err)
		}
		l.read[shard] = found
	}
	return nil
}
