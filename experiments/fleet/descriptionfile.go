package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/units"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/workloads"
	"hidp/workloads/models"
)

// file is the TOML of a fleet.
type file struct {
	Title    string         `toml:"title"`
	Seed     int64          `toml:"seed"`
	Duration units.Duration `toml:"duration,required"`
	Planning units.Duration `toml:"planning"`
	Strategy strategyFile   `toml:"strategy,required"`
	Workload workloadFile   `toml:"workload,required"`
	Load     loadFile       `toml:"load,required"`
	Site     []siteFile     `toml:"site,required"`
	Cloud    *cloudFile     `toml:"cloud"`
	Backbone *backboneFile  `toml:"backbone"`
}

type strategyFile struct {
	Name    string         `toml:"name,required"`
	Options map[string]any `toml:"options"`
}

type workloadFile struct {
	Models  []string  `toml:"models,required"`
	Weights []float64 `toml:"weights"` // of a random mix; equal parts, in turn, if missing
	Batch   int       `toml:"batch"`
	Input   string    `toml:"input"` // "float32" or "uint8"
}

type loadFile struct {
	RequestsPerDay float64         `toml:"requests_per_day,required"` // per site, on average
	Swing          *units.Fraction `toml:"swing"`                     // of a sine over the day
	Peak           *units.Duration `toml:"peak"`                      // when it is highest, local time
	Hourly         []float64       `toml:"hourly"`                    // or 24 relative numbers
}

type siteFile struct {
	Name    string         `toml:"name,required"`
	Count   int            `toml:"count,required"`
	Runtime string         `toml:"runtime,required"`
	Leader  string         `toml:"leader,required"`
	Load    float64        `toml:"load"` // times the fleet's
	Offset  units.Duration `toml:"offset"`
	Cell    cellFile       `toml:"cell,required"`
	Node    []nodeFile     `toml:"node,required"`
}

type cellFile struct {
	Rate    units.Rate     `toml:"rate,required"`
	Latency units.Duration `toml:"latency,required"`
	Jitter  units.Duration `toml:"jitter"`
	ViaAP   bool           `toml:"via_access_point"`
}

type nodeFile struct {
	Name  string `toml:"name,required"`
	Board string `toml:"board,required"`
	Count int    `toml:"count"`
}

type cloudFile struct {
	Board   string         `toml:"board,required"`
	Runtime string         `toml:"runtime,required"`
	Rate    units.Rate     `toml:"rate,required"` // of a site's uplink, each way
	Latency units.Duration `toml:"latency,required"`
	Jitter  units.Duration `toml:"jitter"`
	Nodes   int            `toml:"nodes"` // that the sites share; none: each has one of its own
	Link    *units.Rate    `toml:"link"`  // of such a node, each way; none: boundless
}

type backboneFile struct {
	Rate units.Rate `toml:"rate,required"` // each way, of all sites together
}

// Bounds on what a description may ask for, so that a slip of the pen is a message and not an hour of waiting for memory.
const (
	mostSites     = 1_000_000
	mostBoards    = 256  // per site
	leastRate     = 1000 // bit/s
	longestFleet  = 366 * 24 * time.Hour
	mostRequests  = 1e9 // per site and day
	hoursOfTheDay = 24
)

