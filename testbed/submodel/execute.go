package submodel

import (
	"errors"
	"fmt"
	"path/filepath"

	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/workloads"
)

// Runner computes slices of a source with an engine. Sessions are kept until Close if Keep is set. Not safe for concurrent use.
type Runner struct {
	Source  *Source
	Engine  inference.Engine
	Options inference.Options
	Keep    bool

	loaded map[workloads.Slice]*Loaded
}

// Loaded is a cut model in an engine.
type Loaded struct {
	Sub     *Sub
	Session inference.Session
}

// Load loads a cut model whose bytes (see Sub.Bytes) the caller has placed.
func Load(sub *Sub, e inference.Engine, m inference.Model, o inference.Options) (*Loaded, error) {
	session, err := e.Load(m, o)
	if err != nil {
		return nil, err
	}
	return &Loaded{sub, session}, nil
}

// Run computes the outputs of a slice from its inputs, both in the order and shape of the Sub's ports. The memory of the outputs is
// taken from m, which may be nil.
func (l *Loaded) Run(inputs []inference.Tensor, m *inference.Memory) ([]inference.Tensor, error) {
	if len(inputs) != len(l.Sub.Inputs) {
		return nil, fmt.Errorf("%d inputs for a slice that takes %d", len(inputs), len(l.Sub.Inputs))
	}
	outputs := make([]inference.Tensor, len(l.Sub.Outputs))
	for i, p := range l.Sub.Outputs {
		outputs[i] = m.Tensor(p.Shape...)
	}
	for r := range l.Sub.Repeat {
		given, into := map[string]inference.Tensor{}, map[string]inference.Tensor{}
		for i, p := range l.Sub.Inputs {
			given[p.Name] = sample(inputs[i], p.Shape, r, l.Sub.Repeat)
		}
		for i, p := range l.Sub.Outputs {
			into[p.Name] = sample(outputs[i], p.Shape, r, l.Sub.Repeat)
		}
		if _, err := l.Session.Run(given, into); err != nil {
			return nil, l.named(err)
		}
	}
	return outputs, nil
}

// named lets an error about a port name the layer whose output the port is.
func (l *Loaded) named(err error) error {
	var wrong *inference.ShapeError
	if errors.As(err, &wrong) {
		for _, p := range l.Sub.Outputs {
			if wrong.Tensor == fmt.Sprintf("tensor %q", p.Name) {
				named := *wrong
				named.Tensor = fmt.Sprintf("the output of layer %d", p.Part.Layer)
				return &named
			}
		}
	}
	return err
}

// sample returns the r-th of n equal parts of a tensor of the given shape along the batch.
func sample(t inference.Tensor, shape []int, r, n int) inference.Tensor {
	if len(t.Shape) != len(shape) || shape[0]%n != 0 {
		return t // the engine says what is wrong with it
	}
	part := append([]int{shape[0] / n}, shape[1:]...)
	size := len(t.Data) / n
	return inference.Tensor{Shape: part, Data: t.Data[r*size : (r+1)*size]}
}

// Compute runs slice s on what the store holds and puts the outputs into it.
func (r *Runner) Compute(s workloads.Slice, store *Store) error {
	l, err := r.session(s)
	if err != nil {
		return err
	}
	if !r.Keep {
		defer l.Session.Close()
	}
	var inputs []inference.Tensor
	for _, p := range l.Sub.Inputs {
		t, _, err := store.Get(p.Part)
		if err != nil {
			return err
		}
		inputs = append(inputs, t)
	}
	outputs, err := l.Run(inputs, nil)
	if err != nil {
		return err
	}
	for i, p := range l.Sub.Outputs {
		if err := store.Put(p.Part, outputs[i]); err != nil {
			return err
		}
	}
	return nil
}

// session returns the model of slice s in the engine.
func (r *Runner) session(s workloads.Slice) (*Loaded, error) {
	if l := r.loaded[s]; l != nil {
		return l, nil
	}
	sub, err := r.Source.Cut(s)
	if err != nil {
		return nil, err
	}
	data, err := sub.Bytes(Shared{})
	if err != nil {
		return nil, err
	}
	l, err := Load(sub, r.Engine, inference.Model{Bytes: data, Folder: filepath.Dir(r.Source.Model.Path)}, r.Options)
	if err == nil && r.Keep {
		if r.loaded == nil {
			r.loaded = map[workloads.Slice]*Loaded{}
		}
		r.loaded[s] = l
	}
	return l, err
}

// Close closes the sessions that were kept.
func (r *Runner) Close() error {
	var errs []error
	for _, l := range r.loaded {
		errs = append(errs, l.Session.Close())
	}
	r.loaded = nil
	return errors.Join(errs...)
}

// ExecutePlan runs plan p on the source with an engine, op by op in one process, with a store for each node as if they were apart,
// and returns the output that the leader holds in the end. Whatever executes plans on several machines must give the same.
// The input has the dimensions samples × channels × rows × columns.
func (r *Runner) ExecutePlan(p *plan.Plan, input inference.Tensor) (inference.Tensor, error) {
	g := r.Source.Graph
	stores := map[int]*Store{}
	on := func(node int) *Store {
		if stores[node] == nil {
			stores[node] = NewStore(g)
		}
		return stores[node]
	}
	if err := on(p.Leader).Put(g.Tensor(0, p.Batch), input); err != nil {
		return inference.Tensor{}, err
	}
	for i := range p.Ops {
		op := &p.Ops[i]
		var err error
		if op.Kind == plan.Compute {
			err = r.Compute(op.Slice, on(op.Node))
		} else {
			var t inference.Tensor
			if t, _, err = on(op.Node).Get(op.Part); err == nil {
				err = on(op.To).Put(op.Part, t)
			}
		}
		if err != nil {
			return inference.Tensor{}, fmt.Errorf("op %d: %w", i, err)
		}
	}
	out, _, err := on(p.Leader).Get(g.Tensor(g.Output(), p.Batch))
	return out, err
}
