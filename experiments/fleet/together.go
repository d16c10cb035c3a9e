package fleet

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/internal/sealed"
	"hidp/sim"
	"hidp/strategies/plan"
)

// stateName is the file in a run's folder that holds the state of the run of all sites at once: as it was when it was written last, or
// its outcome.
const stateName = "run.checkpoint"

// state is what that file holds, between its head and a checksum.
type state struct {
	Outcomes []*outcome
	Shared   *SharedFigures // of a run that is done
	Run      []byte         // the simulator's checkpoint; nil when the run is done
}

const stateHead = "hidp fleet checkpoint 2\n"

// stateTail ends the file, with the checksum filled in.
var stateTail = "\n" + sealed.Blank + "\n"

// together simulates all sites in one run.
func (r *run) together(ctx context.Context) error {
	if r.options.Folder != "" {
		if err := openFolder(r.fleet, r.options); err != nil {
			return err
		}
	}
	held, err := r.readState()
	if err != nil {
		return err
	}
	for i := range r.outcomes {
		if r.outcomes[i] = (&outcome{Site: i, latencies: &tally{}}); held != nil {
			r.outcomes[i] = held.Outcomes[i]
		}
		r.progress.Resumed += r.outcomes[i].Completed
	}
	r.progress.Requests = r.progress.Resumed
	if held != nil && held.Run == nil {
		r.shared = held.Shared
		r.close()
		r.tell(0, len(r.outcomes))
		return nil
	}
	return r.simulateAll(ctx, held)
}

// simulateAll runs the sites, from where they were.
func (r *run) simulateAll(ctx context.Context, held *state) error {
	cfg, err := r.fleet.union()
	if err != nil {
		return err
	}
	for _, c := range cfg.Fleet.Classes {
		defer plan.Close(c.Strategy)
		defer plan.CloseWith(ctx, c.Strategy)()
	}
	told := r.progress.Requests
	cfg.Observe.Request = func(x sim.Record) {
		o := r.outcomes[x.Site]
		if o.record(x); x.Failed == "" {
			o.Completed++
		}
	}
	cfg.Observe.Progress = func(p sim.Progress) { told += r.tell(p.Completed-told, 0) }
	if r.options.Folder != "" {
		cfg.Checkpoints = sim.Checkpoints{Due: r.options.Due, Save: func(data []byte) error { return r.writeState(&state{Run: data}) }}
	}
	var result *sim.Result
	if held != nil {
		result, err = sim.Resume(ctx, cfg, held.Run)
	} else {
		result, err = sim.Run(ctx, cfg)
	}
	if result == nil {
		return err
	}
	r.take(result, cfg.Fleet)
	if err != nil {
		r.shared.Until = result.Makespan.Seconds()
		return err
	}
	if r.options.Folder != "" {
		err = r.writeState(&state{Shared: r.shared})
	}
	r.tell(result.Completed-told, len(r.outcomes))
	return err
}

// take takes over what the run measured, or has measured so far.
func (r *run) take(result *sim.Result, f *sim.Fleet) {
	for i, x := range result.Sites {
		o := r.outcomes[i]
		o.Arrived, o.Completed, o.Failed, o.Makespan = x.Arrived, x.Completed, x.Failed, x.Makespan
		o.Serving, o.Platform = x.ServingJoules, x.EnergyPlatform
	}
	s := &SharedFigures{CloudNodes: len(f.Nodes), Events: result.Events}
	span := max(result.Makespan, time.Nanosecond).Seconds()
	for _, n := range result.Nodes[len(result.Nodes)-len(f.Nodes):] {
		busiest := time.Duration(0)
		for _, c := range n.Clusters {
			busiest = max(busiest, c.Busy)
		}
		s.CloudBusy += busiest.Seconds() / span / float64(len(f.Nodes))
		s.CloudEnergy += n.Energy()
		s.Serving += n.ServingEnergy()
	}
	if rate := r.fleet.Shared.Backbone; rate > 0 {
		carried := result.Resources[len(result.Resources)-len(f.Resources):]
		s.BackboneOut, s.BackboneIn = carried[0].Bytes/rate/span, carried[1].Bytes/rate/span
	}
	r.shared = s
	r.close()
}

// close works out the percentiles of the sites and adds their latencies to those of their classes.
func (r *run) close() {
	h := newHistogram()
	for i, o := range r.outcomes {
		h.Reset()
		o.latencies.(*tally).pour(h)
		o.P50, o.P99 = quantile(h, 50), quantile(h, 99)
		k, _ := r.fleet.locate(i)
		for b, n := range h.Export().Counts {
			r.bins[k][b] += n
		}
	}
}

// writeState writes the state of the run and of the outcomes, at the same moment.
func (r *run) writeState(s *state) error {
	s.Outcomes = make([]*outcome, len(r.outcomes))
	for i, o := range r.outcomes {
		copied := *o
		copied.Bins, copied.latencies = o.latencies.(*tally).pack(), nil
		s.Outcomes[i] = &copied
	}
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(s); err != nil {
		panic("fleet: " + err.Error()) // numbers and texts
	}
	data := slices.Concat([]byte(stateHead), body.Bytes(), []byte(stateTail))
	sealed.Seal(data, string(r.fleet.manifest()))
	return sim.SaveTo(durable.OrDisk(r.options.Files), filepath.Join(r.options.Folder, stateName))(data)
}

// readState returns what the folder holds of the run, nil if that is nothing.
func (r *run) readState() (*state, error) {
	if r.options.Folder == "" || !r.options.Resume {
		return nil, nil
	}
	path := filepath.Join(r.options.Folder, stateName)
	data, err := input.Read(path, input.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the run's folder: %w", err)
	}
	rest, ok := bytes.CutPrefix(data, []byte(stateHead))
	var s state
	if !ok || sealed.Check(data, string(r.fleet.manifest())) != nil ||
		gob.NewDecoder(bytes.NewReader(rest)).Decode(&s) != nil || len(s.Outcomes) != len(r.outcomes) {
		return nil, fmt.Errorf("%s is damaged, or of another version; remove it to start anew", path)
	}
	for _, o := range s.Outcomes {
		if o.latencies, err = unpackTally(o.Bins); err != nil {
			return nil, fmt.Errorf("%s: site %d: %w", path, o.Site, err)
		}
		o.Bins = ""
	}
	return &s, nil
}
