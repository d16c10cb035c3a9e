package engine_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/engine"
)

func TestSchedulingIntoThePastPanics(t *testing.T) {
	e := engine.New()
	e.Schedule(engine.Event{At: 5})
	_, ok := e.Next()
	require.True(t, ok)
	e.Schedule(engine.Event{At: 5}) // the present is not the past
	require.PanicsWithValue(t, "engine: event of kind 3 scheduled at 4ns, in the past of 5ns",
		func() { e.Schedule(engine.Event{At: 4, What: engine.What{Kind: 3}}) })
	require.Panics(t, func() { engine.New().Schedule(engine.Event{At: -1}) })
	require.Panics(t, func() { e.Schedule(engine.Event{At: engine.Forever}) })
	require.Equal(t, 1, e.Len(), "a refused event is not pending")
}

// ticker schedules itself every second, with a stale companion.
type ticker struct {
	*engine.Engine
	gen   uint32
	ticks []time.Duration
}

func (k *ticker) tick() {
	k.gen++
	k.Schedule(engine.Event{At: k.Now() + time.Second, What: engine.What{Gen: k.gen}})
}

func (k *ticker) Handle(ev engine.Event) {
	if ev.Gen != k.gen {
		return // replaced since
	}
	k.ticks = append(k.ticks, ev.At)
	k.tick()
	k.tick() // replaces the one just scheduled
}

func TestRunStopsAtTheHorizonAndSkipsStaleEvents(t *testing.T) {
	k := &ticker{Engine: engine.New()}
	k.tick()
	k.Run(k, 3*time.Second)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, k.ticks)
	require.Equal(t, uint64(5), k.Processed(), "stale events count as delivered")
	require.Equal(t, 3*time.Second, k.Now())
	require.Equal(t, 2, k.Len())

	k.Run(k, 2*time.Second) // an earlier horizon delivers nothing
	require.Equal(t, 3*time.Second, k.Now())
	k.Reset()
	require.Zero(t, k.Len())
	require.Zero(t, k.Now())
	require.Zero(t, k.Processed())
	k.Run(k, engine.Forever)
	require.Len(t, k.ticks, 3)
}

// A refused horizon must leave no trace: events may still be scheduled before those
// that were looked at.
func TestHorizonDoesNotMoveTheClock(t *testing.T) {
	e := engine.New()
	for range 20 {
		e.Schedule(engine.Event{At: time.Hour, What: engine.What{A: 1}})
	}
	for _, horizon := range []time.Duration{-1, 0, time.Minute, time.Hour - 1} {
		_, ok := e.NextUntil(horizon)
		require.False(t, ok)
	}
	e.Schedule(engine.Event{At: time.Second, What: engine.What{A: 2}})
	ev, _ := e.Next()
	require.Equal(t, engine.Event{At: time.Second, What: engine.What{A: 2}}, ev)
}

func TestHoldAllocatesNothing(t *testing.T) {
	for _, distribution := range []string{"exponential", "tied", "bimodal"} {
		h := newHold(distribution, 1000)
		require.Zero(t, testing.AllocsPerRun(20_000, h.step), distribution)
	}
}

const (
	arrival engine.Kind = iota
	departure
)

// mm1 is a queue with Poisson arrivals at rate rho and one server with exponential
// service times of mean one second.
type mm1 struct {
	*engine.Engine
	rng      *rand.Rand
	rho      float64
	present  int
	changed  time.Duration
	integral float64 // ∫ present dt in s
}

func newMM1(rho float64, seed uint64) *mm1 {
	q := &mm1{Engine: engine.New(), rng: rand.New(rand.NewPCG(seed, 0)), rho: rho}
	q.after(arrival, 1/rho)
	return q
}

func (q *mm1) after(kind engine.Kind, mean float64) {
	q.Schedule(engine.Event{At: q.Now() + time.Duration(q.rng.ExpFloat64()*mean*1e9), What: engine.What{Kind: kind}})
}

func (q *mm1) Handle(ev engine.Event) {
	q.integral += float64(q.present) * (ev.At - q.changed).Seconds()
	q.changed = ev.At
	switch ev.Kind {
	case arrival:
		q.present++
		q.after(arrival, 1/q.rho)
		if q.present == 1 {
			q.after(departure, 1)
		}
	case departure:
		q.present--
		if q.present > 0 {
			q.after(departure, 1)
		}
	}
}

// The mean number in an M/M/1 queue is ρ/(1-ρ) (Kleinrock, Queueing Systems vol. 1,
// §3.2). Thirty independent runs give a 99.9 % confidence interval; the seeds are
// fixed, so the test either always passes or never.
func TestMM1MeanIsTheClosedForm(t *testing.T) {
	const rho, runs, studentT = 0.7, 30, 3.659 // t(0.9995; 29)
	var sum, squares float64
	for seed := range uint64(runs) {
		q := newMM1(rho, seed)
		q.Run(q, 20_000*time.Second)
		mean := q.integral / q.Now().Seconds()
		sum += mean
		squares += mean * mean
	}
	mean := sum / runs
	variance := (squares - runs*mean*mean) / (runs - 1)
	halfWidth := studentT * math.Sqrt(variance/runs)
	require.InDelta(t, rho/(1-rho), mean, halfWidth)
	require.Less(t, halfWidth, 0.1, "the interval is too wide to tell anything")
}
