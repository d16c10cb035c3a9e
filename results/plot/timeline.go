package plot

import (
	"errors"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// Timeline shows what happened where and when: groups of lanes from the top, each
// lane a row of bars over a common axis of time.
type Timeline struct {
	Title, XLabel string
	Groups        []LaneGroup
	ShadeLabel    string      // what the bars' shades mean, at the colour bar
	Marks         []Reference // vertical lines
}

// LaneGroup is lanes that belong together, such as a resource's.
type LaneGroup struct {
	Name  string
	Lanes []Lane
}

// Lane is one row of bars. Bars may overlap: the later one in the list is on top.
type Lane struct {
	Name string
	Bars []Bar
}

// Bar is one interval. Bars whose Shade is NaN have none: they are grey and
// hatched.
type Bar struct {
	Start, End float64
	Shade      float64
	Label      string // inside, where there is room
}

func (t Timeline) names() (series, references []string) { return nil, referenceNames(t.Marks) }

func (t Timeline) check() error {
	var faults []error
	lanes := 0
	for _, g := range t.Groups {
		lanes += len(g.Lanes)
		for _, l := range g.Lanes {
			for i, b := range l.Bars {
				if !(b.Start <= b.End) || math.IsInf(b.Start, 0) || math.IsInf(b.End, 0) || math.IsInf(b.Shade, 0) {
					faults = append(faults, fmt.Errorf("group %q, lane %q: bar %d from %v to %v with shade %v cannot be drawn", g.Name, l.Name, i, b.Start, b.End, b.Shade))
				}
			}
		}
	}
	if lanes == 0 {
		faults = append(faults, errors.New("a timeline needs a lane"))
	}
	for _, r := range t.Marks {
		faults = append(faults, checkNumbers(fmt.Sprintf("mark %q", r.Name), false, []float64{r.Value}))
	}
	return errors.Join(faults...)
}

// Proportions of a timeline, in parts of a lane's height.
const (
	laneFill = 0.8
	groupGap = 0.55
)

// LaneHeight is the height in inches that suits a lane; see [Timeline.Height].
const LaneHeight = 0.13

// Height is the height in inches that suits the timeline's lanes, for
// Figure.Height.
func (t Timeline) Height() float64 {
	bottom, _ := t.lanes()
	return float64(LaneHeight * -bottom)
}

// lanes gives every lane its place, downwards from 0: the middles of the lanes one
// after the other, and the lower end of all.
func (t Timeline) lanes() (bottom float64, middles []float64) {
	y := 0.0
	for i, g := range t.Groups {
		if i > 0 {
			y -= groupGap
		}
		for range g.Lanes {
			middles = append(middles, y-0.5)
			y--
		}
	}
	return y, middles
}

func (t Timeline) frame(st styles, size vg.Point) frame {
	f := frame{title: t.Title, xLabel: t.XLabel, grid: gridLines{x: true}, boxed: true, entries: referenceEntries(t.Marks, st)}
	bottom, middles := t.lanes()
	f.y = axis{min: bottom, max: 0, names: true}
	times, shades := newExtent(false), newExtent(false)
	lane := 0
	for _, g := range t.Groups {
		for i, l := range g.Lanes {
			label := l.Name
			if i == 0 && g.Name != "" {
				label = g.Name + "  " + label
			}
			f.y.ticks = append(f.y.ticks, tick{value: middles[lane], label: label})
			lane++
			for _, b := range l.Bars {
				times.add(b.Start, b.End)
				shades.add(b.Shade)
			}
		}
	}
	for _, r := range t.Marks {
		times.add(r.Value)
	}
	f.x = times.axis(size.X, xSpacing)
	if times.lo <= times.hi && times.lo < times.hi { // no empty time beside the bars
		f.x = f.x.trimmed(times.lo, times.hi)
	}
	scale := shades.axis(size.Y, ySpacing)
	key := colourKey{scale: scale, label: t.ShadeLabel}
	shaded := shades.lo <= shades.hi
	if shaded {
		f.right = key.room
	}
	f.content = func(p *pen, m mapping) {
		t.draw(p, m, st, scale)
		if shaded {
			key.draw(p, m)
		}
	}
	return f
}

// trimmed is the axis between two values that it covers, with the marks that are
// left.
func (a axis) trimmed(lo, hi float64) axis {
	out := a
	margin := (hi - lo) / 50
	out.min, out.max = math.Max(a.min, lo-margin), math.Min(a.max, hi+margin)
	out.ticks = nil
	for _, t := range a.ticks {
		if t.value >= out.min && t.value <= out.max {
			out.ticks = append(out.ticks, t)
		}
	}
	return out
}

func (t Timeline) draw(p *pen, m mapping, st styles, scale axis) {
	_, middles := t.lanes()
	unit := m.y(0) - m.y(-1)
	lane := 0
	for i, g := range t.Groups {
		if i > 0 {
			y := m.y(middles[lane] + 0.5 + groupGap/2)
			p.line(stroke{width: gridWidth, color: midGrey}, vg.Point{X: m.area.Min.X, Y: y}, vg.Point{X: m.area.Max.X, Y: y})
		}
		for _, l := range g.Lanes {
			y := m.y(middles[lane])
			for _, b := range l.Bars {
				b.draw(p, rectangle(m.x(b.Start), y-unit*laneFill/2, m.x(b.End), y+unit*laneFill/2), scale)
			}
			lane++
		}
	}
	for _, r := range t.Marks {
		p.line(st.reference(r.Name), vg.Point{X: m.x(r.Value), Y: m.area.Min.Y}, vg.Point{X: m.x(r.Value), Y: m.area.Max.Y})
	}
}

// draw draws a bar at its place.
func (b Bar) draw(p *pen, r vg.Rectangle, scale axis) {
	fill, h := color.NRGBA{R: 0xe8, G: 0xe8, B: 0xe8, A: 0xff}, slashes
	if !math.IsNaN(b.Shade) {
		fill, h = ramp(scale.at(b.Shade)), plain
	}
	r.Max.X = max(r.Max.X, r.Min.X+thinWidth) // the shortest bar is to be seen
	p.patch(r, fill, h)
	s := style{size: min(smallSize, (r.Max.Y-r.Min.Y)*0.9), alignX: 0.5, alignY: 0.5, color: ink(fill)}
	w := p.width(b.Label, s)
	if b.Label == "" || w+2 > r.Max.X-r.Min.X {
		return
	}
	if h != plain { // letters on hatching are hard to read
		p.area(fill, corners(rectangle(center(r).X-w/2-1, r.Min.Y+thinWidth, center(r).X+w/2+1, r.Max.Y-thinWidth))...)
	}
	p.text(b.Label, center(r), s)
}
