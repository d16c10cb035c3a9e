package plot

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot/vg"
)

// around is the square about a point.
func around(at vg.Point, reach vg.Length) vg.Rectangle {
	return rectangle(at.X-reach, at.Y-reach, at.X+reach, at.Y+reach)
}

// beside writes a label next to a point, where it is inside the area and clear of what is taken, and returns the place. Further
// away than a few points it gets a line to its point. Where there is no such place the label is left out.
func (p *pen) beside(label string, at vg.Point, area vg.Rectangle, taken []vg.Rectangle) vg.Rectangle {
	s := style{size: smallSize, color: darkGrey}
	half := vg.Point{X: p.width(label, s) / 2, Y: smallSize * capHeight / 2}
	for _, reach := range []vg.Length{2, 8, 16, 26} {
		for _, side := range []vg.Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}, {X: 1, Y: 1}, {X: -1, Y: 1}, {X: 1, Y: -1}, {X: -1, Y: -1}} {
			middle := at.Add(vg.Point{X: side.X * (half.X + glyphSize + reach), Y: side.Y * (half.Y + glyphSize + reach)})
			place := rectangle(middle.X-half.X, middle.Y-half.Y, middle.X+half.X, middle.Y+half.Y)
			if !inside(place, area) || slices.ContainsFunc(taken, func(r vg.Rectangle) bool { return overlap(place, r) }) {
				continue
			}
			if reach > 2 {
				p.line(stroke{width: thinWidth, color: midGrey}, at, nearest(place, at))
			}
			p.area(color.White, corners(rectangle(place.Min.X-1, place.Min.Y-1, place.Max.X+1, place.Max.Y+1))...) // lines below do not run through letters
			p.text(label, place.Min, s)
			return place
		}
	}
	return around(at, glyphSize)
}

func inside(r, area vg.Rectangle) bool {
	return r.Min.X >= area.Min.X && r.Max.X <= area.Max.X && r.Min.Y >= area.Min.Y && r.Max.Y <= area.Max.Y
}

func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// nearest is the point of a rectangle that is the nearest to another.
func nearest(r vg.Rectangle, at vg.Point) vg.Point {
	return vg.Point{X: min(max(at.X, r.Min.X), r.Max.X), Y: min(max(at.Y, r.Min.Y), r.Max.Y)}
}
