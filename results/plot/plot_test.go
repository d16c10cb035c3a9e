package plot

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func samples() map[string]*Figure {
	return map[string]*Figure{"bars": sampleBars(), "mixed": sampleMixed(), "narrow": sampleNarrow(), "timeline": sampleTimeline()}
}

func TestSameFigureSameBytes(t *testing.T) {
	for name, f := range samples() {
		for _, format := range Formats() {
			first, err := f.Render(format)
			require.NoError(t, err)
			for range 3 { // map order differs between runs, so it would show
				again, err := f.Render(format)
				require.NoError(t, err)
				require.True(t, bytes.Equal(first, again), "%s.%s", name, format)
			}
		}
	}
}

// svgTexts returns the texts of an SVG in order and fails if it is not XML.
func svgTexts(t *testing.T, data []byte) []string {
	t.Helper()
	var texts []string
	inside := false
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		require.NoError(t, err)
		switch x := token.(type) {
		case xml.StartElement:
			inside = x.Name.Local == "text"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				texts = append(texts, string(x))
			}
		}
	}
}

func TestSVGHoldsEveryText(t *testing.T) {
	data, err := sampleBars().Render("svg")
	require.NoError(t, err)
	texts := svgTexts(t, data)
	count := map[string]int{}
	for _, text := range texts {
		count[text]++
	}
	for _, name := range append(strategyNames(), "published", "battery budget, 6 J", "(a)", "(b)", "latency (ms)", "energy (J)") {
		require.Equal(t, 1, count[name], name)
	}
	require.Equal(t, 2, count["VGG-19"], "one for each panel")
	require.Equal(t, 2, count["n/a"])
	require.Contains(t, strings.Join(texts, " "), "jitter ≤ 2 ms; input 3×224² bytes as 8-bit image; −38 %")
	require.Contains(t, string(data), `width="504pt"`)
	require.Contains(t, string(data), "font-family:Liberation Sans,Arial,Helvetica,sans-serif;")
}

func TestPNGSizeAndResolution(t *testing.T) {
	data, err := sampleNarrow().Render("png")
	require.NoError(t, err)
	image, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err, "the added chunk keeps the file valid")
	require.Equal(t, 1020, image.Bounds().Dx(), "3.4 in at 300 dpi")
	at := bytes.Index(data, []byte("pHYs"))
	require.Equal(t, uint32(11811), binary.BigEndian.Uint32(data[at+4:]))
	require.Equal(t, uint32(11811), binary.BigEndian.Uint32(data[at+8:]))
}

func TestPDFHasNoDateOfToday(t *testing.T) {
	data, err := sampleBars().Render("pdf")
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, []byte("%PDF-1.")))
	require.Contains(t, string(data), "/CreationDate (D:20000101000000")
	require.NotContains(t, string(data), time.Now().Format("D:20060102"))
	require.Contains(t, string(data), "/ToUnicode", "text can be selected and searched")
}

