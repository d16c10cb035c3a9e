package plot

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// HeatMap shows a value for every pair of a row and a column as a colour, with
// the number written into the cell. The colours get darker with the value, so they order the
// same in greyscale.
type HeatMap struct {
	Title, XLabel, YLabel string
	Columns, Rows         []string    // rows from the top
	Values                [][]float64 // [row][column]; NaN is missing and labelled "n/a"
	ValueLabel            string      // what the colours mean, at the colour bar
	Digits                int         // after the decimal point, of the numbers in the cells
}

func (h HeatMap) names() (series, references []string) { return nil, nil }

func (h HeatMap) check() error {
	var faults []error
	if len(h.Rows) == 0 || len(h.Columns) == 0 {
		faults = append(faults, errors.New("a heat map needs a row and a column"))
	}
	if len(h.Values) != len(h.Rows) {
		faults = append(faults, fmt.Errorf("%d rows of values for %d rows", len(h.Values), len(h.Rows)))
	}
	if h.Digits < 0 || h.Digits > 15 {
		faults = append(faults, fmt.Errorf("%d digits: must be 0 to 15", h.Digits))
	}
	for i, row := range h.Values {
		if len(row) != len(h.Columns) {
			faults = append(faults, fmt.Errorf("row %d: %d values for %d columns", i, len(row), len(h.Columns)))
		}
		faults = append(faults, checkNumbers(fmt.Sprintf("row %d", i), false, row))
	}
	return errors.Join(faults...)
}

// Layout of the colour bar, in points.
const (
	barGap   = vg.Length(6) // from the axes
	barWidth = vg.Length(7)
)

func (h HeatMap) frame(_ styles, size vg.Point) frame {
	e := newExtent(false)
	for _, row := range h.Values {
		e.add(row...)
	}
	scale := e.axis(size.Y, ySpacing)
	f := frame{
		title: h.Title, xLabel: h.XLabel, yLabel: h.YLabel,
		x: categories(h.Columns), y: categories(h.Rows), boxed: true,
	}
	last := len(h.Rows) - 1
	for i := range f.y.ticks { // rows run downwards
		f.y.ticks[i].value = float64(last - i)
	}
	f.right = func(p *pen) vg.Length {
		room := barGap + barWidth + tickLength + labelGap + widestLabel(p, scale)
		if h.ValueLabel != "" {
			room += labelGap + labelSize*leading
		}
		return room
	}
	f.content = func(p *pen, m mapping) {
		h.drawCells(p, m, scale)
		h.drawBar(p, m, scale)
	}
	return f
}

func (h HeatMap) drawCells(p *pen, m mapping, scale axis) {
	gap := stroke{width: 0.5, color: color.White}
	for i, row := range h.Values {
		y := float64(len(h.Rows) - 1 - i)
		for j, v := range row {
			x := float64(j)
			cell := rectangle(m.x(x-0.5), m.y(y-0.5), m.x(x+0.5), m.y(y+0.5))
			text, s := "n/a", style{size: tickSize, alignX: 0.5, alignY: 0.5, color: midGrey}
			if !math.IsNaN(v) {
				fill := ramp(scale.at(v))
				p.area(fill, corners(cell)...)
				text, s.color = minus(strconv.FormatFloat(v, 'f', h.Digits, 64)), ink(fill)
			}
			outline := polyline(corners(cell))
			outline.Close()
			p.path(gap, outline)
			s.size = min(tickSize, (cell.Max.Y-cell.Min.Y)*0.8)
			if w := p.width(text, s); w > cell.Max.X-cell.Min.X-1 {
				s.size *= (cell.Max.X - cell.Min.X - 1) / w
			}
			p.text(text, center(cell), s)
		}
	}
}

// drawBar draws the key of colours right of the axes.
func (h HeatMap) drawBar(p *pen, m mapping, scale axis) {
	bar := rectangle(m.area.Max.X+barGap, m.area.Min.Y, m.area.Max.X+barGap+barWidth, m.area.Max.Y)
	height := bar.Max.Y - bar.Min.Y
	const steps = 64
	for i := range steps { // each step reaches to the top, so that no seams show
		y := bar.Min.Y + height*vg.Length(i)/steps
		p.area(ramp((float64(i)+0.5)/steps), corners(rectangle(bar.Min.X, y, bar.Max.X, bar.Max.Y))...)
	}
	line := stroke{width: axisWidth, color: color.Black}
	outline := polyline(corners(bar))
	outline.Close()
	p.path(line, outline)
	for _, t := range scale.ticks {
		y := bar.Min.Y + height*vg.Length(scale.at(t.value))
		p.line(line, vg.Point{X: bar.Max.X, Y: y}, vg.Point{X: bar.Max.X + tickLength, Y: y})
		t.draw(p, vg.Point{X: bar.Max.X + tickLength + labelGap, Y: y - tickSize*capHeight/2})
	}
	at := vg.Point{X: bar.Max.X + tickLength + 2*labelGap + widestLabel(p, scale) + labelSize*capHeight, Y: center(bar).Y}
	p.text(h.ValueLabel, at, style{size: labelSize, alignX: 0.5, rotation: math.Pi / 2})
}

// ramp is the colour of a place from 0 to 1: white to dark blue, linear in
// brightness between the fixed points.
func ramp(at float64) color.NRGBA {
	stops := []color.NRGBA{
		{R: 0xf4, G: 0xf9, B: 0xfd, A: 0xff},
		{R: 0x9c, G: 0xce, B: 0xee, A: 0xff},
		{R: 0x2c, G: 0x85, B: 0xbf, A: 0xff},
		{R: 0x00, G: 0x2a, B: 0x52, A: 0xff},
	}
	place := math.Min(math.Max(at, 0), 1) * float64(len(stops)-1)
	i := min(int(place), len(stops)-2)
	part := place - float64(i)
	mix := func(a, b uint8) uint8 {
		return uint8(math.Round(float64(a) + float64(part*(float64(b)-float64(a)))))
	}
	a, b := stops[i], stops[i+1]
	return color.NRGBA{R: mix(a.R, b.R), G: mix(a.G, b.G), B: mix(a.B, b.B), A: 0xff}
}
