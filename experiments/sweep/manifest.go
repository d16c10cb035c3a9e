package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/internal/sealed"
)

// Format is the version of a sweep folder's layout. Folders of version 1 had no checksums; they are refused, and
// those of version 2, which have other columns and other seeds.
const Format = 3

// Manifest describes a sweep folder. It is written once, when everything else the folder needs is in place.
type Manifest struct {
	Format    int      `json:"format"`
	Name      string   `json:"name"`
	Hash      string   `json:"hash"`    // of the sweep file and the scenario it builds on
	Version   string   `json:"version"` // of the program that made the folder; shards of another one are refused
	Seed      uint64   `json:"seed"`
	Points    int64    `json:"points"`     // by number, those that break a constraint included
	Runs      int64    `json:"runs"`       // at most, with all replications; an estimate where constraints were only sampled
	ShardSize int64    `json:"shard_size"` // points per shard
	Columns   []Column `json:"columns"`

	File     string           `json:"file"`     // the sweep file's path, for messages
	Scenario string           `json:"scenario"` // the scenario file's path; empty if it stands in the sweep file
	Folder   string           `json:"folder"`   // where paths in the scenario start from
	Inputs   map[string]Input `json:"inputs"`   // other files that the scenario needs, by their paths from there

	SecondsPerPoint float64 `json:"seconds_per_point"` // as measured on some points before the start; 0: not measured

	Checksum string `json:"checksum"` // of the manifest's file, see package sealed
}

// Input is a file that the scenario, a value of an axis or another input names.
type Input struct {
	Hash string `json:"hash"`
	Copy string `json:"copy,omitempty"` // its copy below the sweep's folder, which is read instead; empty: it is too large
}

// Column is a column of the results.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // "int", "float", "text" or "bool"
	Unit string `json:"unit,omitempty"`
	Kind string `json:"kind"` // "key" (point, replication, seed), "axis", "metric" or "error"
}

// Shards returns how many shards the sweep has.
func (m *Manifest) Shards() int { return int((m.Points + m.ShardSize - 1) / m.ShardSize) }

// FolderError says that a folder is not, or does not go with, the sweep that was asked for. It is the user's fault.
type FolderError struct{ Dir, Reason string }

// Error implements error.
func (e *FolderError) Error() string { return e.Dir + ": " + e.Reason }

const manifestName = "manifest.json"

// DamagedError says that a piece of a sweep's folder is not as it was written, and how to go on.
type DamagedError struct{ Path, Reason string }

// Error implements error.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: %s; `hidp sweep verify` lists all damage, --resume with the sweep's file makes it good", e.Path, e.Reason)
}

// ReadManifest reads the manifest of a sweep folder. A folder that holds none, or one that this program cannot use, is a
// *FolderError; a damaged manifest is a *DamagedError.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	data, err := input.Read(path, input.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FolderError{dir, "holds no sweep (no " + manifestName + "); name the folder that `hidp sweep --out` wrote"}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the manifest: %w", err)
	}
	return parseManifest(dir, data)
}

// parseManifest is ReadManifest for what the file holds.
func parseManifest(dir string, data []byte) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	var m Manifest
	unsealed := sealed.Check(data)
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &DamagedError{path, fmt.Sprintf("is damaged: %v", err)}
	}
	switch {
	case m.Format != Format && (unsealed == nil || errors.Is(unsealed, sealed.ErrNone) && m.Format == 1):
		return nil, &FolderError{dir, fmt.Sprintf("has the layout of version %d, this program writes version %d; use the program that made it (%s), "+
			"or begin anew in another folder", m.Format, Format, m.Version)}
	case unsealed != nil:
		return nil, &DamagedError{path, unsealed.Error()}
	case m.Points < 1 || m.ShardSize < 1 || (m.Points-1)/m.ShardSize >= mostShards || len(m.Columns) == 0:
		return nil, &DamagedError{path, "is damaged: points, shard size or columns make no sense"}
	}
	return &m, nil
}

// mostShards bounds the files of a folder.
const mostShards = 1_000_000

func (m *Manifest) write(to store) error {
	m.Checksum = sealed.Blank
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("sweep: the manifest cannot be written as JSON: " + err.Error())
	}
	data = append(data, '\n')
	sealed.Seal(data)
	return durable.WriteFile(to.files, filepath.Join(to.dir, manifestName), data)
}

// inputsHash stands for all files that the scenario needs, with their content.
func (m *Manifest) inputsHash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m.Inputs)) {
		fmt.Fprintf(h, "%q %q\n", name, m.Inputs[name].Hash)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// shardName is the path of a shard below the sweep's folder.
func shardName(shard int) string { return filepath.Join("shards", fmt.Sprintf("%06d.parquet", shard)) }
