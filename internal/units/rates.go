package units

import "fmt"

// Rate is a network bit rate in bit/s. Units: bit/s, kbit/s, Mbit/s, Gbit/s, also
// written bps, kbps, Mbps, Gbps.
type Rate float64

// MbitPerSecond is the rate of n Mbit/s.
func MbitPerSecond(n float64) Rate { return Rate(n * 1e6) }

// BitsPerSecond is the rate in bit/s.
func (r Rate) BitsPerSecond() float64 { return float64(r) }

// BytesPerSecond is the rate in B/s.
func (r Rate) BytesPerSecond() float64 { return float64(r) / 8 }

// Example is a valid text, for messages about missing values.
func (Rate) Example() string { return rates.example }

func (r Rate) String() string { return rates.formatFloat(float64(r)) }

// MarshalText implements [encoding.TextMarshaler].
func (r Rate) MarshalText() ([]byte, error) { return rates.marshalFloat(float64(r)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Rate) UnmarshalText(text []byte) error {
	v, err := rates.float(text)
	if err == nil {
		*r = Rate(v)
	}
	return err
}

// Power is an electrical power in watts. Units: uW, mW, W, kW.
type Power float64

// Watts is the power in W.
func (p Power) Watts() float64 { return float64(p) }

// Example is a valid text, for messages about missing values.
func (Power) Example() string { return powers.example }

func (p Power) String() string { return powers.formatFloat(float64(p)) }

// MarshalText implements [encoding.TextMarshaler].
func (p Power) MarshalText() ([]byte, error) { return powers.marshalFloat(float64(p)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Power) UnmarshalText(text []byte) error {
	v, err := powers.float(text)
	if err == nil {
		*p = Power(v)
	}
	return err
}

// Frequency is a clock frequency in hertz. Units: Hz, kHz, MHz, GHz.
type Frequency float64

// Hertz is the frequency in Hz.
func (f Frequency) Hertz() float64 { return float64(f) }

// Example is a valid text, for messages about missing values.
func (Frequency) Example() string { return frequencies.example }

func (f Frequency) String() string { return frequencies.formatFloat(float64(f)) }

// MarshalText implements [encoding.TextMarshaler].
func (f Frequency) MarshalText() ([]byte, error) { return frequencies.marshalFloat(float64(f)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *Frequency) UnmarshalText(text []byte) error {
	v, err := frequencies.float(text)
	if err == nil {
		*f = Frequency(v)
	}
	return err
}

// Compute is a computing rate in floating-point operations per second, where one
// multiply-accumulate counts as two. Units: FLOP/s, kFLOP/s, MFLOP/s, GFLOP/s,
// TFLOP/s, also written FLOPS, MFLOPS, GFLOPS, TFLOPS.
type Compute float64

// GFLOPsPerSecond is the rate of n GFLOP/s.
func GFLOPsPerSecond(n float64) Compute { return Compute(n * 1e9) }

// FLOPsPerSecond is the rate in FLOP/s.
func (c Compute) FLOPsPerSecond() float64 { return float64(c) }

// Example is a valid text, for messages about missing values.
func (Compute) Example() string { return computes.example }

func (c Compute) String() string { return computes.formatFloat(float64(c)) }

// MarshalText implements [encoding.TextMarshaler].
func (c Compute) MarshalText() ([]byte, error) { return computes.marshalFloat(float64(c)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *Compute) UnmarshalText(text []byte) error {
	v, err := computes.float(text)
	if err == nil {
		*c = Compute(v)
	}
	return err
}

// Bandwidth is a memory bandwidth in bytes per second. Units: B/s, kB/s, MB/s,
// GB/s, TB/s (powers of 1000) and KiB/s, MiB/s, GiB/s (powers of 1024).
type Bandwidth float64

// GBPerSecond is the bandwidth of n GB/s.
func GBPerSecond(n float64) Bandwidth { return Bandwidth(n * 1e9) }

// BytesPerSecond is the bandwidth in B/s.
func (b Bandwidth) BytesPerSecond() float64 { return float64(b) }

// Example is a valid text, for messages about missing values.
func (Bandwidth) Example() string { return bandwidths.example }

func (b Bandwidth) String() string { return bandwidths.formatFloat(float64(b)) }

// MarshalText implements [encoding.TextMarshaler].
func (b Bandwidth) MarshalText() ([]byte, error) { return bandwidths.marshalFloat(float64(b)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *Bandwidth) UnmarshalText(text []byte) error {
	v, err := bandwidths.float(text)
	if err == nil {
		*b = Bandwidth(v)
	}
	return err
}

// Energy is an energy in joules. Units: nJ, uJ, mJ, J, kJ, Wh.
type Energy float64

// Joules is the energy in J.
func (e Energy) Joules() float64 { return float64(e) }

// Example is a valid text, for messages about missing values.
func (Energy) Example() string { return energies.example }

func (e Energy) String() string { return energies.formatFloat(float64(e)) }

// MarshalText implements [encoding.TextMarshaler].
func (e Energy) MarshalText() ([]byte, error) { return energies.marshalFloat(float64(e)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (e *Energy) UnmarshalText(text []byte) error {
	v, err := energies.float(text)
	if err == nil {
		*e = Energy(v)
	}
	return err
}

// Fraction is a part of a whole, 0 to 1. Written as a percentage ("12 %") or as
// a bare number (0.12), which TOML may also give without quotes.
type Fraction float64

// Value is the fraction as a number from 0 to 1.
func (f Fraction) Value() float64 { return float64(f) }

// Example is a valid text, for messages about missing values.
func (Fraction) Example() string { return fractions.example }

func (f Fraction) String() string { return fractions.formatFloat(float64(f)) }

// MarshalText implements [encoding.TextMarshaler].
func (f Fraction) MarshalText() ([]byte, error) { return fractions.marshalFloat(float64(f)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *Fraction) UnmarshalText(text []byte) error {
	v, err := fractions.float(text)
	if err != nil {
		return err
	}
	if v > 1 {
		return fmt.Errorf("%s is more than the whole; a fraction is 0 to 1 or \"0 %%\" to \"100 %%\"", quoted(string(text)))
	}
	*f = Fraction(v)
	return nil
}
