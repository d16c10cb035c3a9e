package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"hidp/devices"
	"hidp/internal/build"
	"hidp/internal/durable"
	"hidp/internal/sealed"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Checkpoints says when a run writes down its state, from which Resume goes on. A run that its context ends writes a last one
// before it returns. Without Save there are none.
type Checkpoints struct {
	Due  func(Progress) bool     // whether to write one now; asked every few thousand instants; nil: only at the end
	Save func(data []byte) error // keeps it, see SaveTo; an error ends the run
}

// CheckpointError says why a run cannot be resumed.
type CheckpointError struct{ Reason string }

// Error implements error.
func (e *CheckpointError) Error() string { return "checkpoint: " + e.Reason }

// checkpointHead begins every checkpoint: what it is, and the version of what follows. The hash of the configuration follows, then
// the state as coder writes it, then the checksum.
const checkpointHead = "hidp checkpoint 6\n"

// checkpointTail ends every checkpoint, with the checksum filled in.
var checkpointTail = "\n" + sealed.Blank + "\n"

// checkpoint writes down the run.
func (s *simulation) checkpoint() []byte {
	c := coder{}
	s.code(&c)
	data := slices.Concat([]byte(checkpointHead), s.cfg.hash(), c.data, []byte(checkpointTail))
	sealed.Seal(data)
	return data
}

// Resume goes on with a run from a checkpoint and puts out what the run would have, had it not been interrupted, to the last
// byte. The configuration must be that of the run, with its Arrivals or Clients at their beginning: they are drawn from again up
// to where the run was. It returns a *CheckpointError if data is no checkpoint, is damaged, or is one of another configuration;
// else what Run returns. PlanKey and the type of the Strategy stand for the strategy; of clients it is only known how many requests
// they sent. With PlanningMeasured the times measured for plans made so far are kept.
func Resume(ctx context.Context, cfg Config, data []byte) (*Result, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s, err := restore(cfg, data)
	if err != nil {
		return nil, err
	}
	return s.run(ctx)
}

func restore(cfg Config, data []byte) (*simulation, error) {
	rest, ok := bytes.CutPrefix(data, []byte(checkpointHead))
	const size = sha256.Size
	switch {
	case !ok && bytes.HasPrefix(data, []byte("hidp checkpoint ")):
		return nil, &CheckpointError{fmt.Sprintf("was written by another version: %.24q instead of %q", data, checkpointHead)}
	case !ok:
		return nil, &CheckpointError{"is not a checkpoint"}
	case sealed.Check(data) != nil || len(rest) < size+len(checkpointTail):
		return nil, &CheckpointError{"is damaged: the checksum is wrong"}
	}
	s := newSimulation(cfg)
	if !bytes.Equal(rest[:size], s.cfg.hash()) {
		return nil, &CheckpointError{"is one of another run: program, platform, models, strategy, seed, limits and faults must be the same"}
	}
	c := coder{data: rest[size : len(rest)-len(checkpointTail)], reading: true}
	if s.code(&c); c.err != nil {
		return nil, &CheckpointError{"cannot be read: " + c.err.Error()}
	}
	if err := s.skip(); err != nil {
		return nil, err
	}
	return s, nil
}

// skip draws again the arrivals that the run had drawn.
func (s *simulation) skip() error {
	for i := range s.sites {
		t := &s.sites[i]
		drawn, hash := t.drawn, t.drawnHash
		t.drawn, t.drawnHash = 0, 0
		s.skipAt(t, drawn)
		if t.drawn != drawn || t.drawnHash != hash {
			return &CheckpointError{"is one of another run: the requests come at other times, or for other models"}
		}
	}
	return nil
}

// skipAt draws the arrivals of a site up to a number of them.
func (s *simulation) skipAt(t *site, drawn int64) {
	if s.cfg.Clients != nil {
		for _, x := range s.cfg.Clients.Start() {
			s.note(t, x)
		}
	}
	for ok := true; ok && t.drawn < drawn; {
		var x workloads.Arrival
		if s.cfg.Clients != nil {
			x, ok = s.cfg.Clients.Completed(0, 0)
		} else {
			x, ok = t.arrivals.Next()
		}
		s.note(t, x)
	}
}

// hash returns the hash of what the run depends on, as far as that can be written down.
func (c *Config) hash() []byte {
	models := make([]uint64, len(c.Models))
	for i, g := range c.Models {
		models[i] = g.Fingerprint()
	}
	f := c.sites()
	classes := make([]any, len(f.Classes))
	for i := range f.Classes {
		classes[i] = f.Classes[i].identity()
	}
	sites := make([]Site, len(f.Sites))
	for i, x := range f.Sites {
		sites[i], sites[i].Arrivals = x, nil
	}
	data, err := json.Marshal(struct {
		Program    string
		Fleet      bool
		Classes    []any
		Sites      []Site
		Nodes      []devices.Node
		Resources  []devices.Resource
		PlanKey    string
		Models     []uint64
		Batch      int
		Closed     bool
		Horizon    int64
		Mode       PlanningMode
		Fixed      int64
		Faults     Faults
		Records    bool
		TraceLimit int
	}{build.Identity(), c.Fleet != nil, classes, sites, f.Nodes, f.Resources, c.PlanKey, models, c.Batch, c.Clients != nil, int64(c.Horizon), c.Planning.Mode,
		int64(c.Planning.Fixed), c.Faults, c.Records, c.TraceLimit})
	if err != nil {
		panic("sim: a configuration that cannot be written down: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return sum[:]
}

// identity returns what stands for a class of sites in the hash.
func (k *SiteClass) identity() any {
	var p *plan.Plan
	if f, ok := k.Strategy.(fixedPlan); ok {
		p = f.plan
	}
	return struct {
		Truth, Belief *devices.Platform
		Strategy      string
		Plan          *plan.Plan
		Leader        int
		Leaders       []int
	}{k.Truth, k.Belief, fmt.Sprintf("%T", k.Strategy), p, k.Leader, k.Leaders}
}

// SaveTo returns a Checkpoints.Save that keeps the last checkpoint in a file, which is whole at any moment.
func SaveTo(files durable.Files, file string) func([]byte) error {
	return func(data []byte) error {
		if err := durable.WriteFile(files, file, data); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		return nil
	}
}
