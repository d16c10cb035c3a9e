package energy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"hidp/testbed/wire"
)

// Provenance says where numbers of energy come from.
type Provenance string

// The provenances.
const (
	Measured Provenance = "measured" // by the board's own monitors
	Modelled Provenance = "modelled" // from the board file's power figures and the time that clusters were busy
)

// Rail is one supply voltage that is monitored.
type Rail struct {
	Name  string
	Watts float64
}

// Reading is one sample of a board's power.
type Reading struct {
	At    time.Duration // by the agent's clock
	Board float64       // watts of the whole board, as far as the monitors see it
	Rails []Rail        // in the order of the source
}

// Sampler reads a board's power.
type Sampler interface {
	// Name says what is read, for records: "ina3221 hwmon: VDD_IN".
	Name() string
	// Period is the shortest time between samples that the source stands.
	Period() time.Duration
	// Sample reads all rails. Reading.At is for the caller to set.
	Sample(ctx context.Context) (Reading, error)
}

// Command runs a program and returns what it prints.
type Command func(ctx context.Context, name string, args ...string) ([]byte, error)

// ErrNoMonitor says that a machine has nothing to measure its power with.
var ErrNoMonitor = errors.New("energy: no power monitor: neither INA3221 (hwmon, iio) nor tegrastats nor vcgencmd pmic_read_adc")

// Find returns the best sampler of a machine: root is its file system, run its programs (nil: none). Samplers are tried once before
// they are believed. The error is ErrNoMonitor, joined with why those that are there cannot be used.
func Find(ctx context.Context, root fs.FS, run Command) (Sampler, error) {
	var errs []error
	for _, open := range []func() (Sampler, error){
		func() (Sampler, error) { return OpenHwmon(root) },
		func() (Sampler, error) { return OpenIIO(root) },
		func() (Sampler, error) { return NewTegrastats(run) },
		func() (Sampler, error) { return NewPMIC(run) },
	} {
		s, err := open()
		if err == nil {
			if _, err = s.Sample(ctx); err == nil {
				return s, nil
			}
			err = fmt.Errorf("%s: %w", s.Name(), err)
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoProgram) {
			errs = append(errs, err)
		}
	}
	return nil, errors.Join(append([]error{ErrNoMonitor}, errs...)...)
}

// errNoProgram says that there is no way to run programs.
var errNoProgram = errors.New("energy: programs cannot be run")

// Record samples until ctx ends, every period or as often as the sampler stands, and returns what it read. A sample that fails is
// left out; the error is the last failure, for a record that is not to be trusted blindly.
func Record(ctx context.Context, s Sampler, clock wire.Clock, period time.Duration) ([]Reading, error) {
	period = max(period, s.Period())
	var readings []Reading
	var failed error
	for next := clock.Now(); ; next += period {
		if clock.Sleep(ctx, next) != nil {
			return readings, failed
		}
		before := clock.Now()
		r, err := s.Sample(ctx)
		switch {
		case ctx.Err() != nil:
			return readings, failed
		case err != nil:
			failed = fmt.Errorf("%s: %w", s.Name(), err)
		default:
			r.At = before + (clock.Now()-before)/2
			readings = append(readings, r)
		}
		next = max(next, clock.Now()-period) // late samples are not made up for
	}
}

// Integrate returns the joules between two times: the power is taken to change in straight lines from reading to reading, and to be
// constant before the first and after the last. ok is false if there is no reading.
func Integrate(readings []Reading, from, to time.Duration) (joules float64, ok bool) {
	if len(readings) == 0 {
		return 0, false
	}
	at := from
	for at < to {
		end := to
		for i := range readings {
			if readings[i].At > at {
				end = min(end, readings[i].At)
				break
			}
		}
		joules += float64((power(readings, at) + power(readings, end)) / 2 * (end - at).Seconds())
		at = end
	}
	return joules, true
}

// power interpolates.
func power(readings []Reading, at time.Duration) float64 {
	for i := range readings {
		b := &readings[i]
		if b.At < at {
			continue
		}
		if i == 0 || b.At == at {
			return b.Board
		}
		a := &readings[i-1]
		share := float64(at-a.At) / float64(b.At-a.At)
		return a.Board + float64(share*(b.Board-a.Board))
	}
	return readings[len(readings)-1].Board
}

// Amount is an energy with where it comes from.
type Amount struct {
	Joules     float64
	Provenance Provenance
	Source     string // the sampler, or what the model is
}

// Of returns the energy between two times: measured by the named sampler if it has read anything, else the model's.
func Of(readings []Reading, sampler string, from, to time.Duration, model Amount) Amount {
	if joules, ok := Integrate(readings, from, to); ok {
		return Amount{joules, Measured, sampler}
	}
	model.Provenance = Modelled
	return model
}
