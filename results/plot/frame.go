package plot

import (
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
)

// frame is a panel ready to be drawn: axes, labels, and what they contain.
type frame struct {
	letter, title  string
	xLabel, yLabel string
	x, y           axis
	grid           gridLines
	boxed          bool                   // lines on all four sides
	right          func(p *pen) vg.Length // room for what stands right of the axes; nil for nothing
	entries        []entry                // for the legend
	content        func(p *pen, m mapping)
}

// gridLines says across which axes light lines run.
type gridLines struct{ x, y bool }

// mapping turns values into places.
type mapping struct {
	xAxis, yAxis axis
	area         vg.Rectangle
}

func (m mapping) x(v float64) vg.Length {
	return m.area.Min.X + vg.Length(m.xAxis.at(v))*(m.area.Max.X-m.area.Min.X)
}

func (m mapping) y(v float64) vg.Length {
	return m.area.Min.Y + vg.Length(m.yAxis.at(v))*(m.area.Max.Y-m.area.Min.Y)
}

func (m mapping) point(x, y float64) vg.Point { return vg.Point{X: m.x(x), Y: m.y(y)} }

const (
	labelGap = vg.Length(2) // between marks and labels
	titleGap = vg.Length(5) // between the axes and the title
	leading  = vg.Length(1.15)
)

// sides is the room that the labels need left and right of the axes.
func (f frame) sides(p *pen) (left, right vg.Length) {
	left = tickLength + labelGap + widestLabel(p, f.y)
	if f.yLabel != "" {
		left += labelSize*leading + labelGap
	}
	if f.right != nil {
		right = f.right(p)
	}
	if n := len(f.x.ticks); n > 0 && !f.x.names { // the last label sticks out
		right = max(right, f.x.ticks[n-1].width(p)/2)
	}
	return left, right
}

// ends is the room above and below axes of the given width with the given room
// left of them.
func (f frame) ends(p *pen, width, left vg.Length) (top, bottom vg.Length) {
	top = tickSize * capHeight / 2 // the uppermost label sticks out
	if f.title != "" || f.letter != "" {
		top = titleGap + labelSize
	}
	bottom = tickLength + labelGap + f.xLabels(p, width, left).height(p)
	if f.xLabel != "" {
		bottom += labelSize*leading + labelGap
	}
	return top, bottom
}

func (t tick) width(p *pen) vg.Length {
	return p.width(t.label, style{size: tickSize}) + p.width(t.exponent, style{size: smallSize})
}

// widestLabel is the width of the axis's widest label.
func widestLabel(p *pen, a axis) vg.Length {
	widest := vg.Length(0)
	for _, t := range a.ticks {
		widest = max(widest, t.width(p))
	}
	return widest
}

// draw puts the panel on the canvas: its axes around the area, the label of the y
// axis at the far side of the room left of it.
func (f frame) draw(p *pen, area vg.Rectangle, left vg.Length) {
	m := mapping{xAxis: f.x, yAxis: f.y, area: area}
	f.drawGrid(p, m)
	f.content(p, m)
	f.drawAxes(p, m)
	f.drawYLabels(p, m, left)
	labels := f.xLabels(p, area.Max.X-area.Min.X, left)
	top := area.Min.Y - tickLength - labelGap
	labels.draw(p, m, top)
	if f.xLabel != "" {
		at := vg.Point{X: (area.Min.X + area.Max.X) / 2, Y: top - labels.height(p) - labelGap}
		p.text(f.xLabel, at, style{size: labelSize, alignX: 0.5, alignY: 1})
	}
	f.drawTitle(p, area)
}

func (f frame) drawTitle(p *pen, area vg.Rectangle) {
	at := vg.Point{X: area.Min.X, Y: area.Max.Y + titleGap}
	bold := style{size: labelSize, bold: true}
	if f.letter != "" {
		p.text(f.letter, at, bold)
		at.X += p.width(f.letter+" ", bold)
	}
	p.text(f.title, at, bold)
}

func (f frame) drawGrid(p *pen, m mapping) {
	s := stroke{width: gridWidth, color: lightGrey}
	if f.grid.y {
		for _, t := range f.y.ticks {
			p.line(s, vg.Point{X: m.area.Min.X, Y: m.y(t.value)}, vg.Point{X: m.area.Max.X, Y: m.y(t.value)})
		}
	}
	if f.grid.x {
		for _, t := range f.x.ticks {
			p.line(s, vg.Point{X: m.x(t.value), Y: m.area.Min.Y}, vg.Point{X: m.x(t.value), Y: m.area.Max.Y})
		}
	}
}

func (f frame) drawAxes(p *pen, m mapping) {
	s := stroke{width: axisWidth, color: color.Black}
	a := m.area
	if f.boxed {
		box := polyline(corners(a))
		box.Close()
		p.path(s, box)
	} else {
		p.line(s, vg.Point{X: a.Min.X, Y: a.Max.Y}, a.Min, vg.Point{X: a.Max.X, Y: a.Min.Y})
	}
	marks := func(axis axis, mark func(v float64, length vg.Length)) {
		if axis.names {
			return
		}
		for _, t := range axis.ticks {
			mark(t.value, tickLength)
		}
		for _, v := range axis.minor {
			mark(v, tickLength*0.6)
		}
	}
	marks(f.x, func(v float64, length vg.Length) {
		p.line(s, vg.Point{X: m.x(v), Y: a.Min.Y - length}, vg.Point{X: m.x(v), Y: a.Min.Y})
	})
	marks(f.y, func(v float64, length vg.Length) {
		p.line(s, vg.Point{X: a.Min.X - length, Y: m.y(v)}, vg.Point{X: a.Min.X, Y: m.y(v)})
	})
	if !f.boxed && f.y.min < 0 && f.y.max > 0 && !f.y.log && !f.y.names {
		p.line(s, vg.Point{X: a.Min.X, Y: m.y(0)}, vg.Point{X: a.Max.X, Y: m.y(0)})
	}
}

