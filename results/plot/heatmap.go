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
	key := colourKey{scale: scale, label: h.ValueLabel}
	f.right = key.room
	f.content = func(p *pen, m mapping) {
		h.drawCells(p, m, scale)
		key.draw(p, m)
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