// Open reads a fleet from a TOML file. All faults come at once, with their lines. Paths of networks and boards in it are relative to
// its folder.
func Open(path string) (*Description, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, fmt.Errorf("fleet file: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a fleet from the content of the file at path; the file itself is not opened.
func Parse(path string, data []byte) (*Description, error) {
	f := file{Seed: 1, Workload: workloadFile{Batch: 1, Input: "float32"}}
	p, _ := strict.Parse(path, data, &f)
	sum := sha256.Sum256(data)
	d := &Description{Title: f.Title, Seed: uint64(f.Seed), Duration: f.Duration.Std(), Planning: f.Planning.Std(),
		Strategy: f.Strategy.Name, Batch: f.Workload.Batch, Digest: hex.EncodeToString(sum[:])}
	if d.Title == "" {
		d.Title = strings.TrimSuffix(filepath.Base(path), ".toml")
	}
	if f.Seed < 0 {
		p.Faultf("seed", "is %d; write a whole number from 0", f.Seed)
	}
	if d.Duration == 0 || d.Duration > longestFleet {
		p.Faultf("duration", `is %v; write a duration from "1 s" to "8784 h"`, f.Duration)
	}
	d.Options = f.Strategy.options(p.Under("strategy"))
	f.Workload.resolve(p.Under("workload"), filepath.Dir(path), d)
	d.Load = f.Load.resolve(p.Under("load"))
	d.Shared = f.shared(p)
	f.sites(p, filepath.Dir(path), d)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// options turns the file's values into the texts that strategies read and lets the strategy judge them.
func (f *strategyFile) options(p *strict.Problems) strategies.Options {
	opts := strategies.Options{}
	for _, name := range slices.Sorted(maps.Keys(f.Options)) {
		switch v := f.Options[name].(type) {
		case string, bool, int64, float64:
			opts[name] = fmt.Sprint(v)
		default:
			p.Faultf(strict.Key("options", name), "must be a text, a number, true or false")
		}
	}
	var bad *strategies.OptionError
	switch _, err := catalog.New(f.Name, opts); {
	case errors.As(err, &bad):
		for _, fault := range bad.Faults {
			p.Faultf("options", "%s", fault)
		}
	case err != nil:
		p.Faultf("name", "%v", err)
	}
	return opts
}

func (f *workloadFile) resolve(p *strict.Problems, folder string, d *Description) {
	if f.Batch < 1 || f.Batch > 1<<16 {
		p.Faultf("batch", "is %d; write a number from 1 to 65536", f.Batch)
	}
	if f.Input != "float32" && f.Input != "uint8" {
		p.Faultf("input", "is %q; write float32 or uint8", f.Input)
	}
	for i, name := range f.Models {
		path := name
		if !filepath.IsAbs(name) && (strings.HasSuffix(strings.ToLower(name), ".onnx") || strings.HasSuffix(strings.ToLower(name), ".toml")) {
			path = filepath.Join(folder, name)
		}
		g, err := models.Open(path, models.Options{})
		if err != nil {
			p.Faultf(strict.Index("models", i), "%v", err)
			continue
		}
		if f.Input == "uint8" {
			g = g.WithInputBytes(1)
		}
		d.Models = append(d.Models, g)
	}
	if len(f.Models) == 0 {
		p.Faultf("models", `is empty; name at least one, e.g. ["resnet50"]`)
	}
	d.Mix = workloads.Equal(len(f.Models))
	if !p.Has("weights") {
		return
	}
	d.Mix = workloads.Mix{Weights: f.Weights}
	if len(f.Weights) != len(f.Models) {
		p.Faultf("weights", "has %d numbers for %d models; write one for each", len(f.Weights), len(f.Models))
	} else if err := d.Mix.Validate(); err != nil {
		p.Faultf("weights", "%v", err)
	}
}

func (f *loadFile) resolve(p *strict.Problems) Load {
	l := Load{PerDay: f.RequestsPerDay, Hourly: f.Hourly}
	if !(f.RequestsPerDay > 0 && f.RequestsPerDay <= mostRequests) {
		p.Faultf("requests_per_day", "is %v; write a number above 0 and up to %g", f.RequestsPerDay, float64(mostRequests))
	}
	if f.Hourly != nil && (f.Swing != nil || f.Peak != nil) {
		p.Faultf("hourly", "does not go with swing and peak; write one or the other")
	}
	if f.Swing != nil {
		if l.Swing = f.Swing.Value(); !(l.Swing >= 0 && l.Swing <= 1) {
			p.Faultf("swing", `is %v; write a share from "0 %%" to "100 %%"`, f.Swing)
		}
	}
	if f.Peak != nil {
		l.Peak = f.Peak.Std()
	}
	if p.Has("hourly") {
		if err := l.checkHourly(); err != nil {
			p.Faultf("hourly", "%v", err)
		}
	}
	return l
}

// shared resolves what the sites share.
func (f *file) shared(p *strict.Problems) (s Shared) {
	rate := func(key string, r units.Rate) float64 {
		if r < leastRate {
			p.Faultf(key, `is %v; write at least "1 kbit/s"`, r)
		}
		return r.BytesPerSecond()
	}
	if f.Backbone != nil {
		if s.Backbone = rate("backbone.rate", f.Backbone.Rate); f.Cloud == nil {
			p.Faultf("backbone", "leads nowhere: write a [cloud] too")
		} else if f.Backbone.Rate < f.Cloud.Rate {
			p.Faultf("backbone.rate", "is less than cloud.rate, that of one site's uplink")
		}
	}
	if f.Cloud == nil {
		return s
	}
	s.Nodes = f.Cloud.Nodes
	if p.Has("cloud.nodes") && s.Nodes < 1 || s.Nodes > mostSites {
		p.Faultf("cloud.nodes", "is %d; write a number from 1 to %d", s.Nodes, mostSites)
	}
	if f.Cloud.Link != nil {
		if s.Link = rate("cloud.link", *f.Cloud.Link); s.Nodes == 0 {
			p.Faultf("cloud.link", "goes with cloud.nodes: it is shared by the sites of a node")
		}
	}
	return s
}

// boards opens boards once each.
type boards struct {
	folder string
	open   map[string]*devices.Board
}

func (b *boards) get(name string) (*devices.Board, error) {
	if board, ok := b.open[name]; ok {
		return board, nil
	}
	board, err := devices.LoadBoard(name)
	if strings.HasSuffix(name, ".toml") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(b.folder, path)
		}
		var data []byte
		if data, err = input.Read(path, input.Config); err == nil {
			board, err = devices.ParseBoard(path, data)
		}
	}
	if err == nil {
		b.open[name] = board
	}
	return board, err
}
