package plot

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
)

// Lanes stand from the top in the order given, and time is true to scale in all of them.
func TestTimelineIsTrueToScale(t *testing.T) {
	l := Timeline{Groups: []LaneGroup{{Name: "a", Lanes: []Lane{{Name: "x"}, {Name: "y"}}}, {Name: "b", Lanes: []Lane{{Name: "x"}}}}}
	bottom, middles := l.lanes()
	require.Equal(t, []float64{-0.5, -1.5, -2.5 - groupGap}, middles)
	require.InDelta(t, -3-groupGap, bottom, 1e-12)
	require.InDelta(t, LaneHeight*(3+groupGap), l.Height(), 1e-12)

	l.Groups[0].Lanes[0].Bars = []Bar{{Start: 3, End: 100, Shade: math.NaN()}}
	f := l.frame(newStyles([]Panel{l}), vg.Point{X: 300, Y: 50})
	require.Equal(t, "a  x", f.y.ticks[0].label)
	require.Equal(t, "y", f.y.ticks[1].label)
	require.LessOrEqual(t, f.x.min, 3.0)
	require.GreaterOrEqual(t, f.x.max, 100.0)
	require.Less(t, f.x.max-f.x.min, 1.05*97, "little empty time")
	require.Nil(t, f.right, "without shades there is no key")
}

// A label is where there is room, or nowhere.
func TestLabelsAvoidWhatIsThere(t *testing.T) {
	p, s := newPen(), newSpy()
	p.Canvas = s
	area := rectangle(0, 0, 100, 100)
	at := vg.Point{X: 50, Y: 50}
	first := p.beside("label", at, area, nil)
	require.Greater(t, first.Min.X, at.X, "right of the point if nothing is in the way")
	taken := []vg.Rectangle{first}
	for range 200 {
		taken = append(taken, p.beside("label", at, area, taken))
	}
	require.LessOrEqual(t, len(s.texts), 32, "when all places are taken labels are left out")
	for i, a := range s.texts {
		require.True(t, inside(a.box, area))
		for _, b := range s.texts[:i] {
			require.False(t, overlap(a.box, b.box))
		}
	}
}
