package units

import "math/big"

// unit is one spelling of a unit: how often the stored base goes into it, as a
// text that big.Rat reads ("1e6", "1024", "1/100").
type unit struct {
	name   string
	factor string
	alias  bool // read but never written
}

// kind is a physical dimension: what its values are called in messages, what
// the reader should have written, the unit of the stored value, and all units,
// small to large.
type kind struct {
	noun    string
	example string
	base    string
	units   []unit
	bare    bool // a number without a unit is meant in the base unit
}

var (
	durations = kind{noun: "a duration", example: "2 ms", base: "ns", units: []unit{
		{name: "ns", factor: "1"},
		{name: "us", factor: "1e3"},
		{name: "\u00b5s", factor: "1e3", alias: true}, // micro sign
		{name: "\u03bcs", factor: "1e3", alias: true}, // Greek mu, which looks the same
		{name: "ms", factor: "1e6"},
		{name: "s", factor: "1e9"},
		{name: "min", factor: "60e9"},
		{name: "h", factor: "3600e9"},
	}}
	rates = kind{noun: "a network rate", example: "80 Mbit/s", base: "bit/s", units: []unit{
		{name: "bit/s", factor: "1"},
		{name: "kbit/s", factor: "1e3"},
		{name: "Mbit/s", factor: "1e6"},
		{name: "Gbit/s", factor: "1e9"},
		{name: "bps", factor: "1", alias: true},
		{name: "kbps", factor: "1e3", alias: true},
		{name: "Mbps", factor: "1e6", alias: true},
		{name: "Gbps", factor: "1e9", alias: true},
	}}
	sizes = kind{noun: "a size", example: "8 GiB", base: "B", units: []unit{
		{name: "B", factor: "1"},
		{name: "kB", factor: "1e3"},
		{name: "KiB", factor: "1024"},
		{name: "MB", factor: "1e6"},
		{name: "MiB", factor: "1048576"},
		{name: "GB", factor: "1e9"},
		{name: "GiB", factor: "1073741824"},
		{name: "TB", factor: "1e12"},
		{name: "TiB", factor: "1099511627776"},
	}}
	powers = kind{noun: "a power", example: "15 W", base: "W", units: []unit{
		{name: "uW", factor: "1e-6"},
		{name: "mW", factor: "1e-3"},
		{name: "W", factor: "1"},
		{name: "kW", factor: "1e3"},
	}}
	frequencies = kind{noun: "a frequency", example: "1300 MHz", base: "Hz", units: []unit{
		{name: "Hz", factor: "1"},
		{name: "kHz", factor: "1e3"},
		{name: "MHz", factor: "1e6"},
		{name: "GHz", factor: "1e9"},
	}}
	computes = kind{noun: "a computing rate", example: "222 GFLOP/s", base: "FLOP/s", units: []unit{
		{name: "FLOP/s", factor: "1"},
		{name: "kFLOP/s", factor: "1e3"},
		{name: "MFLOP/s", factor: "1e6"},
		{name: "GFLOP/s", factor: "1e9"},
		{name: "TFLOP/s", factor: "1e12"},
		{name: "FLOPS", factor: "1", alias: true},
		{name: "MFLOPS", factor: "1e6", alias: true},
		{name: "GFLOPS", factor: "1e9", alias: true},
		{name: "TFLOPS", factor: "1e12", alias: true},
	}}
	bandwidths = kind{noun: "a memory bandwidth", example: "25.6 GB/s", base: "B/s", units: []unit{
		{name: "B/s", factor: "1"},
		{name: "kB/s", factor: "1e3"},
		{name: "KiB/s", factor: "1024"},
		{name: "MB/s", factor: "1e6"},
		{name: "MiB/s", factor: "1048576"},
		{name: "GB/s", factor: "1e9"},
		{name: "GiB/s", factor: "1073741824"},
		{name: "TB/s", factor: "1e12"},
	}}
	energies = kind{noun: "an energy", example: "3 J", base: "J", units: []unit{
		{name: "nJ", factor: "1e-9"},
		{name: "uJ", factor: "1e-6"},
		{name: "mJ", factor: "1e-3"},
		{name: "J", factor: "1"},
		{name: "kJ", factor: "1e3"},
		{name: "Wh", factor: "3600"},
	}}
	fractions = kind{noun: "a fraction", example: "12 %", base: "", bare: true, units: []unit{
		{name: "", factor: "1"},
		{name: "%", factor: "1/100"},
	}}
)

// kinds lists every dimension, to say of a misplaced unit where it belongs.
func kinds() []*kind {
	return []*kind{
		&durations, &rates, &sizes, &powers, &frequencies, &computes, &bandwidths, &energies, &fractions,
	}
}

// find returns the unit spelled name.
func (k *kind) find(name string) (unit, bool) {
	for _, u := range k.units {
		if u.name == name {
			return u, true
		}
	}
	return unit{}, false
}

// names lists the spellings that messages offer; aliases are accepted silently.
func (k *kind) names() []string {
	var names []string
	for _, u := range k.units {
		if !u.alias && u.name != "" {
			names = append(names, u.name)
		}
	}
	return names
}

// owner names the dimension that a unit belongs to, or "".
func owner(name string) string {
	for _, k := range kinds() {
		if _, ok := k.find(name); ok {
			return k.noun
		}
	}
	return ""
}

// scale is the unit's factor as an exact number.
func (u unit) scale() *big.Rat {
	r, ok := new(big.Rat).SetString(u.factor)
	if !ok {
		panic("units: factor " + u.factor + " of unit " + u.name + " is not a number")
	}
	return r
}