func (f frame) drawYLabels(p *pen, m mapping, left vg.Length) {
	right := m.area.Min.X - tickLength - labelGap
	for _, t := range f.y.ticks {
		t.draw(p, vg.Point{X: right - t.width(p), Y: m.y(t.value) - tickSize*capHeight/2})
	}
	at := vg.Point{X: m.area.Min.X - left + labelSize*leading - descent(labelSize), Y: (m.area.Min.Y + m.area.Max.Y) / 2}
	p.text(f.yLabel, at, style{size: labelSize, alignX: 0.5, rotation: math.Pi / 2})
}

// draw writes the label, its exponent raised, with its lower left corner at a
// point.
func (t tick) draw(p *pen, at vg.Point) {
	s := style{size: tickSize}
	p.text(t.label, at, s)
	at.X += p.width(t.label, s)
	at.Y += tickSize * 0.4
	p.text(t.exponent, at, style{size: smallSize})
}

// xLabels is how the labels below the axes stand: in one line if they fit, broken
// into lines, or slanted.
type xLabels struct {
	ticks []tick
	lines [][]string // of each category; nil for numbers
	slant float64    // radians, 0 for level
}

func (f frame) xLabels(p *pen, width, left vg.Length) xLabels {
	if !f.x.names {
		return xLabels{ticks: f.thinned(p, width)}
	}
	l := xLabels{ticks: f.x.ticks}
	slot := width / vg.Length(max(len(f.x.ticks), 1))
	room, fits := slot-3, true
	for _, t := range f.x.ticks {
		lines := []string{t.label}
		if p.width(t.label, style{size: tickSize}) > room {
			lines = wrap(p, breakable(t.label), tickSize, room)
			for i := range lines {
				lines[i] = strings.ReplaceAll(lines[i], "- ", "-")
			}
		}
		l.lines = append(l.lines, lines)
		for _, line := range lines {
			fits = fits && p.width(line, style{size: tickSize}) <= room
		}
	}
	if !fits {
		l.slant = f.steepness(p, slot, left)
	}
	return l
}

// steepness is the angle of slanted labels: 30 degrees, or more where one would
// stick out of the figure on the left.
func (f frame) steepness(p *pen, slot, left vg.Length) float64 {
	angle := math.Pi / 6
	for i, t := range f.x.ticks {
		reach := left + slot*(vg.Length(i)+0.5) - tickSize*capHeight
		if w := p.width(t.label, style{size: tickSize}); w > reach {
			angle = math.Max(angle, math.Acos(math.Max(0, float64(reach/w))))
		}
	}
	return angle
}

// thinned leaves out labels, evenly, until those that stay have room.
func (f frame) thinned(p *pen, width vg.Length) []tick {
	for every := 1; ; every++ {
		var kept []tick
		for i := 0; i < len(f.x.ticks); i += every {
			kept = append(kept, f.x.ticks[i])
		}
		if f.roomy(p, kept, width) {
			return kept
		}
	}
}

// roomy reports whether labels stand clear of each other on an axis of a width.
func (f frame) roomy(p *pen, ticks []tick, width vg.Length) bool {
	const gap = 4
	for i := 1; i < len(ticks); i++ {
		a, b := ticks[i-1], ticks[i]
		if vg.Length(f.x.at(b.value)-f.x.at(a.value))*width < (a.width(p)+b.width(p))/2+gap {
			return false
		}
	}
	return true
}

// breakable allows a line to end after a hyphen.
func breakable(label string) string { return strings.ReplaceAll(label, "-", "- ") }

func (l xLabels) height(p *pen) vg.Length {
	height := tickSize
	for i, t := range l.ticks {
		switch {
		case l.slant > 0:
			w := p.width(t.label, style{size: tickSize})
			height = max(height, w*vg.Length(math.Sin(l.slant))+tickSize*vg.Length(math.Cos(l.slant)))
		case l.lines != nil:
			height = max(height, tickSize+tickSize*leading*vg.Length(len(l.lines[i])-1))
		}
	}
	return height
}

func (l xLabels) draw(p *pen, m mapping, top vg.Length) {
	for i, t := range l.ticks {
		x := m.x(t.value)
		switch {
		case l.slant > 0:
			p.text(t.label, vg.Point{X: x + 2, Y: top}, style{size: tickSize, alignX: 1, alignY: 1, rotation: l.slant})
		case l.lines != nil:
			for j, line := range l.lines[i] {
				y := top - tickSize*leading*vg.Length(j)
				p.text(line, vg.Point{X: x, Y: y}, style{size: tickSize, alignX: 0.5, alignY: 1})
			}
		default:
			t.draw(p, vg.Point{X: x - t.width(p)/2, Y: top - tickSize*capHeight})
		}
	}
}
