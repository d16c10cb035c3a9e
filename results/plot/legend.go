package plot

import (
	"gonum.org/v1/plot/vg"
)

// entry is a line of the legend: a name and a small picture drawn into a
// rectangle.
type entry struct {
	name  string
	thumb func(p *pen, r vg.Rectangle)
}

// legend is a strip of entries above the panels.
type legend struct {
	entries []entry
	columns int
	widths  []vg.Length // of the columns
}

const (
	thumbWidth  = vg.Length(15)
	thumbHeight = vg.Length(6)
	thumbGap    = vg.Length(3)
	entryGap    = vg.Length(10)
	legendRow   = vg.Length(10.5)
	legendGap   = vg.Length(5) // between the strip and the panels
)

// newLegend gathers the entries of all panels, each name once, and puts them in
// as few rows as the width allows, evenly filled.
func newLegend(p *pen, frames []frame, width vg.Length) legend {
	var l legend
	seen := map[string]bool{}
	for _, f := range frames {
		for _, e := range f.entries {
			if !seen[e.name] {
				seen[e.name] = true
				l.entries = append(l.entries, e)
			}
		}
	}
	for rows := 1; rows <= len(l.entries); rows++ {
		l.columns = (len(l.entries) + rows - 1) / rows
		l.widths = make([]vg.Length, l.columns)
		for i, e := range l.entries {
			w := thumbWidth + thumbGap + p.width(e.name, style{size: tickSize})
			l.widths[i%l.columns] = max(l.widths[i%l.columns], w)
		}
		if l.total() <= width {
			break
		}
	}
	return l
}

func (l legend) total() vg.Length {
	total := entryGap * vg.Length(l.columns-1)
	for _, w := range l.widths {
		total += w
	}
	return total
}

func (l legend) height() vg.Length {
	if len(l.entries) == 0 {
		return 0
	}
	rows := (len(l.entries) + l.columns - 1) / l.columns
	return legendRow*vg.Length(rows) + legendGap
}

// draw puts the strip below a point, centred on it.
func (l legend) draw(p *pen, top vg.Point) {
	x := top.X - l.total()/2
	for i, e := range l.entries {
		column := i % l.columns
		if column == 0 {
			x = top.X - l.total()/2
		}
		middle := top.Y - legendRow*(vg.Length(i/l.columns)+0.5)
		e.thumb(p, rectangle(x, middle-thumbHeight/2, x+thumbWidth, middle+thumbHeight/2))
		p.text(e.name, vg.Point{X: x + thumbWidth + thumbGap, Y: middle}, style{size: tickSize, alignY: 0.5})
		x += l.widths[column] + entryGap
	}
}

// noteHeight is the room of the note below the panels.
func noteHeight(lines []string) vg.Length {
	if len(lines) == 0 {
		return 0
	}
	return noteGap + noteLeading*vg.Length(len(lines))
}
