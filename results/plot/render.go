package plot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strings"

	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Formats lists what [Figure.Render] can write.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// dpi is the resolution of PNG files.
const dpi = 300

// Render draws the figure as "svg", "png" (300 dots per inch) or "pdf". The same
// figure gives the same bytes. The error names an unknown format, or all that
// is wrong with the data: lengths that differ, infinities, values that a
// logarithmic axis cannot show.
func (f *Figure) Render(format string) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	p := newPen()
	l := f.lay(p)
	switch format {
	case "svg":
		c := vgsvg.New(l.width, l.height)
		p.Canvas = c
		l.draw(p)
		return svgBytes(c)
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(l.width, l.height), vgimg.UseDPI(dpi))
		p.Canvas = c
		l.draw(p)
		return pngBytes(c)
	case "pdf":
		c := newPDF(l.width, l.height)
		p.Canvas = c
		l.draw(p)
		return c.bytes()
	}
	return nil, fmt.Errorf("plot: unknown format %q: write one of %s", format, strings.Join(Formats(), ", "))
}

// svgBytes names fonts of the same widths for readers without Liberation Sans.
func svgBytes(c *vgsvg.Canvas) ([]byte, error) {
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("plot: writing SVG: %w", err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// pngBytes adds the resolution, which the encoder leaves out, as a pHYs chunk
// (PNG specification, third edition, 11.3.4.3) after the header.
func pngBytes(c *vgimg.Canvas) ([]byte, error) {
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("plot: writing PNG: %w", err)
	}
	const headerEnd = 8 + 4 + 4 + 13 + 4 // signature, then length, type, data and checksum of IHDR
	perMetre := uint32(math.Round(dpi / 0.0254))
	chunk := []byte("pHYs")
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = append(chunk, 1) // the unit is the metre
	out := append([]byte{}, b.Bytes()[:headerEnd]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)-4))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	return append(out, b.Bytes()[headerEnd:]...), nil
}
