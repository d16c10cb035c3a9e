package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"hidp/results"
)

// Format is the version of a sweep folder's layout.
const Format = 1

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

// ReadManifest reads the manifest of a sweep folder. A folder that holds none, or one that this program cannot use, is a
// *FolderError.
func ReadManifest(dir string) (*Manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FolderError{dir, "holds no sweep (no " + manifestName + "); name the folder that `hidp sweep --out` wrote"}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &FolderError{dir, fmt.Sprintf("%s is damaged: %v", manifestName, err)}
	}
	switch {
	case m.Format != Format:
		return nil, &FolderError{dir, fmt.Sprintf("has the layout of version %d, this program writes version %d; use the program that made it (%s)",
			m.Format, Format, m.Version)}
	case m.Points < 1 || m.ShardSize < 1 || (m.Points-1)/m.ShardSize >= mostShards || len(m.Columns) == 0:
		return nil, &FolderError{dir, manifestName + " is damaged: points, shard size or columns make no sense"}
	}
	return &m, nil
}

// mostShards bounds the files of a folder.
const mostShards = 1_000_000

func (m *Manifest) write(dir string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("sweep: the manifest cannot be written as JSON: " + err.Error())
	}
	return results.WriteFile(filepath.Join(dir, manifestName), append(data, '\n'))
}

// ProgramVersion returns the module version and the commit that the program was built from, as shards and manifests carry them.
func ProgramVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v += " " + s.Value
		case "vcs.modified":
			if s.Value == "true" {
				v += " modified"
			}
		}
	}
	return v
}

// shardName is the path of a shard below the sweep's folder.
func shardName(shard int) string { return filepath.Join("shards", fmt.Sprintf("%06d.parquet", shard)) }
