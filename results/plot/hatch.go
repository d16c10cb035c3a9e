package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// hatching is a pattern over a filled area.
type hatching int

const (
	plain hatching = iota
	slashes
	backslashes
	dots
	crosses
	bars
	bricks
	hatchings // their number
)

const (
	hatchStep  = vg.Length(3)
	hatchWidth = vg.Length(0.5)
	dotSize    = vg.Length(0.55)
)

// patch draws a filled, hatched and outlined rectangle.
func (p *pen) patch(r vg.Rectangle, fill color.NRGBA, h hatching) {
	p.area(fill, corners(r)...)
	if h == dots {
		p.SetColor(ink(fill))
		p.Fill(dotPattern(r))
	} else if lines := h.lines(r); len(lines) > 0 {
		p.path(stroke{width: hatchWidth, color: ink(fill)}, lines)
	}
	outline := polyline(corners(r))
	outline.Close()
	p.path(stroke{width: thinWidth, color: color.Black}, outline)
}

// lines is the pattern inside r, from its lower left corner on, so that all areas
// of a series look the same.
func (h hatching) lines(r vg.Rectangle) vg.Path {
	var path vg.Path
	w, height := r.Max.X-r.Min.X, r.Max.Y-r.Min.Y
	if h == slashes || h == crosses {
		for c := hatchStep / 2; c < w+height; c += hatchStep {
			addDiagonal(&path, r, c, false)
		}
	}
	if h == backslashes || h == crosses {
		for c := hatchStep / 2; c < w+height; c += hatchStep {
			addDiagonal(&path, r, c, true)
		}
	}
	if h == bars || h == bricks {
		for i, y := 0, hatchStep/2; y < height; i, y = i+1, y+hatchStep*0.8 {
			segment(&path, vg.Point{X: r.Min.X, Y: r.Min.Y + y}, vg.Point{X: r.Max.X, Y: r.Min.Y + y})
			if h == bricks {
				x := r.Min.X + w*vg.Length(1+2*(i%2))/4
				segment(&path, vg.Point{X: x, Y: r.Min.Y + y}, vg.Point{X: x, Y: min(r.Max.Y, r.Min.Y+y+hatchStep*0.8)})
			}
		}
	}
	return path
}

// addDiagonal adds the part inside r of the rising line at 45 degrees that stands
// c right of or above the lower right corner's; a falling one is its mirror image.
func addDiagonal(path *vg.Path, r vg.Rectangle, c vg.Length, falling bool) {
	w, h := r.Max.X-r.Min.X, r.Max.Y-r.Min.Y
	from := vg.Point{X: max(0, w-c), Y: max(0, c-w)}
	to := vg.Point{X: min(w, w-c+h), Y: min(h, c)}
	if falling {
		from.X, to.X = w-from.X, w-to.X
	}
	segment(path, r.Min.Add(from), r.Min.Add(to))
}

func segment(path *vg.Path, from, to vg.Point) {
	if math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y)) > 0.05 {
		path.Move(from)
		path.Line(to)
	}
}

// dotPattern is a quincunx of small diamonds.
func dotPattern(r vg.Rectangle) vg.Path {
	var path vg.Path
	step := hatchStep * 0.8
	for i, y := 0, r.Min.Y+step/2; y < r.Max.Y-dotSize; i, y = i+1, y+step/2*1.2 {
		for x := r.Min.X + step/2 + step/2*vg.Length(i%2); x < r.Max.X-dotSize; x += step {
			path.Move(vg.Point{X: x - dotSize, Y: y})
			path.Line(vg.Point{X: x, Y: y - dotSize})
			path.Line(vg.Point{X: x + dotSize, Y: y})
			path.Line(vg.Point{X: x, Y: y + dotSize})
			path.Close()
		}
	}
	return path
}
