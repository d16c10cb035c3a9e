package plot

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"
	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
)

// pdfCanvas is a [vg.Canvas] that writes PDF. It is our own because the one in
// gonum/plot writes text in the code page 1252, which has no "−" and "≤", prints translucent colours
// darkened by their own alpha, and stamps the file with the time of day.
type pdfCanvas struct {
	doc    *fpdf.Fpdf
	height vg.Length
	stack  []pdfState
	images int
}

// pdfState is what Push saves.
type pdfState struct {
	matrix affine
	width  vg.Length
	dash   []vg.Length
	offset vg.Length
	color  color.Color
}

// affine maps (x, y) to (a·x + c·y + e, b·x + d·y + f).
type affine struct{ a, b, c, d, e, f float64 }

func (m affine) apply(p vg.Point) (x, y float64) {
	px, py := p.X.Points(), p.Y.Points()
	return float64(m.a*px) + float64(m.c*py) + m.e, float64(m.b*px) + float64(m.d*py) + m.f
}

// after is the map that applies n first.
func (m affine) after(n affine) affine {
	return affine{
		a: float64(m.a*n.a) + float64(m.c*n.b), b: float64(m.b*n.a) + float64(m.d*n.b),
		c: float64(m.a*n.c) + float64(m.c*n.d), d: float64(m.b*n.c) + float64(m.d*n.d),
		e: float64(m.a*n.e) + float64(m.c*n.f) + m.e, f: float64(m.b*n.e) + float64(m.d*n.f) + m.f,
	}
}

// pdfDate stands in every file, so that equal figures are equal bytes.
func pdfDate() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func newPDF(width, height vg.Length) *pdfCanvas {
	doc := fpdf.NewCustom(&fpdf.InitType{
		UnitStr: "pt",
		Size:    fpdf.SizeType{Wd: width.Points(), Ht: height.Points()},
	})
	doc.SetCreationDate(pdfDate())
	doc.SetModificationDate(pdfDate())
	doc.SetCatalogSort(true)
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	// The library cuts the fonts down in place, so it gets copies.
	doc.AddUTF8FontFromBytes(pdfFont, "", bytes.Clone(liberationsansregular.TTF))
	doc.AddUTF8FontFromBytes(pdfFont, "B", bytes.Clone(liberationsansbold.TTF))
	doc.AddPage()
	c := &pdfCanvas{doc: doc, height: height, stack: []pdfState{{matrix: affine{a: 1, d: 1}}}}
	vg.Initialize(c)
	return c
}

const pdfFont = "LiberationSans"

// bytes closes the document.
func (c *pdfCanvas) bytes() ([]byte, error) {
	var b bytes.Buffer
	if err := c.doc.Output(&b); err != nil {
		return nil, fmt.Errorf("plot: writing PDF: %w", err)
	}
	return b.Bytes(), nil
}

func (c *pdfCanvas) top() *pdfState { return &c.stack[len(c.stack)-1] }

func (c *pdfCanvas) SetLineWidth(w vg.Length) { c.top().width = w }

func (c *pdfCanvas) SetLineDash(pattern []vg.Length, offset vg.Length) {
	c.top().dash, c.top().offset = pattern, offset
}

func (c *pdfCanvas) SetColor(clr color.Color) {
	if clr == nil {
		clr = color.Black
	}
	c.top().color = clr
}

func (c *pdfCanvas) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	c.top().matrix = c.top().matrix.after(affine{a: cos, b: sin, c: -sin, d: cos})
}

func (c *pdfCanvas) Translate(pt vg.Point) {
	c.top().matrix = c.top().matrix.after(affine{a: 1, d: 1, e: pt.X.Points(), f: pt.Y.Points()})
}

func (c *pdfCanvas) Scale(x, y float64) {
	c.top().matrix = c.top().matrix.after(affine{a: x, d: y})
}

func (c *pdfCanvas) Push() { c.stack = append(c.stack, *c.top()) }

func (c *pdfCanvas) Pop() { c.stack = c.stack[:len(c.stack)-1] }

