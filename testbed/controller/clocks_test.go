package controller

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/testbed/wire"
)

// Times of clocks that are apart and drift come out right, wherever between two comparisons they lie, up to the comparisons' own error.
func TestCourses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (func(time.Duration) time.Duration, reading, reading, time.Duration) {
			apart := time.Duration(rapid.Int64Range(-1<<50, 1<<50).Draw(t, name))
			drift := rapid.Float64Range(-1e-4, 1e-4).Draw(t, name+" drift")
			shows := func(c time.Duration) time.Duration { return c + apart + time.Duration(drift*float64(c)) }
			bound := time.Duration(rapid.Int64Range(0, 1e6).Draw(t, name+" bound"))
			at := func(c time.Duration) reading {
				wrong := time.Duration(rapid.Int64Range(-int64(bound), int64(bound)).Draw(t, name+" error"))
				return reading{wire.Offset{Offset: shows(c) - c + wrong, Bound: bound, Samples: 1}, c}
			}
			return shows, at(time.Hour), at(2 * time.Hour), bound
		}
		a, a1, a2, errA := draw("a")
		b, b1, b2, errB := draw("b")
		s := &shifts{nodes: []course{newCourse(a1, a2), newCourse(b1, b2)}, reference: 1}
		when := time.Duration(rapid.Int64Range(int64(time.Hour), int64(2*time.Hour)).Draw(t, "when"))
		got := s.to(0, a(when))
		require.InDelta(t, float64(b(when)), float64(got), float64(2*(errA+errB)+time.Microsecond))
		require.InDelta(t, float64(a(when)), float64(s.from(0, got)), float64(2*(errA+errB)+time.Microsecond))
	})
}

// Clocks that cannot be told apart are taken for one; of a node that was lost, the first comparison counts.
func TestCourseOfOneClock(t *testing.T) {
	near := reading{wire.Offset{Offset: 40, Bound: 50, Samples: 1}, 1000}
	far := reading{wire.Offset{Offset: 60, Bound: 50, Samples: 1}, 2000}
	require.Zero(t, newCourse(near, near))
	require.Zero(t, newCourse(near, reading{}))
	require.NotZero(t, newCourse(near, far))
	require.Equal(t, course{at: 2000, ahead: 60, bound: 50}, newCourse(far, reading{}))
	require.Equal(t, course{at: 2000, ahead: 60, bound: 50}, newCourse(reading{}, far))
	require.Equal(t, time.Duration(77), (&shifts{nodes: make([]course, 2)}).to(1, 77))
}
