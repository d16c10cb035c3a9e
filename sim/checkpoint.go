package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hidp/devices"
	"hidp/strategies"
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

// checkpointHead begins every checkpoint: what it is, and the version of what follows. The hashes of the rest and of the
// configuration follow, then the state as coder writes it.
const checkpointHead = "hidp checkpoint 2\n"

// checkpoint writes down the run.
func (s *simulation) checkpoint() []byte {
	c := coder{}
	s.code(&c)
	body := append(s.cfg.hash(), c.data...)
	sum := sha256.Sum256(body)
	return append(append([]byte(checkpointHead), sum[:]...), body...)
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
	case len(rest) < 2*size || [size]byte(rest) != sha256.Sum256(rest[size:]):
		return nil, &CheckpointError{"is damaged: the checksum is wrong"}
	}
	s := newSimulation(cfg)
	if !bytes.Equal(rest[size:2*size], s.cfg.hash()) {
		return nil, &CheckpointError{"is one of another run: platform, models, strategy, seed, limits and faults must be the same"}
	}
	c := coder{data: rest[2*size:], reading: true}
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
	drawn, hash := s.drawn, s.drawnHash
	s.drawn, s.drawnHash = 0, 0
	if s.cfg.Clients != nil {
		for _, x := range s.cfg.Clients.Start() {
			s.note(x)
		}
	}
	for ok := true; ok && s.drawn < drawn; {
		var x workloads.Arrival
		if s.cfg.Clients != nil {
			x, ok = s.cfg.Clients.Completed(0, 0)
		} else {
			x, ok = s.cfg.Arrivals.Next()
		}
		s.note(x)
	}
	if s.drawn != drawn || s.drawnHash != hash {
		return &CheckpointError{"is one of another run: the requests come at other times, or for other models"}
	}
	return nil
}

// hash returns the hash of what the run depends on, as far as that can be written down.
func (c *Config) hash() []byte {
	models := make([]uint64, len(c.Models))
	for i, g := range c.Models {
		models[i] = g.Fingerprint()
	}
	var plan *strategies.Plan
	if f, ok := c.Strategy.(fixedPlan); ok {
		plan = f.plan
	}
	data, err := json.Marshal(struct {
		Truth, Belief *devices.Platform
		Strategy      string
		PlanKey       string
		Plan          *strategies.Plan
		Models        []uint64
		Batch, Leader int
		Leaders       []int
		Closed        bool
		Horizon       int64
		Mode          PlanningMode
		Fixed         int64
		Faults        Faults
		Seed          uint64
		Records       bool
		TraceLimit    int
	}{c.Truth, c.Belief, fmt.Sprintf("%T", c.Strategy), c.PlanKey, plan, models, c.Batch, c.Leader, c.Leaders, c.Clients != nil,
		int64(c.Horizon), c.Planning.Mode, int64(c.Planning.Fixed), c.Faults, c.Seed, c.Records, c.TraceLimit})
	if err != nil {
		panic("sim: a configuration that cannot be written down: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return sum[:]
}

// SaveTo returns a Checkpoints.Save that keeps the last checkpoint in a file, which is whole at any moment: it is written beside
// it, synced and renamed.
func SaveTo(file string) func([]byte) error {
	return func(data []byte) error {
		f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp")
		if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		_, err = f.Write(data)
		err = errors.Join(err, f.Sync(), f.Close())
		if err == nil {
			err = os.Rename(f.Name(), file)
		}
		if err != nil {
			return fmt.Errorf("checkpoint: %w", errors.Join(err, os.Remove(f.Name())))
		}
		return nil
	}
}
