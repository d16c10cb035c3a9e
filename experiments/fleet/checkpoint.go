package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hidp/internal/build"
	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/internal/sealed"
)

// A run's folder holds a manifest, which says what is being run, and a log with one line of JSON per site that is done, in the order in
// which they were. Each line has a checksum, which also says of which run it is. Lines that a crash cut off, or that are damaged, are
// dropped when the run goes on, and their sites are simulated anew.
const (
	manifestName = "fleet.json"
	logName      = "sites.jsonl"
	formatNumber = 3  // 1 had no checksums, 2 another energy
	syncEvery    = 64 // sites that a crash of the machine, not of the program, may lose
)

// manifest is what a folder belongs to.
type manifest struct {
	Format   int      `json:"format"`
	Version  string   `json:"version"` // of the program: what two programs computed is not mixed
	Title    string   `json:"title"`
	Digest   string   `json:"digest"`
	Seed     uint64   `json:"seed"`
	Strategy string   `json:"strategy"`
	Sites    int      `json:"sites"`
	Models   []uint64 `json:"models"` // fingerprints
	Checksum string   `json:"checksum"`
}

func (d *Description) manifest() []byte {
	m := manifest{Format: formatNumber, Version: build.Identity(), Checksum: sealed.Blank, Title: d.Title, Digest: d.Digest, Seed: d.Seed, Strategy: d.Strategy, Sites: d.Sites()}
	for _, g := range d.Models {
		m.Models = append(m.Models, g.Fingerprint())
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("fleet: " + err.Error()) // numbers and texts
	}
	data = append(data, '\n')
	sealed.Seal(data)
	return data
}

// checkpoint is the log of a run under way.
type checkpoint struct {
	path    string
	run     string // what its lines belong to
	file    durable.File
	pending int
}

// openFolder makes a folder that of a run, or checks that it is.
func openFolder(d *Description, o Options) error {
	path := filepath.Join(o.Folder, manifestName)
	held, err := input.Read(path, input.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return durable.WriteFiles(durable.OrDisk(o.Files), o.Folder, []durable.Output{{Name: manifestName, Data: d.manifest()}})
	}
	if err != nil {
		return fmt.Errorf("cannot read the run's folder: %w", err)
	}
	if !o.Resume {
		return fmt.Errorf("%s holds a run already; resume it, or choose another folder", o.Folder)
	}
	if bytes.Equal(held, d.manifest()) {
		return nil
	}
	var m manifest
	parsed, unsealed := json.Unmarshal(held, &m), sealed.Check(held)
	switch {
	case parsed == nil && m.Format == 1 && errors.Is(unsealed, sealed.ErrNone):
		return fmt.Errorf("%s was written by an older program, without checksums; finish the run with that one, or choose another folder", path)
	case unsealed != nil || parsed != nil:
		return fmt.Errorf("%s is damaged; remove that file and resume: what the folder holds of this very run is kept", path)
	case m.Version != build.Identity():
		return fmt.Errorf("%s was begun by version %q of the program and this is %q; finish it with that one, or choose another folder",
			path, m.Version, build.Identity())
	}
	return fmt.Errorf("%s belongs to another run: its description, seed, strategy or networks differ; choose another folder", path)
}

// openCheckpoint returns the log of a folder, ready for more, and what it holds.
func openCheckpoint(d *Description, o Options) (*checkpoint, []*outcome, error) {
	if err := openFolder(d, o); err != nil {
		return nil, nil, err
	}
	files := durable.OrDisk(o.Files)
	c := &checkpoint{path: filepath.Join(o.Folder, logName), run: string(d.manifest())}
	done, whole, err := c.read(d.Sites(), o.Warn)
	if err != nil {
		return nil, nil, err
	}
	if whole != nil {
		err = durable.WriteFile(files, c.path, whole)
	}
	if err == nil {
		c.file, err = files.Open(c.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot write the run's folder: %w; choose a folder that you may write to", err)
	}
	if err := files.SyncFolder(o.Folder); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot write the run's folder: %w", err), c.file.Close())
	}
	return c, done, nil
}

// read returns the sites of the log. If some of it is not as it was written, read tells warn so and returns the rest of the log.
func (c *checkpoint) read(sites int, warn func(string)) (done []*outcome, whole []byte, err error) {
	data, err := input.Read(c.path, input.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the run's folder: %w", err)
	}
	var damaged []string
	whole = make([]byte, 0, len(data))
	number := 0
	for line := range bytes.Lines(data) {
		number++
		out, err := c.parse(line, sites)
		switch {
		case err == nil:
			done = append(done, out)
			whole = append(whole, line...)
		case line[len(line)-1] == '\n': // else it was cut off by a crash, which is no damage
			damaged = append(damaged, strconv.Itoa(number))
		}
	}
	if len(damaged) > 0 && warn != nil {
		warn(fmt.Sprintf("%s: damaged, or of another run: lines %s; their sites are simulated anew", c.path, strings.Join(damaged[:min(20, len(damaged))], ", ")))
	}
	if len(whole) == len(data) {
		whole = nil
	}
	return done, whole, nil
}

// line is what the log holds of a site.
type line struct {
	*outcome
	Checksum string `json:"checksum"`
}

// parse reads a line of the log.
func (c *checkpoint) parse(data []byte, sites int) (*outcome, error) {
	if err := sealed.Check(data, c.run); err != nil {
		return nil, err
	}
	x := line{outcome: &outcome{}}
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, err
	}
	if x.Site < 0 || x.Site >= sites {
		return nil, fmt.Errorf("there is no site %d", x.Site)
	}
	return x.outcome, unpack(x.Bins, newClassBins())
}

// add writes a site in one piece.
func (c *checkpoint) add(out *outcome) error {
	data, err := json.Marshal(line{out, sealed.Blank})
	if err == nil {
		data = append(data, '\n')
		sealed.Seal(data, c.run)
		_, err = c.file.Write(data)
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
