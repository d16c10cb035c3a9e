package workloads

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Requests that would come later than can be simulated are refused or told of; none vanishes.
func TestRequestsAfterTheEndOfTime(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for text, source := range map[string]func() error{
		"interval of 876000h0m0s is too long; at most 73 years": func() error {
			_, err := Periodic{Interval: 100 * year}.Source(1, Equal(1), Limit{Requests: 1})
			return err
		},
		"10 requests that come 87600h0m0s apart take too long": func() error {
			_, err := Periodic{Interval: 10 * year}.Source(1, Equal(1), Limit{Requests: 10})
			return err
		},
		"requests that come": func() error {
			_, err := Poisson{Rate: 1e-6}.Source(1, Equal(1), Limit{Requests: 3000})
			return err
		},
		"apart take too long": func() error {
			_, err := Closed{Clients: 2, Think: year}.Loop(1, Equal(1), Limit{Requests: 200})
			return err
		},
		"horizon of 876000h0m0s is too long": func() error { return Limit{Horizon: 100 * year}.Validate() },
	} {
		require.ErrorContains(t, source(), text)
	}
	s, err := Periodic{Interval: 10 * year}.Source(1, Equal(1), Limit{Requests: 8})
	require.NoError(t, err)
	n := 0
	for _, ok := s.Next(); ok; _, ok = s.Next() {
		n++
	}
	require.Equal(t, 8, n)
	loop, err := Closed{Clients: 1}.Loop(1, Equal(1), Limit{Requests: 3})
	require.NoError(t, err)
	loop.Start()
	_, ok := loop.Completed(80*year, 0)
	require.False(t, ok)
	require.True(t, loop.Late())
}

// Times of traces may be written as Python and pandas write small numbers.
func TestTraceTimesInExponentNotation(t *testing.T) {
	x, err := ReadTrace("t.csv", []byte("time_s,model\n1e-3,a\n5E-1,b\n2.5e+0,a\n"), nil)
	require.NoError(t, err)
	require.Equal(t, []Arrival{{time.Millisecond, 0}, {500 * time.Millisecond, 1}, {2500 * time.Millisecond, 0}}, x.Arrivals)
	for _, bad := range []string{"1e", "e3", "1e999999999", "1e31", "1e1.5", "-1e-3", "1e-3e-3", "1e+", "0x1e3", "1e--3"} {
		_, err := ReadTrace("t.csv", []byte("time_s,model\n"+bad+",a\n"), nil)
		require.ErrorContains(t, err, "t.csv:2: time_s", bad)
	}
}
