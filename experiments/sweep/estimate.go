package sweep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Estimate says what a sweep will cost.
type Estimate struct {
	Points          int64   // that satisfy the constraints
	Exact           bool    // Points was counted, not extrapolated
	Runs            int64   // at most, with all replications
	SecondsPerPoint float64 // mean of some points, replications included, without what they share; 0 where none could be run
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

	// A worker's first points make what the later ones share, so an estimate for people waits for some more, within bounds.
	settledPoints = 4
	measureAtMost = 4 * time.Second

	// Where the sweep is to begin at once, this part of it is enough, but so long at least.
	measurePart  = 0.01
	measureLeast = 20 * time.Millisecond
)

// The size of shards.
const (
	shardTime     = 5.0 // seconds of work in a shard: what a kill costs at most, on each core
	shardLeast    = 0.2 // and at least, for each is a file;
	processLeast  = 2.0 // or at least, where each is also a process
	shardsPerCore = 32  // if that allows it: cores are idle when the last shards are made, for half of one on the average
)

// Estimate runs a few points spread over the sweep and extrapolates. Jobs is the number of cores, 0 all of this machine.
func (s *Sweep) Estimate(ctx context.Context, jobs int) (*Estimate, error) {
	ev := newEvaluator(s)
	e := ev.count(jobs)
	return e, ev.measure(ctx, e, false)
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

// measure fills in the rest, on as many cores as the sweep will have. If brief, it takes a small part of the time that the sweep will
// take.
func (ev *evaluator) measure(ctx context.Context, e *Estimate, brief bool) error {
	total, _ := ev.sweep.points()
	looks := min(total, measureMost)
	patience := measureFor
	if brief {
		patience = measureLeast
	}
	start := time.Now()
	var lock sync.Mutex                                                                 // of what follows, and of e
	times := make([]laterHalf, min(int64(e.Jobs), looks, int64(runtime.GOMAXPROCS(0)))) // by worker, of points with all replications
	var next int64
	var failed error
	var workers sync.WaitGroup
	for k := range times {
		workers.Go(func() {
			w := ev.worker()
			defer w.shared.Close()
			lock.Lock()
			defer lock.Unlock()
			for next < looks {
				// The odd multiplier visits the points in an order that mixes all axes, so that any beginning of it is a fair sample.
				at := ev.space.spread(next*1_000_003%looks, looks, total)
				next++
				lock.Unlock()
				took, failure, ran, err := w.measured(ctx, at, patience)
				lock.Lock()
				if err != nil {
					failed, next = err, looks
					return
				}
				times[k].add(took)
				if e.Sampled++; failure != "" {
					if e.Failed++; e.Failure == "" {
						e.Failure = failure
					}
				}
				e.SecondsPerPoint = meanOf(times)
				measured := time.Since(start)
				settled := len(times[k].all) >= settledPoints || measured > measureAtMost
				if ran && measured > enough(brief, e.SecondsPerPoint*float64(total)/float64(e.Jobs)) && (brief || settled) {
					next = looks
				}
			}
		})
	}
	workers.Wait()
	if failed != nil {
		return failed
	}
	seconds := e.SecondsPerPoint * float64(total) / float64(e.Jobs)
	e.Duration = time.Duration(min(seconds, 200*365*86400) * float64(time.Second))
	e.ShardSize = shardSize(total, e.SecondsPerPoint, e.Jobs, shardLeast)
	e.Shards = int((total + e.ShardSize - 1) / e.ShardSize)
	return nil
}

// laterHalf has the mean of the later half of the times that were added: the first points make what those after them share.
type laterHalf struct {
	all []time.Duration
	sum time.Duration // of the later half; of an odd number, the one in the middle belongs to it
}

func (l *laterHalf) add(d time.Duration) {
	l.all = append(l.all, d)
	l.sum += d
	if n := len(l.all); n%2 == 0 {
		l.sum -= l.all[n/2-1]
	}
}

// count returns how many times the later half is of.
func (l *laterHalf) count() int { return len(l.all) - len(l.all)/2 }

// mean returns the mean in seconds.
func (l *laterHalf) mean() float64 { return l.sum.Seconds() / float64(l.count()) }

// meanOf returns the mean over the later halves of several workers in seconds: each worker makes anew what its points share.
func meanOf(workers []laterHalf) float64 {
	sum, count := time.Duration(0), 0
	for i := range workers {
		sum += workers[i].sum
		count += workers[i].count()
	}
	return sum.Seconds() / float64(count)
}

// enough returns for how long to measure a sweep that takes the given seconds.
func enough(brief bool, seconds float64) time.Duration {
	if !brief {
		return measureFor
	}
	part := time.Duration(min(measurePart*seconds, measureFor.Seconds()) * float64(time.Second))
	return max(part, measureLeast)
}

// measured runs a point for the sake of its cost. A point that takes longer than measureLimit is broken off, which is no error. Where
// the number of replications is known and patience is at its end, what the others would take is extrapolated.
func (w *worker) measured(ctx context.Context, point int64, patience time.Duration) (took time.Duration, failure string, ran bool, err error) {
	limited, cancel := context.WithTimeout(ctx, measureLimit)
	defer cancel()
	start, stopped := time.Now(), false
	var runs laterHalf // the first run of a point makes its plans, the later ones share them
	last := start
	r := &w.sweep.repeat
	if r.metric < 0 {
		w.stop = func() bool {
			now := time.Now()
			runs.add(now.Sub(last))
			last = now
			stopped = now.Sub(start) > patience && len(runs.all) > 1
			return stopped
		}
		defer func() { w.stop = nil }()
	}
	rows, err := w.point(limited, point)
	took = time.Since(start)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return took, "", true, nil
	}
	for i := range rows {
		if rows[i].failure != "" {
			failure = rows[i].failure
			break
		}
	}
	if stopped {
		took += time.Duration(runs.mean() * float64(r.max-len(rows)) * float64(time.Second))
	}
	return took, failure, len(rows) > 0, err
}

func orAllCores(jobs int) int {
	if jobs <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return jobs
}

// shardSize chooses shards of at most shardTime, so many that all cores have work to the end, but none of less than the given seconds
// and not more than a folder can hold.
func shardSize(total int64, secondsPerPoint float64, jobs int, least float64) int64 {
	points := func(seconds float64) int64 { // how many take so long
		return int64(min(seconds/max(secondsPerPoint, 1e-9), float64(total)))
	}
	size := max(total/int64(shardsPerCore*jobs), points(least))
	size = min(size, points(shardTime), total/int64(2*jobs))
	size = max(size, 1, (total+mostShards-1)/mostShards)
	shards, each := (total+size-1)/size, int64(jobs)
	shards = min((shards+each-1)/each*each, mostShards) // as many for each core
	return max(1, (total+shards-1)/shards)
}
