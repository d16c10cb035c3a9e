package experiments

import (
	"context"
	"fmt"
	"math"
	"strings"

	"hidp/internal/durable"
	"hidp/results"
	"hidp/results/plot"
)

// bars is what an experiment of kind "bars" measured: an estimate for every model, method and metric.
type bars struct {
	e       *Experiment
	models  []string
	seeds   []Values // of the repetitions
	records map[barKey]Record
	all     []Record
}

type barKey struct{ model, strategy, replication string }

// runBars simulates every model under every method with every seed. The seeds are shared, so methods are compared in pairs.
func (e *Experiment) runBars(ctx context.Context, o Options, progress Progress) (*yield, error) {
	f := &bars{e: e, models: e.base.ModelNames(), seeds: e.repetitions(o.Seed, o.Quick), records: map[barKey]Record{}}
	var tasks []task
	b := newBench(e.base)
	for _, v := range product(Axis{"model", f.models}) {
		for _, repetition := range f.seeds {
			for i := range e.methods {
				tasks = append(tasks, task{b, v.with(repetition).with(e.methods[i].values())})
			}
		}
	}
	var err error
	if f.all, err = runAll(ctx, tasks, o.Jobs, progress); err != nil {
		return nil, err
	}
	for _, r := range f.all {
		f.records[barKey{r.Values["model"], r.Values["strategy"], r.Values["replication"]}] = r
	}
	return f.product()
}

// sample returns the metric of a model under a strategy, one value per seed; nil where a run was not possible.
func (f *bars) sample(m metric, model, strategy string) []float64 {
	var out []float64
	for _, s := range f.seeds {
		r := f.records[barKey{model, strategy, s["replication"]}]
		x := m.of(r)
		if r.Failed != "" || math.IsNaN(x) {
			return nil
		}
		out = append(out, x)
	}
	return out
}

// changes returns the mean change of the metric against the rivals over all models, one value per seed.
func (f *bars) changes(m metric, rivals ...string) []float64 {
	var out []float64
	for _, s := range f.seeds {
		var pairs [][2]Record
		for _, model := range f.models {
			for _, rival := range rivals {
				pairs = append(pairs, [2]Record{f.records[barKey{model, f.e.subject, s["replication"]}], f.records[barKey{model, rival, s["replication"]}]})
			}
		}
		if c, n := m.meanChange(pairs); n > 0 {
			out = append(out, c)
		}
	}
	return out
}

func (f *bars) product() (*yield, error) {
	values, comparison := f.values(), f.comparison()
	out := &yield{simulations: len(f.all), platform: f.e.base.Platform.Name}
	out.files = []durable.Output{{Name: f.e.Name + ".csv", Data: f.csv()},
		{Name: f.e.Name + ".records.csv", Data: recordTable([]string{"model", "strategy", "seed", "replication"}, f.all)}}
	figure := f.figure()
	for _, format := range plot.Formats() {
		data, err := figure.Render(format)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.e.Name, err)
		}
		out.files = append(out.files, durable.Output{Name: f.e.Name + "." + format, Data: data})
	}
	out.tables = []results.Table{values, comparison}
	return out, nil
}

// shown lists the metrics of the figure: those of one lone request.
func shown() []metric { return []metric{metricOf("latency"), metricOf("energy")} }

// values is the table of all bars.
func (f *bars) values() results.Table {
	t := results.Table{Title: f.e.Title, Columns: []string{"model", "strategy", "latency [ms]", "energy [J]"}, Right: []string{"latency [ms]", "energy [J]"}}
	for _, model := range f.models {
		for _, m := range f.e.methods {
			row := []string{model, m.Label}
			for _, q := range shown() {
				row = append(row, estimateText(f.sample(q, model, m.Strategy), map[string]float64{"s": 1000, "J": 1}[q.unit]))
			}
			t.Add(row...)
		}
	}
	t.Notes = []string{fmt.Sprintf("Mean ± half of the 95 %% interval over %d paired replications. Run: %s. Assumptions: %s.", len(f.seeds),
		strings.Join(f.e.base.conditions(), "; "), strings.Join(f.e.Assumptions, "; "))}
	return t
}

func estimateText(sample []float64, scale float64) string {
	if len(sample) == 0 {
		return "cannot run"
	}
	scaled := make([]float64, len(sample))
	for i, x := range sample {
		scaled[i] = float64(x * scale)
	}
	e := results.Mean(scaled)
	if math.IsNaN(e.Low) {
		return results.Number(e.Mean)
	}
	return results.Number(e.Mean) + " ± " + results.Number((e.High-e.Low)/2)
}

// comparison sets the changes against each rival, and against all, beside the published averages.
func (f *bars) comparison() results.Table {
	subject := f.e.method(f.e.subject).Label
	t := results.Table{Title: subject + " against its rivals, mean over the models", Columns: []string{"metric", "rival", "change", "95 % interval", "n", "p", "published"},
		Right: []string{"change", "95 % interval", "n", "p", "published"}}
	for _, q := range shown() {
		for _, rival := range f.e.rivals {
			t.Add(append([]string{q.name, f.e.method(rival).Label}, append(f.changeCells(q, rival), "–")...)...)
		}
		claim := "–"
		if p, ok := f.e.publishedChange(q.name); ok {
			claim = results.Percent(p.Change)
		}
		t.Add(append([]string{q.name, "mean"}, append(f.changeCells(q, f.e.rivals...), claim)...)...)
	}
	t.Notes = []string{"Published: averages of the paper's abstract against “other relevant approaches”, not said which; its values per figure are not known to us. " +
		"Change: " + subject + "/rival − 1, arithmetic mean; n seeds, in pairs; p: of such a mean change if there were none (two-sided t test)."}
	return t
}

