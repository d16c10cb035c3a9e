package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// glyph is the shape of a marker: its corners on a circle of the given radius (in
// parts of the marker's) from a first angle on.
type glyph struct {
	corners int
	first   float64 // radians
	radius  float64
}

var glyphs = [...]glyph{
	{corners: 24, radius: 0.95},                   // circle
	{corners: 4, first: math.Pi / 4, radius: 1.2}, // square
	{corners: 3, first: math.Pi / 2, radius: 1.3}, // triangle
	diamond,
	{corners: 3, first: -math.Pi / 2, radius: 1.3}, // triangle on its point
	{corners: 5, first: math.Pi / 2, radius: 1.15}, // pentagon
	{corners: 3, first: math.Pi, radius: 1.3},      // triangle to the left
	{corners: 6, first: math.Pi / 6, radius: 1.1},  // hexagon
	{corners: 3, first: 0, radius: 1.3},            // triangle to the right
}

// diamond is also the marker of published values.
var diamond = glyph{corners: 4, radius: 1.3}

const glyphSize = vg.Length(2.1)

// mark draws a marker with a thin outline that sets it off from what is below.
func (p *pen) mark(g glyph, at vg.Point, size vg.Length, fill, outline color.Color) {
	points := make([]vg.Point, g.corners)
	for i := range points {
		sin, cos := math.Sincos(g.first + 2*math.Pi*float64(i)/float64(g.corners))
		points[i] = at.Add(vg.Point{X: size * vg.Length(g.radius*cos), Y: size * vg.Length(g.radius*sin)})
	}
	p.area(fill, points...)
	edge := polyline(points)
	edge.Close()
	p.path(stroke{width: thinWidth, color: outline}, edge)
}
