package plot

import (
	"image/color"

	"gonum.org/v1/plot/vg"
)

// Sizes of text and lines in points.
const (
	labelSize   = vg.Length(8)
	tickSize    = vg.Length(7)
	noteSize    = vg.Length(6.5)
	smallSize   = vg.Length(5.5) // "n/a" and exponents
	noteLeading = vg.Length(8)
	axisWidth   = vg.Length(0.5)
	gridWidth   = vg.Length(0.4)
	curveWidth  = vg.Length(1)
	thinWidth   = vg.Length(0.4) // outlines and hatching
	tickLength  = vg.Length(2.5)
)

var (
	darkGrey  = color.NRGBA{R: 0x40, G: 0x40, B: 0x40, A: 0xff}
	midGrey   = color.NRGBA{R: 0x80, G: 0x80, B: 0x80, A: 0xff}
	lightGrey = color.NRGBA{R: 0xdd, G: 0xdd, B: 0xdd, A: 0xff}
)

// palette holds the colours of Okabe and Ito, ordered so that neighbours also
// differ in brightness, and yellow, which is faint as a line, comes last.
var palette = [...]color.NRGBA{
	{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // blue
	{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, // orange
	{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // bluish green
	{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, // sky blue
	{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // vermilion
	{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, // reddish purple
	{R: 0x40, G: 0x40, B: 0x40, A: 0xff}, // dark grey, for black
	{R: 0xf0, G: 0xe4, B: 0x42, A: 0xff}, // yellow
}

// dashes holds the dash patterns of lines, in points.
var dashes = [...][]vg.Length{
	nil, {4, 2}, {1, 1.5}, {5, 1.5, 1, 1.5}, {2, 1}, {7, 2}, {5, 1.5, 1, 1.5, 1, 1.5},
}

// styles numbers the series and, apart, the reference lines and the markers of a figure by
// name, in the order of their first appearance.
type styles struct{ series, references, markers map[string]int }

// marked is a panel whose markers' shapes stand for something else than its
// series.
type marked interface{ markers() []string }

func newStyles(panels []Panel) styles {
	s := styles{series: map[string]int{}, references: map[string]int{}, markers: map[string]int{}}
	number := func(numbers map[string]int, names []string) {
		for _, name := range names {
			if _, known := numbers[name]; !known {
				numbers[name] = len(numbers)
			}
		}
	}
	for _, panel := range panels {
		series, references := panel.names()
		number(s.series, series)
		number(s.references, references)
		if m, ok := panel.(marked); ok {
			number(s.markers, m.markers())
		}
	}
	return s
}

// The lengths of the lists below differ, so that names beyond the eighth repeat a
// colour with another hatching, dash or glyph.

func (s styles) color(name string) color.NRGBA { return palette[s.series[name]%len(palette)] }

func (s styles) hatch(name string) hatching { return hatching(s.series[name] % int(hatchings)) }

func (s styles) dash(name string) []vg.Length { return dashes[s.series[name]%len(dashes)] }

func (s styles) glyph(name string) glyph { return glyphs[s.series[name]%len(glyphs)] }

// reference is the look of a reference line: black and never solid.
func (s styles) reference(name string) stroke {
	return stroke{width: 0.8, color: color.Black, dash: dashes[1+s.references[name]%(len(dashes)-1)]}
}

// luminance is the brightness of a colour from 0 to 1, by the weights of ITU-R
// BT.709 on the gamma-coded values, which is near enough to choose black or white.
func luminance(c color.NRGBA) float64 {
	return (float64(0.2126*float64(c.R)) + float64(0.7152*float64(c.G)) + float64(0.0722*float64(c.B))) / 255
}

// ink is the colour for lines and text upon a filled area.
func ink(fill color.NRGBA) color.NRGBA {
	if luminance(fill) < 0.5 {
		return color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	}
	return color.NRGBA{A: 0xff}
}

// translucent is the colour for an area that lets the grid shine through.
func translucent(c color.NRGBA) color.NRGBA {
	c.A = 0x38
	return c
}
