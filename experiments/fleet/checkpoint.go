package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hidp/results"
)

// A run's folder holds a manifest, which says what is being run, and a log with one line of JSON per site that is done, in the order in
// which they were. A line that was cut off by a crash is the last one and is dropped when the run goes on.
const (
	manifestName = "fleet.json"
	logName      = "sites.jsonl"
	formatNumber = 1
	syncEvery    = 64 // sites that a crash of the machine, not of the program, may lose
)

// manifest is what a folder belongs to.
type manifest struct {
	Format   int      `json:"format"`
	Title    string   `json:"title"`
	Digest   string   `json:"digest"`
	Seed     uint64   `json:"seed"`
	Strategy string   `json:"strategy"`
	Sites    int      `json:"sites"`
	Models   []uint64 `json:"models"` // fingerprints
}

func (d *Description) manifest() []byte {
	m := manifest{Format: formatNumber, Title: d.Title, Digest: d.Digest, Seed: d.Seed, Strategy: d.Strategy, Sites: d.Sites()}
	for _, g := range d.Models {
		m.Models = append(m.Models, g.Fingerprint())
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("fleet: " + err.Error()) // numbers and texts
	}
	return append(data, '\n')
}

// checkpoint is the log of a run under way.
type checkpoint struct {
	path    string
	file    *os.File
	pending int
}

// openFolder makes a folder that of a run, or checks that it is.
func openFolder(folder string, d *Description, resume bool) error {
	path := filepath.Join(folder, manifestName)
	held, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return results.WriteFile(path, d.manifest())
	case err != nil:
		return fmt.Errorf("cannot read the run's folder: %w", err)
	case !resume:
		return fmt.Errorf("%s holds a run already; resume it, or choose another folder", folder)
	case !bytes.Equal(held, d.manifest()):
		return fmt.Errorf("%s belongs to another run: its description, seed, strategy or networks differ; choose another folder", path)
	}
	return nil
}

// openCheckpoint returns the log of a folder, ready for more, and what it holds.
func openCheckpoint(folder string, d *Description, resume bool) (*checkpoint, []*outcome, error) {
	if err := openFolder(folder, d, resume); err != nil {
		return nil, nil, err
	}
	c := &checkpoint{path: filepath.Join(folder, logName)}
	done, whole, err := readLog(c.path, d.Sites())
	if err != nil {
		return nil, nil, err
	}
	if c.file, err = os.OpenFile(c.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644); err == nil {
		err = c.file.Truncate(whole)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot write the run's folder: %w; choose a folder that you may write to", err)
	}
	return c, done, nil
}

// readLog returns the sites of a log and how many of its bytes are whole lines.
func readLog(path string, sites int) (done []*outcome, whole int64, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot read the run's folder: %w", err)
	}
	for number := 1; ; number++ {
		line, rest, terminated := bytes.Cut(data, []byte("\n"))
		if !terminated {
			return done, whole, nil
		}
		out := &outcome{}
		if err := json.Unmarshal(line, out); err != nil || out.Site < 0 || out.Site >= sites {
			return nil, 0, fmt.Errorf("%s:%d: is no site of this run; the file is damaged: remove that line, its site will be simulated anew", path, number)
		}
		done = append(done, out)
		whole += int64(len(line)) + 1
		data = rest
	}
}

// add writes a site in one piece.
func (c *checkpoint) add(out *outcome) error {
	line, err := json.Marshal(out)
	if err == nil {
		_, err = c.file.Write(append(line, '\n'))
	}
	if c.pending++; err == nil && c.pending == syncEvery {
		c.pending = 0
		err = c.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("cannot keep what is done: %w", err)
	}
	return nil
}

func (c *checkpoint) close() error {
	if err := errors.Join(c.file.Sync(), c.file.Close()); err != nil {
		return fmt.Errorf("cannot keep what is done: %w", err)
	}
	return nil
}
