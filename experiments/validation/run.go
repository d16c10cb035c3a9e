package validation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hidp/devices"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// Options say what is validated and on what.
type Options struct {
	Matrix   *Matrix
	Platform *devices.Platform // the testbed's: what strategies believe in and the simulator runs on
	Bench    Bench
	Check    bool                                         // compare outputs with those of the unsplit network
	Load     func(model string) (*workloads.Graph, error) // nil: zoo.Get

	Version, Command string
	Conditions       []string // what a reader must know of the testbed: machine, load, what is emulated and how
	// Progress is told before every run, and once at the end with an empty case. Nil for none.
	Progress func(done, total int, what string)
}

// MeasureError is a run that could not take place.
type MeasureError struct {
	Model, Strategy string
	Why             error
}

// Error implements error.
func (e *MeasureError) Error() string {
	return fmt.Sprintf("%s under %s: %v", e.Model, e.Strategy, e.Why)
}

// Unwrap returns why.
func (e *MeasureError) Unwrap() error { return e.Why }

// attempts is how often a plan is run before it is given up.
const attempts = 2

// Run measures and simulates every cell of the matrix. Cells with equal plans share one measurement. Where a run cannot be trusted it
// is repeated once. With an error comes the report of what was done until then, or nil if that is nothing: a *MeasureError, a
// *DisagreementError, the context's error, or what is wrong with the matrix.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Load == nil {
		o.Load = zoo.Get
	}
	cells, err := planAll(o.Matrix, o.Platform, o.Load)
	if err != nil {
		return nil, err
	}
	v := &validator{Options: o, cells: cells, compared: make([]*comparison, len(cells))}
	for i := range cells {
		if cells[i].plan != nil && cells[i].same == i {
			v.total++
		}
	}
	err = v.all(ctx)
	if err != nil && v.done == 0 {
		return nil, err
	}
	v.progress("")
	return v.report(), err
}

// validator goes through the cells.
type validator struct {
	Options
	cells       []planned
	compared    []*comparison // by cell; nil where there is no trusted run
	rows        []Row
	invalid     []Invalid
	done, total int
}

func (v *validator) progress(what string) {
	if v.Progress != nil {
		v.Progress(v.done, v.total, what)
	}
}

func (v *validator) all(ctx context.Context) error {
	number := 0
	for i := range v.cells {
		c := &v.cells[i]
		switch {
		case c.plan == nil:
			r := blank(c, 0)
			r.Status, r.Reason = statusInfeasible, c.infeasible
			v.rows = append(v.rows, r)
		case c.same != i:
			r := v.rows[c.same]
			r.Strategy, r.SameAs = c.method.Label, r.Strategy
			v.rows = append(v.rows, r)
		default:
			number++
			r, err := v.cell(ctx, i, blank(c, number))
			if err != nil {
				return err
			}
			v.rows = append(v.rows, r)
			v.done++
		}
	}
	return nil
}

// cell measures a plan until a run can be trusted.
func (v *validator) cell(ctx context.Context, i int, row Row) (Row, error) {
	c := &v.cells[i]
	v.progress(c.model + " " + c.method.Label)
	for attempt := range attempts {
		row.Attempts = attempt + 1
		done, reasons, err := v.attempt(ctx, c, attempt, row)
		if err != nil {
			return row, v.blame(ctx, c, err)
		}
		if len(reasons) == 0 {
			v.compared[i] = done
			done.row.Status = statusOK
			return done.row, nil
		}
		v.invalid = append(v.invalid, Invalid{Model: c.model, Strategy: c.method.Label, Attempt: row.Attempts, Reasons: reasons})
		row.Status, row.Reason = statusInvalid, reasons[0]
	}
	return row, nil
}

// attempt runs a plan once. Reasons say why the run cannot be trusted.
func (v *validator) attempt(ctx context.Context, c *planned, attempt int, row Row) (done *comparison, reasons []string, err error) {
	s := simulation{platform: v.Platform, graph: c.graph, plan: c.plan, seed: v.Matrix.Seed}
	var plan *Schedule
	m, err := v.Bench.Measure(ctx, Case{Model: c.model, Strategy: c.method.Label, Graph: c.graph, Plan: c.plan, Attempt: attempt,
		Profile: v.Matrix.Profile, Check: v.Check, Schedule: func(passes []Profile) (Schedule, error) {
			if err := check(passes, c.plan); err != nil {
				return Schedule{}, err
			}
			s.profile = typical(passes)
			made, err := s.schedule(ctx, v.Matrix.Settings)
			plan = &made
			return made, err
		}})
	if err != nil {
		return nil, nil, err
	}
	if plan == nil {
		panic("validation: the bench measured without asking for a schedule")
	}
	if a := m.Agreement; a != nil && !a.ok() {
		return nil, nil, &DisagreementError{Model: c.model, Strategy: c.method.Label, Agreement: *a}
	}
	if reasons = distrust(m, *plan); len(reasons) > 0 {
		return nil, reasons, nil
	}
	if len(m.Blocks) != len(plan.Latency) {
		panic("validation: the bench has not profiled every block")
	}
	profiles := slices.Clone(m.Blocks)
	for _, crowd := range m.Crowds {
		profiles = append(profiles, crowd.Passes)
	}
	for _, passes := range profiles {
		if err := check(passes, c.plan); err != nil {
			return nil, nil, err
		}
	}
	done, err = s.compare(ctx, v.Matrix.Settings, *plan, m, row)
	return done, nil, err
}

// blame says whose run an error was, unless that is said already or nobody is to blame.
func (v *validator) blame(ctx context.Context, c *planned, err error) error {
	if disagreement := (*DisagreementError)(nil); errors.As(err, &disagreement) || ctx.Err() != nil {
		return err
	}
	return &MeasureError{Model: c.model, Strategy: c.method.Label, Why: err}
}
