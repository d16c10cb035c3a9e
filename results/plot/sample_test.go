package plot

import (
	"math"
	"math/rand/v2"
)

// strategies names seven series, one more than most figures have.
func strategyNames() []string {
	return []string{"HiDP", "MoDNN", "DisNet", "OmniBoost", "single GPU", "single CPU", "optimal chain"}
}

// sampleBars is a figure as the paper's central one: latency and energy of seven
// strategies on four networks, with confidence intervals.
func sampleBars() *Figure {
	r := rand.New(rand.NewPCG(1, 2))
	dnns := []string{"EfficientNet-B0", "Inception-v3", "ResNet-152", "VGG-19"}
	base := []float64{38, 160, 410, 640}
	latency := GroupedBars{Title: "Latency of one request", YLabel: "latency (ms)", Groups: dnns, Log: true}
	energy := GroupedBars{Title: "Energy of one request", YLabel: "energy (J)", Groups: dnns, References: []Reference{{Name: "battery budget, 6 J", Value: 6}}}
	for i, name := range strategyNames() {
		l, e := Series{Name: name}, Series{Name: name}
		for _, b := range base {
			v := b * (0.6 + 0.25*float64(i)) * (0.9 + 0.2*r.Float64())
			l.Values, l.Low, l.High = append(l.Values, v), append(l.Low, v*0.92), append(l.High, v*1.1)
			v *= 0.008
			e.Values, e.Low, e.High = append(e.Values, v), append(e.Low, v*0.95), append(e.High, v*1.06)
		}
		if i == 0 {
			l.Published = []float64{25, math.NaN(), 300, 420}
		}
		if i == 3 {
			l.Values[1], e.Values[1] = math.NaN(), math.NaN()
		}
		latency.Series, energy.Series = append(latency.Series, l), append(energy.Series, e)
	}
	return &Figure{
		Panels: []Panel{latency, energy},
		Note: "Assumptions: leader Jetson TX2; shared Wi-Fi at 80 Mbit/s, jitter ≤ 2 ms; input 3×224² bytes as 8-bit image; −38 % and " +
			"similar claims are the paper's averages. Bars: mean of 100 seeds, 95 % confidence; 15 µs per message at both ends (assumed, not measured).",
	}
}

// sampleMixed shows the other kinds of panels.
func sampleMixed() *Figure {
	r := rand.New(rand.NewPCG(3, 4))
	rates := []float64{20, 50, 100, 200, 500, 1000}
	lines := Lines{Title: "Link rate", XLabel: "link rate (Mbit/s)", YLabel: "latency (ms)", LogX: true, FromZero: true, References: []Reference{{Name: "no network", Value: 210}}}
	for i, name := range strategyNames()[:4] {
		c := Curve{Name: name, X: rates}
		for j, x := range rates {
			v := 120 + 40*float64(i) + 4000/x*(1+0.3*float64(i))
			if i == 1 && j == 3 {
				v = math.NaN()
			}
			c.Y, c.Low, c.High = append(c.Y, v), append(c.Low, v*0.93), append(c.High, v*1.07)
		}
		lines.Curves = append(lines.Curves, c)
	}
	scatter := Scatter{Title: "Model against measurement", XLabel: "measured (ms)", YLabel: "simulated (ms)", Identity: true, Bands: []float64{0.2}, Log: true}
	for _, name := range []string{"jetson-tx2", "raspberry-pi-5"} {
		c := Cloud{Name: name}
		for range 25 {
			x := math.Exp(2 + 4.5*r.Float64())
			c.X, c.Y = append(c.X, x), append(c.Y, x*math.Exp(0.15*r.NormFloat64()))
		}
		scatter.Clouds = append(scatter.Clouds, c)
	}
	heat := HeatMap{
		Title: "Speed-up of HiDP", XLabel: "link rate (Mbit/s)", YLabel: "boards", Columns: []string{"20", "50", "100", "200", "1000"},
		Rows: []string{"2", "3", "4", "5"}, ValueLabel: "speed-up (×)", Digits: 2,
	}
	for i := range heat.Rows {
		var row []float64
		for j := range heat.Columns {
			row = append(row, 1+0.2*float64(i*j)+0.05*float64(j))
		}
		heat.Values = append(heat.Values, row)
	}
	heat.Values[0][0] = math.NaN()
	signed := GroupedBars{
		Title: "Change against MoDNN", YLabel: "change (%)", Groups: []string{"latency", "energy", "throughput"},
		Series: []Series{{Name: "HiDP", Values: []float64{-31, -22, 45}, Low: []float64{-36, -25, 38}, High: []float64{-27, -18, 53}, Published: []float64{-38, -46, 56}}},
	}
	boxes := Boxes{Title: "Latency under load", YLabel: "latency (ms)", Groups: []string{"1 request/s", "5 requests/s", "20 requests/s"}, References: []Reference{{Name: "deadline", Value: 700}}}
	for i, name := range strategyNames()[:4] {
		s := Samples{Name: name}
		for g := range boxes.Groups {
			var samples []float64
			for range 60 {
				samples = append(samples, 150*(1+0.2*float64(i))+80*float64(g)*r.ExpFloat64()*(1+0.1*float64(i)))
			}
			s.Values = append(s.Values, samples)
		}
		boxes.Series = append(boxes.Series, s)
	}
	boxes.Series[3].Values[2] = nil
	return &Figure{Panels: []Panel{lines, scatter, heat, signed, boxes}, Columns: 2, Note: "The numbers are made up."}
}

