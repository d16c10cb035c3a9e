package experiments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"hidp/internal/durable"
	"hidp/results"
)

// Options say how experiments are reproduced.
type Options struct {
	Out      string // the folder for what they produce, created if missing
	Seed     uint64
	Jobs     int  // simulations at a time; at least 1
	Quick    bool // fewer seeds and a coarser grid
	Version  string
	Progress func(experiment string, done, total int) // nil for none; called by one goroutine at a time
}

// Report is what reproducing experiments produced.
type Report struct {
	Tables      []results.Table // for people, the published values beside ours
	Files       []string        // paths, in the order in which they were written
	Simulations int
}

// Text returns the tables for a terminal of the given width; 0 is no bound.
func (r *Report) Text(width int, colour bool) string {
	var parts []string
	for i := range r.Tables {
		parts = append(parts, r.Tables[i].Narrow(width).Text(colour))
	}
	return strings.Join(parts, "\n")
}

// yield is what one experiment produced, before it is written.
type yield struct {
	tables      []results.Table
	files       []durable.Output
	simulations int
	platform    string
}

// manifest says where the files of a folder come from. It holds nothing that differs between two runs of the same command.
type manifest struct {
	Version     string               `json:"version"`
	Command     string               `json:"command"`
	Seed        uint64               `json:"seed"`
	Quick       bool                 `json:"quick"`
	Experiments []manifestExperiment `json:"experiments"`
}

type manifestExperiment struct {
	Name        string         `json:"name"`
	Config      string         `json:"config_sha256"`
	Platform    string         `json:"platform"`
	Simulations int            `json:"simulations"`
	Files       []manifestFile `json:"files"`
}

type manifestFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Reproduce runs the named experiments, all for none, and writes what they produce to o.Out. Every experiment's files appear together
// when it is done; an error or a cancelled context leaves no part of one behind. The same options, Jobs and Progress aside, give the
// same bytes.
func Reproduce(ctx context.Context, names []string, o Options) (Report, error) {
	if len(names) == 0 {
		names = Names()
	}
	var todo []*Experiment
	for _, name := range names {
		e, err := Get(name)
		if err != nil {
			return Report{}, err
		}
		todo = append(todo, e)
	}
	if err := durable.Writable(o.Out); err != nil {
		return Report{}, err
	}
	var report Report
	m := manifest{Version: o.Version, Command: command(names, o), Seed: o.Seed, Quick: o.Quick}
	for _, e := range todo {
		y, err := e.run(ctx, o)
		if err != nil {
			return report, err
		}
		if err := report.write(o.Out, y.files); err != nil {
			return report, err
		}
		report.Tables, report.Simulations = append(report.Tables, y.tables...), report.Simulations+y.simulations
		m.Experiments = append(m.Experiments, describe(e, y))
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("experiments: " + err.Error())
	}
	return report, report.write(o.Out, []durable.Output{{Name: "manifest.json", Data: append(text, '\n')}})
}

func (e *Experiment) run(ctx context.Context, o Options) (*yield, error) {
	progress := func(done, total int) {
		if o.Progress != nil {
			o.Progress(e.Name, done, total)
		}
	}
	if e.kind == "claims" {
		return e.runClaims(ctx, o, progress)
	}
	return e.runBars(ctx, o, progress)
}

func (r *Report) write(dir string, files []durable.Output) error {
	if err := durable.WriteFiles(durable.Disk{}, dir, files); err != nil {
		return err
	}
	for _, f := range files {
		r.Files = append(r.Files, filepath.Join(dir, f.Name))
	}
	return nil
}

func describe(e *Experiment, y *yield) manifestExperiment {
	m := manifestExperiment{Name: e.Name, Config: configHash(e.Name), Platform: y.platform, Simulations: y.simulations}
	for _, f := range y.files {
		sum := sha256.Sum256(f.Data)
		m.Files = append(m.Files, manifestFile{f.Name, hex.EncodeToString(sum[:])})
	}
	return m
}

func command(names []string, o Options) string {
	text := fmt.Sprintf("hidp reproduce %s --seed %d", strings.Join(names, " "), o.Seed)
	if o.Quick {
		text += " --quick"
	}
	return text
}
