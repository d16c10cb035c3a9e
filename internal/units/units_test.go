package units

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// quantities lists every type of the package, so that a law below that holds
// for all of them cannot leave one out.
func quantities() map[string]encoding.TextUnmarshaler {
	return map[string]encoding.TextUnmarshaler{
		"Duration": new(Duration), "Rate": new(Rate), "Size": new(Size), "Power": new(Power),
		"Frequency": new(Frequency), "Compute": new(Compute), "Bandwidth": new(Bandwidth),
		"Energy": new(Energy), "Fraction": new(Fraction),
	}
}

func read[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, text string) T {
	t.Helper()
	var v T
	require.NoError(t, P(&v).UnmarshalText([]byte(text)))
	return v
}

func TestReadDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2 ms":          2 * time.Millisecond,
		"2ms":           2 * time.Millisecond,
		"  2  ms ":      2 * time.Millisecond,
		"15 us":         15 * time.Microsecond,
		"15 µs":         15 * time.Microsecond, // micro sign
		"15 μs":         15 * time.Microsecond, // Greek mu
		"1.5 s":         1500 * time.Millisecond,
		"0.1 s":         100 * time.Millisecond,
		"90 min":        90 * time.Minute,
		"0 s":           0,
		"-0 s":          0,
		"1e-3 s":        time.Millisecond,
		"10_000 ns":     10 * time.Microsecond,
		"0.4 h":         24 * time.Minute,
		"1.6 ns":        2,
		"123456789 s":   123456789 * time.Second,
		"0.000000001 s": 1,
	} {
		require.Equal(t, want, read[Duration](t, text).Std(), text)
	}
	require.Equal(t, 0.0025, read[Duration](t, "2.5 ms").Seconds())
	require.Equal(t, read[Duration](t, "2 ms"), Milliseconds(2))
}

func TestReadOthers(t *testing.T) {
	require.Equal(t, 80e6, read[Rate](t, "80 Mbit/s").BitsPerSecond())
	require.Equal(t, 10e6, read[Rate](t, "80 Mbps").BytesPerSecond())
	require.Equal(t, MbitPerSecond(80), read[Rate](t, "0.08 Gbit/s"))
	require.Equal(t, int64(8)<<30, read[Size](t, "8 GiB").Bytes())
	require.Equal(t, int64(4e9), read[Size](t, "4 GB").Bytes())
	require.Equal(t, int64(600e3), read[Size](t, "600 kB").Bytes())
	require.Equal(t, int64(math.MaxInt64), read[Size](t, "9223372036854775807 B").Bytes())
	require.Equal(t, 0.64, read[Power](t, "640 mW").Watts())
	require.Equal(t, 1.3e9, read[Frequency](t, "1300 MHz").Hertz())
	require.Equal(t, GFLOPsPerSecond(222), read[Compute](t, "222 GFLOPS"))
	require.Equal(t, 222e9, read[Compute](t, "222 GFLOP/s").FLOPsPerSecond())
	require.Equal(t, GBPerSecond(25.6), read[Bandwidth](t, "25.6 GB/s"))
	require.Equal(t, 25.6e9, read[Bandwidth](t, "25.6 GB/s").BytesPerSecond())
	require.Equal(t, 7200.0, read[Energy](t, "2 Wh").Joules())
	require.Equal(t, 0.12, read[Fraction](t, "12 %").Value())
	require.Equal(t, 0.12, read[Fraction](t, "0.12").Value())
}

// The decimal text is converted exactly, so the value is the float64 that a Go
// constant of the same meaning is.
func TestReadIsCorrectlyRounded(t *testing.T) {
	require.Equal(t, 4.35e6, read[Rate](t, "4.35 Mbit/s").BitsPerSecond()) // 4.35*1e6 in floats is 4.3499999e6
	require.Equal(t, 0.0011, read[Power](t, "1.1 mW").Watts())
}

func TestFaultsSayWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct {
		into encoding.TextUnmarshaler
		text string
		want string
	}{
		{new(Rate), "80", `"80" needs a unit, e.g. "80 Mbit/s"`},
		{new(Rate), "", `is empty; write a network rate, e.g. "80 Mbit/s"`},
		{new(Rate), "fast", `"fast" is not a network rate; write a number and a unit, e.g. "80 Mbit/s"`},
		{new(Rate), "-5 Mbit/s", `"-5 Mbit/s" is negative; a network rate is zero or more, e.g. "80 Mbit/s"`},
		{new(Rate), "80 mbit/s", `"80 mbit/s" has an unknown unit "mbit/s" (did you mean "Mbit/s"?); a network rate is in bit/s, kbit/s, Mbit/s, Gbit/s`},
		{new(Rate), "80 MB/s", `"80 MB/s" is a memory bandwidth, not a network rate; write e.g. "80 Mbit/s"`},
		{new(Rate), "NaN Mbit/s", `"NaN Mbit/s" is not a finite number; write e.g. "80 Mbit/s"`},
		{new(Power), "+inf", `"+inf" is not a finite number; write e.g. "15 W"`},
		{new(Power), "1,5 W", `"1,5 W" has a comma; write a decimal point and no thousands separator, e.g. "15 W"`},
		{new(Power), "1e999 W", `"1e999 W" is out of range; write e.g. "15 W"`},
		{new(Power), "1e9999 W", `"1e9999 W" is out of range; write e.g. "15 W"`},
		{new(Power), "1e-999 W", `"1e-999 W" is out of range; write e.g. "15 W"`},
		{new(Size), "600 KB", `"600 KB" has an unknown unit "KB" (did you mean "kB"?); a size is in B, kB, KiB, MB, MiB, GB, GiB, TB, TiB`},
		{new(Size), "1.5 B", `"1.5 B" is not a whole number of bytes; write e.g. "8 GiB"`},
		{new(Size), "1e10 GB", `"1e10 GB" is more than the 8 EiB a size can hold; write e.g. "8 GiB"`},
		{new(Duration), "3000000 h", `"3000000 h" is longer than the 292 years a duration can hold; write e.g. "2 ms"`},
		{new(Duration), "0.1 ns", `"0.1 ns" is shorter than the resolution of 1 ns; write 0 s or at least 1 ns`},
		{new(Fraction), "120 %", `"120 %" is more than the whole; a fraction is 0 to 1 or "0 %" to "100 %"`},
		{new(Fraction), "-1", `"-1" is negative; a fraction is zero or more, e.g. "12 %"`},
	} {
		require.EqualError(t, c.into.UnmarshalText([]byte(c.text)), c.want, c.text)
	}
}

func TestShortestText(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"2 ms":        Milliseconds(2),
		"1.5 s":       Milliseconds(1500),
		"90 s":        Milliseconds(90_000),
		"1 h":         Milliseconds(3600_000),
		"0 ns":        Duration(0),
		"-5 ns":       Duration(-5),
		"8 GiB":       Size(8 << 30),
		"4 GB":        Size(4e9),
		"1234567 B":   Size(1234567),
		"80 Mbit/s":   MbitPerSecond(80),
		"0.64 W":      Power(0.64),
		"25.6 GB/s":   GBPerSecond(25.6),
		"222 GFLOP/s": GFLOPsPerSecond(222),
		"1e+300 W":    Power(1e300),
		"NaN W":       Power(math.NaN()),
		"12 %":        Fraction(0.12),
		"1.3 GHz":     Frequency(1.3e9),
		"3 J":         Energy(3),
	} {
		require.Equal(t, want, got.String())
	}
}

func TestRoundTripIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "n")
		d, s := Duration(n), Size(n)
		var d2 Duration
		var s2 Size
		require.NoError(t, d2.UnmarshalText([]byte(d.String())))
		require.NoError(t, s2.UnmarshalText([]byte(s.String())))
		require.Equal(t, d, d2)
		require.Equal(t, s, s2)
	})
}

func TestRoundTripFloats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(0, math.MaxFloat64).Draw(t, "f")
		for _, k := range kinds() {
			text, err := k.marshalFloat(f)
			require.NoError(t, err)
			back, err := k.float(text)
			require.NoError(t, err, "%s", text)
			require.Equal(t, f, back, "%s", text)
		}
	})
}

func TestMarshalRefusesWhatCannotBeRead(t *testing.T) {
	for _, v := range []encoding.TextMarshaler{
		Duration(-1), Size(-1), Rate(math.NaN()), Power(math.Inf(1)), Frequency(-1), Compute(-1),
		Bandwidth(-1), Energy(-1), Fraction(-1),
	} {
		_, err := v.MarshalText()
		require.ErrorContains(t, err, "that a file can hold")
	}
}

func TestJSONCarriesTheUnit(t *testing.T) {
	data, err := json.Marshal(struct{ Rate Rate }{MbitPerSecond(80)})
	require.NoError(t, err)
	require.JSONEq(t, `{"Rate": "80 Mbit/s"}`, string(data))
}

func TestEveryExampleIsValidAndEveryKindHasOneBase(t *testing.T) {
	for name, v := range quantities() {
		example := v.(interface{ Example() string }).Example()
		require.NoError(t, v.UnmarshalText([]byte(example)), name)
	}
	for _, k := range kinds() {
		require.NotEmpty(t, owner(k.units[len(k.units)-1].name))
		u, ok := k.find(k.base)
		require.True(t, ok, "the base %q of %s is one of its units", k.base, k.noun)
		require.Equal(t, "1", u.factor)
	}
}

func FuzzUnmarshalText(f *testing.F) {
	for _, seed := range []string{"80 Mbit/s", "2 ms", "1e999 W", "-1", "µs", "1_0.5e+3 GiB", "nan", "12 %"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, v := range quantities() {
			if v.UnmarshalText([]byte(text)) != nil {
				continue
			}
			written, err := v.(encoding.TextMarshaler).MarshalText()
			require.NoError(t, err, name)
			require.NoError(t, v.UnmarshalText(written), "%s wrote %s", name, written)
			again, err := v.(encoding.TextMarshaler).MarshalText()
			require.NoError(t, err)
			require.Equal(t, written, again)
		}
	})
}