// sampleNarrow fits one column of a page; its labels only when broken or slanted.
func sampleNarrow() *Figure {
	bars := GroupedBars{YLabel: "time (s)", Groups: []string{"raspberry-pi-4b", "raspberry-pi-5", "jetson-nano", "jetson-xavier-nx", "jetson-agx-orin", "rk3588"}}
	for i, name := range strategyNames()[:3] {
		s := Series{Name: name}
		for g := range bars.Groups {
			s.Values = append(s.Values, 0.31*float64(i+1)/float64(g+1))
		}
		bars.Series = append(bars.Series, s)
	}
	slanted := bars
	slanted.Groups = []string{"efficientnet_b0", "mobilenet_v2", "squeezenet1_1", "inception_v3", "densenet121", "resnet152"}
	slanted.YLabel, slanted.Log = "energy per request (J)", true
	return &Figure{Panels: []Panel{bars, slanted}, Columns: 1, Width: SingleColumn}
}

// sampleTimeline shows a request on two boards twice, and points told apart by colour and by shape.
func sampleTimeline() *Figure {
	nan := math.NaN()
	t := Timeline{Title: "resnet50 under HiDP", XLabel: "time (ms)", ShadeLabel: "layer", Marks: []Reference{{Name: "simulated end", Value: 41}, {Name: "measured end", Value: 42.5}}}
	lanes := func(name string, bars ...Bar) {
		later := make([]Bar, len(bars))
		for i, b := range bars {
			b.Start, b.End = 1.04*b.Start, 1.04*b.End
			later[i] = b
		}
		t.Groups = append(t.Groups, LaneGroup{Name: name, Lanes: []Lane{{Name: "simulated", Bars: bars}, {Name: "measured", Bars: later}}})
	}
	lanes("tx2 gpu", Bar{0, 12, 8, "1–16"}, Bar{12, 12.01, 17, "17"}, Bar{30, 41, 60, "50–70"})
	lanes("orin cpu", Bar{18, 26, 33, "18–49"})
	lanes("tx2 → orin", Bar{12, 18, nan, "802 kB"}, Bar{13, 13.5, nan, "9 kB"})
	scatter := Scatter{Title: "Latency", XLabel: "measured (ms)", YLabel: "simulated (ms)", Identity: true, Log: true, Bands: []float64{0.05, 0.12}}
	for i, name := range strategyNames()[:3] {
		for j, model := range []string{"VGG-19", "ResNet-152"} {
			x := 40 * float64(i+1) * float64(2*j+1)
			scatter.Clouds = append(scatter.Clouds, Cloud{Name: name, Marker: model, X: []float64{x}, Y: []float64{x * (0.9 + 0.1*float64(i))}, Labels: []string{model + ", " + name}})
		}
	}
	return &Figure{Panels: []Panel{t, scatter}, Columns: 1, Height: t.Height() * 1.5}
}
