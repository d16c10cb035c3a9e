package sweep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Estimate says what a sweep will cost.
type Estimate struct {
	Points          int64   // that satisfy the constraints
	Exact           bool    // Points was counted, not extrapolated
	Runs            int64   // at most, with all replications
	SecondsPerPoint float64 // mean of some points, replications included; 0 where none could be run
	Sampled         int     // how many points that is from
	Failed          int     // of these
	Failure         string  // the first failure's reason
	ShardSize       int64   // points by number
	Shards          int
	Jobs            int
	Duration        time.Duration // on Jobs cores of this machine
}

// String returns the estimate in one sentence or two.
func (e *Estimate) String() string {
	about := ""
	if !e.Exact {
		about = "about "
	}
	text := fmt.Sprintf("%s%d points, at most %d runs, in %d shards; %.3g ms per point (from %d), about %v on %d cores",
		about, e.Points, e.Runs, e.Shards, 1000*e.SecondsPerPoint, e.Sampled, rounded(e.Duration), e.Jobs)
	if e.Failed > 0 {
		text += fmt.Sprintf("; %d of these %d points failed, the first: %s", e.Failed, e.Sampled, e.Failure)
	}
	return text
}

// rounded leaves out digits that an estimate does not have.
func rounded(d time.Duration) time.Duration {
	switch {
	case d > time.Hour:
		return d.Round(time.Minute)
	case d > 10*time.Second:
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}

// ConfirmError says that a sweep is so large that the user should say so once more.
type ConfirmError struct{ Estimate Estimate }

// Error implements error.
func (e *ConfirmError) Error() string {
	return fmt.Sprintf("the sweep is very large (%s); add --yes if that is meant", e.Estimate.String())
}

// What asks for confirmation.
const (
	manyRuns = 10_000_000
	longTime = 24 * time.Hour
)

// How points are measured before a sweep begins.
const (
	measureFor   = 700 * time.Millisecond // at least one point, then others for so long
	measureMost  = 2000                   // points
	measureLimit = 30 * time.Second       // a point that takes longer counts as this
	shardTime    = 5.0                    // seconds of work in a shard: what a kill costs at most, on each core
)

// Estimate runs a few points spread over the sweep and extrapolates. Jobs is the number of cores, 0 all of this machine.
func (s *Sweep) Estimate(ctx context.Context, jobs int) (*Estimate, error) {
	ev := newEvaluator(s)
	e := ev.count(jobs)
	return e, ev.measure(ctx, e)
}

// count fills in what is known without a run.
func (ev *evaluator) count(jobs int) *Estimate {
	e := &Estimate{Jobs: orAllCores(jobs), Runs: mostPoints}
	e.Points, e.Exact = ev.space.count()
	if n := int64(ev.sweep.repeat.max); e.Points <= mostPoints/n {
		e.Runs = e.Points * n
	}
	return e
}

// measure fills in the rest.
func (ev *evaluator) measure(ctx context.Context, e *Estimate) error {
	total, _ := ev.sweep.points()
	w := ev.worker()
	looks := min(total, measureMost)
	start := time.Now()
	for i := range looks {
		// The odd multiplier visits the points in an order that mixes all axes, so that any beginning of it is a fair sample.
		at := ev.space.spread(i*1_000_003%looks, looks, total)
		failure, ran, err := w.measured(ctx, at)
		if err != nil {
			return err
		}
		if e.Sampled++; failure != "" {
			if e.Failed++; e.Failure == "" {
				e.Failure = failure
			}
		}
		if ran && time.Since(start) > measureFor {
			break
		}
	}
	e.SecondsPerPoint = time.Since(start).Seconds() / float64(e.Sampled)
	seconds := e.SecondsPerPoint * float64(total) / float64(e.Jobs)
	e.Duration = time.Duration(min(seconds, 200*365*86400) * float64(time.Second))
	e.ShardSize = shardSize(total, e.SecondsPerPoint, e.Jobs)
	e.Shards = int((total + e.ShardSize - 1) / e.ShardSize)
	return nil
}

// measured runs a point for the sake of its cost. A point that takes longer than measureLimit is broken off, which is no error.
func (w *worker) measured(ctx context.Context, point int64) (failure string, ran bool, err error) {
	limited, cancel := context.WithTimeout(ctx, measureLimit)
	defer cancel()
	rows, err := w.point(limited, point)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return "", true, nil
	}
	for i := range rows {
		if rows[i].failure != "" {
			return rows[i].failure, true, err
		}
	}
	return "", len(rows) > 0, err
}

func orAllCores(jobs int) int {
	if jobs <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return jobs
}

// shardSize chooses shards of about shardTime, at least eight per core, and not more than a folder can hold.
func shardSize(total int64, secondsPerPoint float64, jobs int) int64 {
	size := total
	if wanted := shardTime / max(secondsPerPoint, 1e-9); wanted < float64(total) {
		size = int64(wanted)
	}
	size = min(size, total/int64(8*jobs))
	return max(size, 1, (total+mostShards-1)/mostShards)
}
