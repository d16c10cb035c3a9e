package agent

import (
	"context"
	"fmt"
	"time"

	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// Worker computes the ops of one core cluster: one at a time, always on the same thread of the operating system. Workers that hold
// results (Pace, Modelled) compute there and wait elsewhere.
type Worker interface {
	// Run does the task. It may stop early, with ctx's error, when ctx ends.
	Run(ctx context.Context, t *Task) (Done, error)
}

// pacedWorker is a Worker that holds results back until a time. Run is begin, compute and hold.
type pacedWorker interface {
	Worker
	begin(t *Task)                                               // the op starts, at t.start
	compute(ctx context.Context, t *Task) (Done, error)          // on the cluster's thread
	hold(ctx context.Context, t *Task, d *Done, err error) error // waits, sets d.ended and d.Lag, and returns err or why it did not wait to the end
}

// Task is a compute op of a request.
type Task struct {
	Request int64
	Plan    int // index into Config.Plans
	Op      int
	Cluster int
	Slice   workloads.Slice
	Graph   *workloads.Graph
	Outputs []workloads.Part // what the op has to make: Graph.Outputs(Slice)
	Hollow  bool             // there are no tensors in this session

	needs []workloads.Part
	of    *activity
	start time.Duration      // of the op; on an emulated node, when it was to start
	made  []inference.Tensor // inputs that were assembled for it
}

// Inputs assembles the tensors that the op reads, in the order of Graph.Work(Slice).Inputs. It takes time and memory, so it is
// part of the work. The tensors must not be written to, and are not valid after Run.
func (t *Task) Inputs() ([]inference.Tensor, error) {
	inputs, made, err := t.of.shelf.take(t.needs)
	t.made = append(t.made, made...)
	return inputs, err
}

// computed gives up the inputs.
func (t *Task) computed() {
	t.of.shelf.free(t.made)
	t.made = nil
}

// Done is what came of a task.
type Done struct {
	// Outputs are the tensors of Task.Outputs, with the dimensions that submodel.Shape tells. They must share no memory with the
	// inputs, and nobody may write to them any more. Where the session is hollow there are none.
	Outputs []inference.Tensor
	Memory  *inference.Memory // that takes the outputs when nobody reads them any more; nil: the garbage collector
	Work    time.Duration     // what the op takes on an otherwise idle node; 0: as long as it took
	Lag     time.Duration     // how much later than meant it was done, where the worker keeps to a time

	ended time.Duration // when it was to be done, where the worker keeps to a time; 0: now
}

// blank returns tensors for the outputs of a task whose values do not matter. All share one array of zeros, which grows.
func blank(t *Task, zeros []float32) ([]inference.Tensor, []float32) {
	out := make([]inference.Tensor, len(t.Outputs))
	for i, part := range t.Outputs {
		shape := submodel.Shape(t.Graph, part)
		n := product(shape)
		if n > len(zeros) {
			zeros = make([]float32, n)
		}
		out[i] = inference.Tensor{Shape: shape, Data: zeros[:n]}
	}
	return out, zeros
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// Segments is a worker that computes for real: with the cut model of every op, loaded into an engine.
type Segments struct {
	Loaded []map[int]*submodel.Loaded // by plan: the ops of the worker's cluster
	Memory *inference.Memory          // of the outputs; may be nil
}

// Run implements Worker.
func (s *Segments) Run(_ context.Context, t *Task) (Done, error) {
	l := s.Loaded[t.Plan][t.Op]
	if l == nil {
		return Done{}, fmt.Errorf("the model of layers [%d,%d) was not loaded", t.Slice.From, t.Slice.To)
	}
	inputs, err := t.Inputs()
	if err != nil {
		return Done{}, err
	}
	outputs, err := l.Run(inputs, s.Memory)
	return Done{Outputs: outputs, Memory: s.Memory}, err
}