func TestFaultsOfTheData(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	ok := []float64{1}
	for name, c := range map[string]struct {
		panel Panel
		want  string
	}{
		"no bars":        {GroupedBars{}, "bars need a group and a series"},
		"lengths":        {GroupedBars{Groups: []string{"a"}, Series: []Series{{Name: "s", Values: []float64{1, 2}}}}, `series "s": 2 values for 1 groups`},
		"one end":        {GroupedBars{Groups: []string{"a"}, Series: []Series{{Name: "s", Values: ok, Low: ok}}}, "error bars need both ends"},
		"infinite":       {GroupedBars{Groups: []string{"a"}, Series: []Series{{Name: "s", Values: []float64{inf}}}}, "+Inf cannot be drawn"},
		"zero on log":    {GroupedBars{Groups: []string{"a"}, Log: true, Series: []Series{{Name: "s", Values: []float64{0}}}}, "0 cannot be drawn on a logarithmic axis"},
		"reference":      {GroupedBars{Groups: []string{"a"}, Series: []Series{{Values: ok}}, References: []Reference{{"r", inf}}}, `reference "r": +Inf`},
		"no boxes":       {Boxes{}, "boxes need a group and a series"},
		"sets":           {Boxes{Groups: []string{"a"}, Series: []Samples{{Name: "s"}}}, `series "s": 0 sets of samples for 1 groups`},
		"NaN sample":     {Boxes{Groups: []string{"a"}, Series: []Samples{{Name: "s", Values: [][]float64{{nan}}}}}, "a sample is NaN; leave it out"},
		"box on log":     {Boxes{Groups: []string{"a"}, Log: true, Series: []Samples{{Name: "s", Values: [][]float64{{0}}}}}, "logarithmic"},
		"box reference":  {Boxes{Groups: []string{"a"}, Series: []Samples{{Values: [][]float64{{0}}}}, References: []Reference{{"r", inf}}}, `reference "r": +Inf`},
		"no curve":       {Lines{}, "lines need a curve"},
		"curve lengths":  {Lines{Curves: []Curve{{Name: "c", X: ok}}}, `curve "c": 1 x for 0 y`},
		"band":           {Lines{Curves: []Curve{{Name: "c", X: ok, Y: ok, Low: ok}}}, "a band of 1 lows and 0 highs for 1 points"},
		"x on log":       {Lines{LogX: true, Curves: []Curve{{Name: "c", X: []float64{-1}, Y: ok}}}, "x: -1 cannot be drawn"},
		"no cloud":       {Scatter{}, "needs a cloud"},
		"cloud lengths":  {Scatter{Clouds: []Cloud{{Name: "c", X: ok}}}, `cloud "c": 1 x for 0 y`},
		"scatter band":   {Scatter{Bands: []float64{nan}, Clouds: []Cloud{{X: ok, Y: ok}}}, "band NaN: must be"},
		"labels":         {Scatter{Clouds: []Cloud{{Name: "c", X: ok, Y: ok, Labels: []string{}}}}, `cloud "c": 0 labels for 1 points`},
		"no lane":        {Timeline{Groups: []LaneGroup{{Name: "g"}}}, "a timeline needs a lane"},
		"backwards":      {Timeline{Groups: []LaneGroup{{Name: "g", Lanes: []Lane{{Name: "l", Bars: []Bar{{Start: 2, End: 1}}}}}}}, `group "g", lane "l": bar 0 from 2 to 1`},
		"endless":        {Timeline{Groups: []LaneGroup{{Lanes: []Lane{{Bars: []Bar{{End: inf}}}}}}}, "bar 0 from 0 to +Inf"},
		"mark":           {Timeline{Groups: []LaneGroup{{Lanes: []Lane{{}}}}, Marks: []Reference{{"m", inf}}}, `mark "m": +Inf`},
		"no cells":       {HeatMap{}, "needs a row and a column"},
		"rows":           {HeatMap{Rows: []string{"a"}, Columns: []string{"b"}}, "0 rows of values for 1 rows"},
		"columns":        {HeatMap{Rows: []string{"a"}, Columns: []string{"b"}, Values: [][]float64{{1, 2}}}, "row 0: 2 values for 1 columns"},
		"digits":         {HeatMap{Rows: []string{"a"}, Columns: []string{"b"}, Values: [][]float64{{1}}, Digits: -1}, "-1 digits: must be 0 to 15"},
		"infinite cell":  {HeatMap{Rows: []string{"a"}, Columns: []string{"b"}, Values: [][]float64{{inf}}}, "row 0: +Inf"},
		"lines infinite": {Lines{Curves: []Curve{{X: ok, Y: []float64{inf}}}, References: []Reference{{"r", inf}}}, "+Inf"},
	} {
		_, err := (&Figure{Panels: []Panel{c.panel}}).Render("svg")
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, "plot: panel 0: ", name)
	}
	_, err := (&Figure{}).Render("svg")
	require.EqualError(t, err, "plot: no panels")
	_, err = (&Figure{Panels: sampleNarrow().Panels, Width: -1}).Render("svg")
	require.ErrorContains(t, err, "must not be negative")
	_, err = sampleNarrow().Render("gif")
	require.EqualError(t, err, `plot: unknown format "gif": write one of svg, png, pdf`)
}

// Data that is empty or all the same still gives a figure.
func TestPoorData(t *testing.T) {
	nan := math.NaN()
	for name, panel := range map[string]Panel{
		"all missing":     GroupedBars{Groups: []string{"a"}, Series: []Series{{Name: "s", Values: []float64{nan}}}},
		"missing on log":  GroupedBars{Groups: []string{"a"}, Log: true, Series: []Series{{Name: "s", Values: []float64{nan}}}},
		"all zero":        GroupedBars{Groups: []string{"a"}, Series: []Series{{Name: "s", Values: []float64{0}}}},
		"low below log":   GroupedBars{Groups: []string{"a"}, Log: true, Series: []Series{{Name: "s", Values: []float64{1}, Low: []float64{-1}, High: []float64{2}}}},
		"one point":       Lines{Curves: []Curve{{Name: "c", X: []float64{3}, Y: []float64{3}}}},
		"one point, log":  Lines{LogX: true, LogY: true, Curves: []Curve{{Name: "c", X: []float64{3}, Y: []float64{3}}}},
		"no points":       Lines{Curves: []Curve{{Name: "c"}}},
		"band with holes": Lines{Curves: []Curve{{Name: "c", X: []float64{1, 2}, Y: []float64{1, 2}, Low: []float64{nan, 1}, High: []float64{2, nan}}}},
		"cloud of NaN":    Scatter{Identity: true, Clouds: []Cloud{{Name: "c", X: []float64{nan}, Y: []float64{1}}}},
		"one sample":      Boxes{Groups: []string{"a"}, Series: []Samples{{Name: "s", Values: [][]float64{{3}}}}},
		"no sample":       Boxes{Groups: []string{"a"}, Series: []Samples{{Name: "s", Values: [][]float64{nil}}}},
		"empty lane":      Timeline{Groups: []LaneGroup{{Name: "g", Lanes: []Lane{{Name: "l"}}}}},
		"instant":         Timeline{Groups: []LaneGroup{{Name: "g", Lanes: []Lane{{Name: "l", Bars: []Bar{{Start: 1, End: 1, Shade: 2, Label: "x"}}}}}}},
		"no shade":        Timeline{Groups: []LaneGroup{{Name: "g", Lanes: []Lane{{Name: "l", Bars: []Bar{{Start: 1, End: 3, Shade: nan, Label: "x"}}}}}}},
		"flat map":        HeatMap{Rows: []string{"a"}, Columns: []string{"b"}, Values: [][]float64{{7}}},
		"empty map":       HeatMap{Rows: []string{"a"}, Columns: []string{"b"}, Values: [][]float64{{nan}}},
	} {
		for _, format := range Formats() {
			data, err := (&Figure{Panels: []Panel{panel}}).Render(format)
			require.NoError(t, err, name)
			require.NotContains(t, string(data), "NaN", name)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	f := sampleBars()
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Render(format); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
