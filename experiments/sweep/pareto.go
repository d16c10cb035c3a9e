package sweep

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"hidp/results/plot"
)

// spot is a point in a Pareto figure: the means of its runs.
type spot struct{ x, y float64 }

// front gathers points and keeps, by series, those that no other of all is better than in both directions.
type front struct {
	xSign, ySign float64 // 1: less is better; -1: more is
	current      int64
	series       string
	x, y         moments
	best         map[string][]spot
	dominated    []spot
	seen         int
}

// direction is 1 where less is better and -1 where more is.
func direction(column string) float64 {
	if column == "throughput_per_s" || column == "completed" {
		return -1
	}
	return 1
}

// add takes a row; those of a point come one after the other.
func (f *front) add(point int64, series string, x, y float64) {
	if f.x.n > 0 && f.current != point {
		f.flush()
	}
	f.current, f.series = point, series
	f.x.add(x)
	f.y.add(y)
}

// flush ends the current point.
func (f *front) flush() {
	if f.x.n == 0 {
		return
	}
	s := spot{f.x.mean, f.y.mean}
	f.x, f.y = moments{}, moments{}
	for _, name := range slices.Sorted(maps.Keys(f.best)) {
		if slices.ContainsFunc(f.best[name], func(o spot) bool { return f.beats(o, s) }) {
			f.lose(s)
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.best)) {
		f.best[name] = slices.DeleteFunc(f.best[name], func(o spot) bool {
			if f.beats(s, o) {
				f.lose(o)
				return true
			}
			return false
		})
	}
	f.best[f.series] = append(f.best[f.series], s)
}

// beats reports whether a is at least as good as b in both directions and better in one.
func (f *front) beats(a, b spot) bool {
	dx, dy := f.xSign*(a.x-b.x), f.ySign*(a.y-b.y)
	return dx <= 0 && dy <= 0 && (dx < 0 || dy < 0)
}

// mostDominated bounds the points that only show where the others are.
const mostDominated = 1500

// lose keeps a dominated point: all of the first ones, then ever fewer, evenly over the sweep.
func (f *front) lose(s spot) {
	f.seen++
	if len(f.dominated) < mostDominated {
		f.dominated = append(f.dominated, s)
	} else if step := f.seen/mostDominated + 1; f.seen%step == 0 {
		f.dominated[f.seen/step%mostDominated] = s
	}
}

func (f *front) panel(d *drawing) (plot.Panel, error) {
	columns := d.manifest.Columns
	p := plot.Scatter{Title: d.spec.Title, XLabel: columns[d.x].label(), YLabel: columns[d.y].label(), Log: d.spec.LogX && d.spec.LogY}
	for _, name := range sortedTexts(f.best) {
		if spots := f.best[name]; len(spots) > 0 {
			slices.SortFunc(spots, func(a, b spot) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
			label := "Pareto front"
			if d.series >= 0 {
				label = d.seriesName(name)
			}
			p.Clouds = append(p.Clouds, cloud(label, spots))
		}
	}
	if len(f.dominated) > 0 {
		p.Clouds = append(p.Clouds, cloud("dominated", f.dominated))
	}
	return p, nil
}

func cloud(name string, spots []spot) plot.Cloud {
	c := plot.Cloud{Name: name}
	for _, s := range spots {
		c.X, c.Y = append(c.X, s.x), append(c.Y, s.y)
	}
	return c
}

// sortedTexts returns keys in order: as numbers where all are numbers.
func sortedTexts[V any](m map[string]V) []string {
	keys := slices.Sorted(maps.Keys(m))
	numbers := map[string]float64{}
	for _, k := range keys {
		x, err := strconv.ParseFloat(k, 64)
		if err != nil {
			return keys
		}
		numbers[k] = x
	}
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) })
	return keys
}

// siNumber shortens a number by an SI prefix: 20000000 is "20 M".
func siNumber(text string) string {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	prefixes := []struct {
		factor float64
		name   string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"}}
	for _, p := range prefixes {
		if math.Abs(x) >= p.factor {
			return strings.TrimSpace(strconv.FormatFloat(x/p.factor, 'g', 3, 64) + " " + p.name)
		}
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
