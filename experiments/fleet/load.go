package fleet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"hidp/workloads"
)

const day = 24 * time.Hour

// Load is how often requests come to a site over the hours of its day: a Poisson process whose rate changes with the time.
type Load struct {
	PerDay float64       // requests per day, on average over a whole day
	Swing  float64       // the rate is mean·(1 + Swing·cos(2π(t-Peak)/day)), 0 ≤ Swing ≤ 1
	Peak   time.Duration // local time
	Hourly []float64     // instead of the sine: the rate in each hour of the local day, relative to each other
}

func (l Load) checkHourly() error {
	if len(l.Hourly) != hoursOfTheDay {
		return fmt.Errorf("has %d numbers; write one for each hour of the day", len(l.Hourly))
	}
	for h, x := range l.Hourly {
		if !(x >= 0 && x <= 1e9) {
			return fmt.Errorf("hour %d is %v; must be from 0 to 1e9", h, x)
		}
	}
	if slices.Max(l.Hourly) == 0 {
		return errors.New("all hours are 0; at least one must have requests")
	}
	return nil
}

func (l Load) scaled(factor float64) Load {
	l.PerDay *= factor
	return l
}

// rate returns the requests per second at a local time.
func (l Load) rate(local time.Duration) float64 {
	mean := l.PerDay / day.Seconds()
	if l.Hourly != nil {
		sum := 0.0
		for _, x := range l.Hourly {
			sum += x
		}
		hour := int((local % day) / time.Hour)
		return mean * l.Hourly[hour] * hoursOfTheDay / sum
	}
	phase := float64((local-l.Peak)%day) / float64(day)
	return mean * (1 + float64(l.Swing*math.Cos(2*math.Pi*phase)))
}

// highest returns a rate that is never exceeded.
func (l Load) highest() float64 {
	if l.Hourly == nil {
		return l.PerDay / day.Seconds() * (1 + l.Swing)
	}
	at := slices.Index(l.Hourly, slices.Max(l.Hourly))
	return l.rate(time.Duration(at) * time.Hour)
}

// Expected returns the mean number of requests from 0 to duration at a site whose local time is offset at 0. It is exact for hourly
// rates, whole days and whole numbers of minutes, up to rounding.
func (l Load) Expected(duration, offset time.Duration) float64 {
	total := float64(duration/day) * l.PerDay
	for at := duration / day * day; at < duration; at += time.Minute {
		step := min(time.Minute, duration-at)
		total += l.rate(offset+at+step/2) * step.Seconds()
	}
	return total
}

// source returns the requests of a site. The times come from Stream(seed, "diurnal arrivals"), by thinning: candidates come at the
// highest rate and count with the probability rate/highest (Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by
// thinning", Naval Research Logistics 1979). The models are dealt as in all workloads, from Stream(seed, "mix").
func (l Load) source(seed uint64, mix workloads.Mix, duration, offset time.Duration) (workloads.Source, error) {
	deal, err := workloads.Periodic{Interval: 1}.Source(seed, mix, workloads.Limit{Requests: workloads.MostRequests})
	if err != nil {
		return nil, err
	}
	return &diurnal{load: l, rng: workloads.Stream(seed, "diurnal arrivals"), highest: l.highest(), deal: deal, duration: duration, offset: offset}, nil
}

// diurnal is a workloads.Source.
type diurnal struct {
	load             Load
	rng              *rand.Rand
	highest          float64
	deal             workloads.Source // only its models count
	duration, offset time.Duration
	at               time.Duration
}

// Next implements workloads.Source.
func (d *diurnal) Next() (workloads.Arrival, bool) {
	for {
		step := math.Round(float64(d.rng.ExpFloat64() / d.highest * 1e9))
		if step >= float64(d.duration-d.at) {
			d.at = d.duration
			return workloads.Arrival{}, false
		}
		d.at += time.Duration(step)
		if float64(d.rng.Float64()*d.highest) < d.load.rate(d.offset+d.at) {
			a, _ := d.deal.Next()
			return workloads.Arrival{At: d.at, Model: a.Model}, true
		}
	}
}
