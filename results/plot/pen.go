package plot

import (
	"image/color"
	"strings"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	stdfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// pen draws lines, areas and text on a canvas of any format.
type pen struct {
	vg.Canvas
	regular, bold *opentype.Font
}

// newPen returns a pen without a canvas, which can measure text.
func newPen() *pen {
	return &pen{regular: mustParse(liberationsansregular.TTF), bold: mustParse(liberationsansbold.TTF)}
}

func mustParse(ttf []byte) *opentype.Font {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic("plot: the embedded font cannot be read: " + err.Error())
	}
	return f
}

// style is how a text looks and how it stands to its point.
type style struct {
	size  vg.Length
	bold  bool
	color color.Color
	// alignX is the part of the text's width left of the point: 0, 0.5 or 1.
	// alignY is the part of the capitals' height below it.
	alignX, alignY float64
	rotation       float64 // radians, counter-clockwise about the point
}

// Proportions of Liberation Sans, in parts of the font size, from the font's own
// tables: height of capitals, and depth of the letters below the baseline.
const (
	capHeight   = 0.69
	fontDescent = 0.21
)

func descent(size vg.Length) vg.Length { return size * fontDescent }

func (p *pen) face(s style) font.Face {
	f := font.Face{
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: s.size},
		Face: p.regular,
	}
	if s.bold {
		f.Font.Weight, f.Face = stdfont.WeightBold, p.bold
	}
	return f
}

// width measures a text on one line.
func (p *pen) width(text string, s style) vg.Length {
	f := p.face(s)
	return f.Width(text)
}

// text writes one line.
func (p *pen) text(text string, at vg.Point, s style) {
	if text == "" {
		return
	}
	offset := vg.Point{
		X: -p.width(text, s) * vg.Length(s.alignX),
		Y: -s.size * capHeight * vg.Length(s.alignY),
	}
	if s.color == nil {
		s.color = color.Black
	}
	p.SetColor(s.color)
	if s.rotation == 0 {
		p.FillString(p.face(s), at.Add(offset), text)
		return
	}
	p.Push()
	p.Translate(at)
	p.Rotate(s.rotation)
	p.FillString(p.face(s), offset, text)
	p.Pop()
}

// stroke is how a line looks.
type stroke struct {
	width vg.Length
	color color.Color
	dash  []vg.Length
}

// line draws an open line through the points.
func (p *pen) line(s stroke, points ...vg.Point) {
	p.path(s, polyline(points))
}

func (p *pen) path(s stroke, path vg.Path) {
	p.SetColor(s.color)
	p.SetLineWidth(s.width)
	p.SetLineDash(s.dash, 0)
	p.Stroke(path)
}

// area fills a polygon.
func (p *pen) area(c color.Color, points ...vg.Point) {
	path := polyline(points)
	path.Close()
	p.SetColor(c)
	p.Fill(path)
}

func polyline(points []vg.Point) vg.Path {
	var path vg.Path
	for i, pt := range points {
		if i == 0 {
			path.Move(pt)
		} else {
			path.Line(pt)
		}
	}
	return path
}

// corners lists the corners of a rectangle in order.
func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

func rectangle(x0, y0, x1, y1 vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}
}

// wrap breaks a text into lines of at most the given width. A word longer than
// that stands alone.
func wrap(p *pen, text string, size, width vg.Length) []string {
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			longer := strings.TrimLeft(line+" "+word, " ")
			if line != "" && p.width(longer, style{size: size}) > width {
				lines = append(lines, line)
				longer = word
			}
			line = longer
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
