package devices

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Measurement is measured latencies of whole networks, batch 1, in one setting of a board, as its file holds them.
type Measurement struct {
	Runtime, Cluster string
	Mode             string // "" for the board's first
	Source, Note     string
	Rows             []MeasuredRow
}

// MeasuredRow is one measured latency.
type MeasuredRow struct {
	Model   string
	Seconds float64
	Outlier string // why the row is left out of the fit; "" for a row that takes part
}

// Measurements returns the measured rows of the board, in the file's order.
func (b *Board) Measurements() []Measurement {
	var out []Measurement
	for _, m := range b.file.Measurement {
		n := Measurement{Runtime: m.Runtime, Cluster: m.Cluster, Mode: m.Mode, Source: m.Source, Note: m.Note}
		for _, r := range m.Rows {
			n.Rows = append(n.Rows, MeasuredRow{Model: r.Model, Seconds: r.Latency.Seconds(), Outlier: r.Outlier})
		}
		out = append(out, n)
	}
	return out
}

// RuntimesOn lists what the board declares, in the file's order: a runtime and the name of a cluster.
func (b *Board) RuntimesOn() (out [][2]string) {
	for _, r := range b.file.Runtime {
		out = append(out, [2]string{r.Name, r.Cluster})
	}
	return out
}

// MemoryBandwidth returns the memory's bandwidth by the data sheet, in bytes/s.
func (b *Board) MemoryBandwidth() float64 { return b.file.Memory.Bandwidth.Value.BytesPerSecond() }

// IdlePower returns the watts that the idle board draws.
func (b *Board) IdlePower() float64 { return b.file.Power.Idle.Value.Watts() }

// Doubt is a reason not to trust numbers of a board.
type Doubt struct {
	Where string `json:"where"` // "tensorflow/fp32 on gpu"
	What  string `json:"what"`
}

// far is by which factor a row may lie off what the data sheet suggests before it is doubted. The rows of the catalogue
// lie within a factor of 10; a wrong unit is a factor of 1000.
const far = 30

// Doubts lists what of the board's numbers rests on nothing, on little, or on rows that no such hardware can have:
// parameters that are derived, fits whose error is large, rates above the peak, rows far off the data sheet. Report is
// FitReport's.
func (b *Board) Doubts(report []FitRow) ([]Doubt, error) {
	var out []Doubt
	for _, w := range b.Warnings {
		out = append(out, Doubt{b.Name, w})
	}
	for i := range report {
		out = append(out, b.doubtFit(&report[i])...)
	}
	rows, err := b.doubtRows()
	return append(out, rows...), err
}

const (
	littleRows = 3
	largeError = .3 // of the mean over networks that were left out
)

func (b *Board) doubtFit(r *FitRow) (out []Doubt) {
	doubt := func(format string, args ...any) {
		out = append(out, Doubt{r.Runtime + " on " + r.Cluster, fmt.Sprintf(format, args...)})
	}
	switch {
	case r.Rows == 0:
		doubt("no network was measured; %s", r.Assumption)
	case r.Rows < littleRows:
		doubt("measured networks: %d; the rest is derived: %s", r.Rows, cmp.Or(r.Assumption,
			"the data sheet and hand-set efficiencies"))
	case r.LOOMean > largeError:
		doubt("a network that was left out of the fit is off by %.0f %% in the mean, %s by %.0f %%", 100*r.LOOMean, r.Worst,
			100*r.LOOMax)
	}
	if len(r.Implausible) > 0 {
		doubt("rates above what the peak allows: %s", strings.Join(r.Implausible, ", "))
	}
	return out
}

func (b *Board) doubtRows() (out []Doubt, err error) {
	f := newFitter()
	for _, m := range b.file.Measurement {
		k := b.cluster(m.Cluster)
		sheet := b.vague(k, m.Runtime).params
		scaled := b.scale(k, b.modeIndex(m.Mode)).apply(sheet)
		for _, r := range m.Rows {
			net, err := f.nets.get(r.Model)
			if err != nil {
				return nil, fmt.Errorf("board %s, rows of %s on %s: %w", b.Name, m.Runtime, m.Cluster, err)
			}
			expected := net.seconds(&scaled)
			if ratio := r.Latency.Seconds() / expected; ratio > far || ratio < 1/float64(far) {
				out = append(out, Doubt{m.Runtime + " on " + m.Cluster, fmt.Sprintf("%s in %v is far off the data sheet, which "+
					"suggests some %s; check the unit",
					r.Model, r.Latency, Rough(expected))})
			}
		}
	}
	return out, nil
}

// Rough prints a time in seconds with two digits.
func Rough(seconds float64) string {
	scale, unit := 1e6, "us"
	switch {
	case seconds >= .995:
		scale, unit = 1, "s"
	case seconds >= .995e-3:
		scale, unit = 1e3, "ms"
	}
	return twoDigits(seconds*scale) + " " + unit
}

// twoDigits prints a number with two significant digits and without an exponent.
func twoDigits(x float64) string {
	step := math.Pow(10, math.Floor(math.Log10(x))-1)
	return strconv.FormatFloat(math.Round(x/step)*step, 'f', max(0, -int(math.Round(math.Log10(step)))), 64)
}
