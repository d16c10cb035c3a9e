// Package units holds the quantities of configuration files: numbers that carry
// their unit in the text, so that "80 Mbit/s" can never be read as 80 byte/s.
//
// Every type is a plain number in its SI base (nanoseconds and bytes are int64, the rest
// float64) with accessors that name the unit, and reads and writes text:
// UnmarshalText accepts a number, optional spaces and a compulsory unit (only a
// [Fraction] may be bare); String and MarshalText write a text that reads back to the very same
// value. Negative, non-finite, out-of-range and unit-less texts are
// errors that name what is wrong and show what would be right. The messages leave out file, line and
// key; package strict adds these and gathers all faults of a file.
package units

import (
	"fmt"
	"math/big"
	"time"
)

// Duration is a span of time in nanoseconds. Units: ns, us (µs), ms, s, min, h.
// Fractions of a nanosecond are rounded to the nearest.
type Duration int64

// Milliseconds is the duration of n ms.
func Milliseconds(n int64) Duration { return Duration(n) * Duration(time.Millisecond) }

// Std is the duration as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Seconds is the duration in s.
func (d Duration) Seconds() float64 { return time.Duration(d).Seconds() }

// Example is a valid text, for messages about missing values.
func (Duration) Example() string { return durations.example }

func (d Duration) String() string { return durations.formatInt(int64(d)) }

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return durations.marshalInt(int64(d)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	exact, err := durations.parse(string(text))
	if err != nil {
		return err
	}
	half := big.NewRat(1, 2)
	rounded := new(big.Rat).Add(exact, half)
	ns := new(big.Int).Quo(rounded.Num(), rounded.Denom())
	switch {
	case !ns.IsInt64():
		return fmt.Errorf("%s is longer than the 292 years a duration can hold; write e.g. %q", quoted(string(text)), durations.example)
	case ns.Sign() == 0 && exact.Sign() != 0:
		return fmt.Errorf("%s is shorter than the resolution of 1 ns; write 0 s or at least 1 ns", quoted(string(text)))
	}
	*d = Duration(ns.Int64())
	return nil
}

// Size is an amount of memory or data in bytes. Units: B, kB, MB, GB, TB
// (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024).
type Size int64

// Bytes is the size in B.
func (s Size) Bytes() int64 { return int64(s) }

// Example is a valid text, for messages about missing values.
func (Size) Example() string { return sizes.example }

func (s Size) String() string { return sizes.formatInt(int64(s)) }

// MarshalText implements [encoding.TextMarshaler].
func (s Size) MarshalText() ([]byte, error) { return sizes.marshalInt(int64(s)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) error {
	exact, err := sizes.parse(string(text))
	if err != nil {
		return err
	}
	switch {
	case !exact.IsInt():
		return fmt.Errorf("%s is not a whole number of bytes; write e.g. %q", quoted(string(text)), sizes.example)
	case !exact.Num().IsInt64():
		return fmt.Errorf("%s is more than the 8 EiB a size can hold; write e.g. %q", quoted(string(text)), sizes.example)
	}
	*s = Size(exact.Num().Int64())
	return nil
}

// formatInt writes a whole number of base units. A negative one cannot come
// from a file; it is printed in the base unit, for messages.
func (k *kind) formatInt(n int64) string {
	if n < 0 {
		return spaced(fmt.Sprint(n), k.base)
	}
	return k.format(new(big.Rat).SetInt64(n))
}

// marshalInt is formatInt for files: what could not be read back is an error.
func (k *kind) marshalInt(n int64) ([]byte, error) {
	if n < 0 {
		return nil, fmt.Errorf("units: %d %s is not %s that a file can hold", n, k.base, k.noun)
	}
	return []byte(k.formatInt(n)), nil
}