// place is a point on the page, whose origin is at the top.
func (c *pdfCanvas) place(pt vg.Point) (x, y float64) {
	x, y = c.top().matrix.apply(pt)
	return x, c.height.Points() - y
}

// ink sets the current colour, with its alpha apart.
func (c *pdfCanvas) ink() {
	n := color.NRGBAModel.Convert(c.top().color).(color.NRGBA)
	c.doc.SetFillColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetDrawColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetTextColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetAlpha(float64(n.A)/255, "Normal")
}

func (c *pdfCanvas) Stroke(path vg.Path) {
	s := c.top()
	if s.width <= 0 {
		return
	}
	c.ink()
	c.doc.SetLineWidth(s.width.Points())
	dash := make([]float64, len(s.dash))
	for i, d := range s.dash {
		dash[i] = d.Points()
	}
	c.doc.SetDashPattern(dash, s.offset.Points())
	c.outline(path)
	c.doc.DrawPath("D")
}

func (c *pdfCanvas) Fill(path vg.Path) {
	c.ink()
	c.outline(path)
	c.doc.DrawPath("F")
}

func (c *pdfCanvas) outline(path vg.Path) {
	for _, comp := range path {
		x, y := c.place(comp.Pos)
		switch comp.Type {
		case vg.MoveComp:
			c.doc.MoveTo(x, y)
		case vg.LineComp:
			c.doc.LineTo(x, y)
		case vg.ArcComp:
			c.arc(comp)
		case vg.CurveComp:
			c.curve(comp)
		case vg.CloseComp:
			c.doc.ClosePath()
		default:
			panic(fmt.Sprintf("plot: unknown path component %d", comp.Type))
		}
	}
}

func (c *pdfCanvas) curve(comp vg.PathComp) {
	x, y := c.place(comp.Pos)
	x1, y1 := c.place(comp.Control[0])
	if len(comp.Control) == 1 {
		c.doc.CurveTo(x1, y1, x, y)
		return
	}
	x2, y2 := c.place(comp.Control[1])
	c.doc.CurveBezierCubicTo(x1, y1, x2, y2, x, y)
}

// arc draws a line to the start of the arc and chords of 7.5 degrees along it,
// which differ from it by a hundredth of a point at a radius of 5.
func (c *pdfCanvas) arc(comp vg.PathComp) {
	steps := max(1, int(math.Ceil(math.Abs(comp.Angle)/(math.Pi/24))))
	for i := range steps + 1 {
		sin, cos := math.Sincos(comp.Start + comp.Angle*float64(i)/float64(steps))
		x, y := c.place(comp.Pos.Add(vg.Point{X: comp.Radius * vg.Length(cos), Y: comp.Radius * vg.Length(sin)}))
		c.doc.LineTo(x, y)
	}
}

// FillString writes text that a reader can select and search. It takes the size
// and weight of the font; the typeface is always ours.
func (c *pdfCanvas) FillString(f font.Face, pt vg.Point, text string) {
	if f.Font.Size == 0 {
		return
	}
	weight := ""
	if f.Font.Weight == stdfont.WeightBold {
		weight = "B"
	}
	c.doc.SetFont(pdfFont, weight, f.Font.Size.Points())
	c.ink()
	x, y := c.place(pt)
	m := c.top().matrix
	angle := math.Atan2(m.b, m.a) * 180 / math.Pi
	c.doc.TransformBegin()
	if angle != 0 {
		c.doc.TransformRotate(angle, x, y)
	}
	c.doc.Text(x, y, text)
	c.doc.TransformEnd()
}

// DrawImage draws the image upright into the rectangle.
func (c *pdfCanvas) DrawImage(rect vg.Rectangle, img image.Image) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("plot: encoding an image in memory: " + err.Error())
	}
	c.images++
	name := "image" + strconv.Itoa(c.images)
	options := fpdf.ImageOptions{ImageType: "png"}
	c.doc.RegisterImageOptionsReader(name, options, &b)
	x, y := c.place(vg.Point{X: rect.Min.X, Y: rect.Max.Y})
	c.doc.ImageOptions(name, x, y, rect.Size().X.Points(), rect.Size().Y.Points(), false, options, 0, "")
}