// changeCells words the mean change against the rivals over the seeds, with a test against no change.
func (f *bars) changeCells(q metric, rivals ...string) []string {
	changes := f.changes(q, rivals...)
	if len(changes) == 0 {
		return []string{"cannot run", "–", "0", "–"}
	}
	e, err := results.Difference(changes, make([]float64, len(changes)))
	if err != nil {
		panic("experiments: " + err.Error())
	}
	p := results.Number(e.P)
	if e.P < 0.001 {
		p = "< 0.001"
	}
	return []string{results.Percent(e.Mean), results.Percent(e.Low) + " … " + results.Percent(e.High), fmt.Sprint(e.N), p}
}

// csv is the figure as numbers: every bar with its interval, and the changes with what was published.
func (f *bars) csv() []byte {
	t := results.Table{Columns: []string{"model", "strategy", "metric", "unit", "seeds", "mean", "low95", "high95", "published"}}
	add := func(model, strategy, metric, unit string, sample []float64, claim string) {
		if len(sample) == 0 {
			t.Add(model, strategy, metric, unit, "0", "", "", "", claim)
			return
		}
		e := results.Mean(sample)
		t.Add(model, strategy, metric, unit, fmt.Sprint(e.N), results.Exact(e.Mean), results.Exact(e.Low), results.Exact(e.High), claim)
	}
	for _, q := range shown() {
		for _, model := range f.models {
			for _, m := range f.e.methods {
				add(model, m.Strategy, q.name, q.unit, f.sample(q, model, m.Strategy), "")
			}
		}
	}
	for _, q := range shown() {
		for _, rival := range f.e.rivals {
			add("mean", f.e.subject+" against "+rival, q.name+" change", "1", f.changes(q, rival), "")
		}
		claim := ""
		if p, ok := f.e.publishedChange(q.name); ok {
			claim = results.Exact(p.Change)
		}
		add("mean", f.e.subject+" against rivals", q.name+" change", "1", f.changes(q, f.e.rivals...), claim)
	}
	return t.CSV()
}

// figure draws latency, energy, and the mean changes beside the published ones.
func (f *bars) figure() *plot.Figure {
	var panels []plot.Panel
	titles := map[string]string{"latency": "Latency of a lone request", "energy": "Energy of a lone request"}
	labels := map[string]string{"latency": "latency [s]", "energy": "energy [J]"}
	for _, q := range shown() {
		p := &plot.GroupedBars{Title: titles[q.name], YLabel: labels[q.name], Groups: f.models, Log: true}
		for _, m := range f.e.methods {
			p.Series = append(p.Series, f.series(q, m))
		}
		panels = append(panels, p)
	}
	panels = append(panels, f.changePanel())
	return &plot.Figure{Panels: panels, Columns: 1, Width: plot.DoubleColumn,
		Note: fmt.Sprintf("Run: %s. Bars: mean of %d paired replications, error bars: 95 %% confidence. Published: averages of the paper's abstract over rivals it does not name; its values per model are not known. Assumed: %s.",
			strings.Join(f.e.base.conditions(), "; "), len(f.seeds), strings.Join(f.e.Assumptions, "; "))}
}

func (f *bars) series(q metric, m method) plot.Series {
	s := plot.Series{Name: m.Label}
	for _, model := range f.models {
		e := results.Estimate{Mean: math.NaN(), Low: math.NaN(), High: math.NaN()}
		if sample := f.sample(q, model, m.Strategy); len(sample) > 0 {
			e = results.Mean(sample)
		}
		s.Values, s.Low, s.High = append(s.Values, e.Mean), append(s.Low, e.Low), append(s.High, e.High)
	}
	return s
}

func (f *bars) changePanel() plot.Panel {
	p := &plot.GroupedBars{Title: fmt.Sprintf("%s against its rivals, mean over %s", f.e.method(f.e.subject).Label, counted(len(f.models), "DNN")), YLabel: "change in %", PublishedName: "published average"}
	names := append(append([]string{}, f.e.rivals...), "")
	for _, rival := range names {
		s := plot.Series{Name: "mean of the rivals"}
		rivals := f.e.rivals
		if rival != "" {
			s.Name, rivals = f.e.method(rival).Label, []string{rival}
		}
		for _, q := range shown() {
			e := results.Estimate{Mean: math.NaN(), Low: math.NaN(), High: math.NaN()}
			if c := f.changes(q, rivals...); len(c) > 0 {
				e = results.Mean(c)
			}
			claim := math.NaN()
			if x, ok := f.e.publishedChange(q.name); ok && rival == "" {
				claim = float64(100 * x.Change)
			}
			s.Values, s.Low, s.High = append(s.Values, float64(100*e.Mean)), append(s.Low, float64(100*e.Low)), append(s.High, float64(100*e.High))
			s.Published = append(s.Published, claim)
		}
		p.Series = append(p.Series, s)
	}
	for _, q := range shown() {
		p.Groups = append(p.Groups, q.name)
	}
	return p
}
