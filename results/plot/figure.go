package plot

import (
	"errors"
	"fmt"

	"gonum.org/v1/plot/vg"
)

// Widths of a figure in inches: one or two columns of a journal's page.
const (
	SingleColumn = 3.4
	DoubleColumn = 7.0
)

// Figure is a set of panels with one legend and one note.
type Figure struct {
	Panels  []Panel
	Columns int     // panels beside each other; 0 means all in one row
	Width   float64 // inches; 0 means DoubleColumn
	Height  float64 // of the axes of one panel, inches; 0 means 1.6
	Note    string  // text below, wrapped: what the figure assumes
}

// Panel is one pair of axes with what they show: [GroupedBars], [Boxes],
// [Lines], [Scatter], [HeatMap] or [Timeline].
type Panel interface {
	// check returns what is wrong with the data.
	check() error
	// names lists the series and the reference lines, each of which gets a style of
	// its own.
	names() (series, references []string)
	// frame prepares the axes for about the given size.
	frame(s styles, size vg.Point) frame
}

// Distances of the layout.
const (
	outerMargin = vg.Length(2)  // around the figure
	columnGap   = vg.Length(12) // between panels beside each other
	rowGap      = vg.Length(8)
	noteGap     = vg.Length(5)
)

const defaultHeight = 1.6

// check gathers what is wrong with the figure's data.
func (f *Figure) check() error {
	var faults []error
	if len(f.Panels) == 0 {
		faults = append(faults, errors.New("no panels"))
	}
	if f.Columns < 0 || f.Width < 0 || f.Height < 0 {
		faults = append(faults, fmt.Errorf("columns %d, width %g and height %g: must not be negative", f.Columns, f.Width, f.Height))
	}
	for i, p := range f.Panels {
		if err := p.check(); err != nil {
			faults = append(faults, fmt.Errorf("panel %d: %w", i, err))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("plot: %w", errors.Join(faults...))
}

// layout is a figure with all its places fixed.
type layout struct {
	width, height vg.Length
	legend        legend
	placed        []placed
	note          []string
}

// placed is a panel's frame, where its axes stand, and the room left of them, which
// a column has in common so that the labels of its y axes stand in line.
type placed struct {
	frame frame
	area  vg.Rectangle
	left  vg.Length
}

// lay fixes the place of everything. The height of the figure follows from that
// of the axes, so nothing is ever squeezed or cut.
func (f *Figure) lay(p *pen) layout {
	l := layout{width: vg.Length(orDefault(f.Width, DoubleColumn)) * vg.Inch}
	inner := l.width - 2*outerMargin
	columns := f.Columns
	if columns == 0 || columns > len(f.Panels) {
		columns = len(f.Panels)
	}
	cell := vg.Point{
		X: (inner - columnGap*vg.Length(columns-1)) / vg.Length(columns),
		Y: vg.Length(orDefault(f.Height, defaultHeight)) * vg.Inch,
	}
	frames := f.frames(cell)
	l.legend = newLegend(p, frames, inner)
	l.note = wrap(p, f.Note, noteSize, inner)

	rows := gridRows(p, frames, columns, cell)
	l.height = 2*outerMargin + l.legend.height() + noteHeight(l.note)
	for i, r := range rows {
		l.height += r.top + cell.Y + r.bottom
		if i > 0 {
			l.height += rowGap
		}
	}
	y := l.height - outerMargin - l.legend.height()
	for _, r := range rows {
		y -= r.top
		for _, c := range r.cells {
			c.area.Min.Y, c.area.Max.Y = y-cell.Y, y
			l.placed = append(l.placed, c)
		}
		y -= cell.Y + r.bottom + rowGap
	}
	return l
}

// frames prepares every panel; with several, their titles get letters.
func (f *Figure) frames(cell vg.Point) []frame {
	s := newStyles(f.Panels)
	frames := make([]frame, len(f.Panels))
	for i, panel := range f.Panels {
		frames[i] = panel.frame(s, cell)
		if len(f.Panels) > 1 {
			frames[i].letter = "(" + string(rune('a'+i%26)) + ")"
		}
	}
	return frames
}

// row is one row of panels, whose axes stand level.
type row struct {
	top, bottom vg.Length // room above and below the axes
	cells       []placed
}

// gridRows fixes the horizontal places: the axes of a column have common edges.
func gridRows(p *pen, frames []frame, columns int, cell vg.Point) []row {
	left, right := make([]vg.Length, columns), make([]vg.Length, columns)
	for i, f := range frames {
		l, r := f.sides(p)
		left[i%columns], right[i%columns] = max(left[i%columns], l), max(right[i%columns], r)
	}
	var rows []row
	for i, f := range frames {
		column := i % columns
		if column == 0 {
			rows = append(rows, row{})
		}
		x := outerMargin + (cell.X+columnGap)*vg.Length(column)
		c := placed{frame: f, left: left[column]}
		c.area.Min.X, c.area.Max.X = x+left[column], x+cell.X-right[column]
		r := &rows[len(rows)-1]
		top, bottom := f.ends(p, c.area.Max.X-c.area.Min.X, c.left)
		r.top, r.bottom = max(r.top, top), max(r.bottom, bottom)
		r.cells = append(r.cells, c)
	}
	return rows
}

// draw puts the figure on a canvas of the layout's size.
func (l layout) draw(p *pen) {
	l.legend.draw(p, vg.Point{X: l.width / 2, Y: l.height - outerMargin})
	for _, c := range l.placed {
		c.frame.draw(p, c.area, c.left)
	}
	for i, line := range l.note {
		y := outerMargin + noteLeading*vg.Length(len(l.note)-1-i)
		p.text(line, vg.Point{X: outerMargin, Y: y + descent(noteSize)}, style{size: noteSize, color: darkGrey})
	}
}

func orDefault(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}
