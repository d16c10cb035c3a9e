// Package plot draws the figures one would print in a journal: grouped bars, boxes, lines,
// scatter plots, heat maps and timelines in panels, with one legend strip above them and a
// note of assumptions below.
//
// A [Figure] is data in and bytes out: Render gives the same SVG, PNG or PDF for
// the same data, on every run. Sizes follow two-column journals: 3.4 or 7 inches
// wide, Liberation Sans at 8 points (7 at the ticks), axes of 0.5 points.
// Series are told apart twice, by colour and by hatching, dash or glyph, so that a
// figure survives a greyscale printer; the colours are those of Okabe and Ito
// ("Color Universal Design", 2008), which colour-blind readers can tell
// apart. A name keeps its style in all panels of a figure.
//
// Reading order: figure.go (the whole), frame.go (one panel's axes and labels), bars.go,
// boxes.go, lines.go, scatter.go, heatmap.go and timeline.go (what stands in a panel), then the
// formats: pdf.go, png.go and svg.go.
package plot
