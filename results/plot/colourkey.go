package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// Layout of the colour bar, in points.
const (
	barGap   = vg.Length(6) // from the axes
	barWidth = vg.Length(7)
)

// colourKey is a bar of colours that says which stands for which value.
type colourKey struct {
	scale axis
	label string
}

// room is what the key needs right of the axes.
func (k colourKey) room(p *pen) vg.Length {
	room := barGap + barWidth + tickLength + labelGap + widestLabel(p, k.scale)
	if k.label != "" {
		room += labelGap + labelSize*leading
	}
	return room
}

// draw draws the key right of the axes.
func (k colourKey) draw(p *pen, m mapping) {
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
	for _, t := range k.scale.ticks {
		y := bar.Min.Y + height*vg.Length(k.scale.at(t.value))
		p.line(line, vg.Point{X: bar.Max.X, Y: y}, vg.Point{X: bar.Max.X + tickLength, Y: y})
		t.draw(p, vg.Point{X: bar.Max.X + tickLength + labelGap, Y: y - tickSize*capHeight/2})
	}
	at := vg.Point{X: bar.Max.X + tickLength + 2*labelGap + widestLabel(p, k.scale) + labelSize*capHeight, Y: center(bar).Y}
	p.text(k.label, at, style{size: labelSize, alignX: 0.5, rotation: math.Pi / 2})
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
