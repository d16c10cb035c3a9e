package boards

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"hidp/devices"
	"hidp/devices/calibration"
	"hidp/devices/calibration/timings"
	"hidp/devices/dnns"
	"hidp/internal/suggest"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// Options say what a file of timings leaves open.
type Options struct {
	Runtime, Cluster string
}

// Fit is what measured times tell of a runtime on a cluster.
type Fit struct {
	*Subject
	Calibrated devices.Calibrated
	Quality    Quality
	Replaced   int      // rows of the base board that the new ones take the place of
	Half       float64  // median half-width, upwards, of the 80 % interval of a network of the zoo, as a share
	Notes      []string // what was done with the rows, and which of them to doubt
}

const (
	leastRows    = 3   // networks that a fit needs
	contradicts  = 1.3 // factor between two times of one network
	implausible  = 30  // factor between a time and what the data sheet suggests
	doubted      = 2   // factor between a time and what the other rows suggest
	doubtedScore = 3   // and how many standard deviations it must be
)

// row is a timing whose runtime, cluster and network are known.
type row struct {
	timings.Timing
	runtime, cluster, model string
}

// Fits fits what a file of timings holds on a base board. The error lists everything that is wrong with the file.
func (l *Library) Fits(base *devices.Board, f *timings.File, opt Options) ([]Fit, error) {
	faults := f.Faults
	groups := map[[2]string][]row{}
	var order [][2]string
	for _, t := range f.Timings {
		if why := unusable(t); why != "" {
			f.Skipped = append(f.Skipped, fmt.Sprintf("line %d: %s: %s", t.Line, t.Network, why))
			continue
		}
		r, ok := resolve(base, t, opt, faults)
		if !ok {
			continue
		}
		key := [2]string{r.runtime, r.cluster}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	var out []Fit
	for _, key := range order {
		rows := groups[key]
		contradictions(rows, faults)
		if err := l.plausible(base, key, rows, faults); err != nil {
			return nil, err
		}
		merged, notes := merge(rows)
		if len(merged) < leastRows && faults.Err() == nil {
			faults.Addf(rows[0].Line, "%s on %s: %d networks are too few; give %d or more, five that differ tell a lot "+
				"(hidp calibrate plan chooses them)",
				key[0], key[1], len(merged), leastRows)
		}
		if faults.Err() != nil {
			continue
		}
		fit, err := l.fit(base, key, rows, merged, f)
		if err != nil {
			return nil, err
		}
		fit.Notes = append(notes, fit.Notes...)
		out = append(out, *fit)
	}
	return out, faults.Err()
}

// resolve finds runtime, cluster and network of a timing.
func resolve(b *devices.Board, t timings.Timing, opt Options, faults *timings.Faults) (row, bool) {
	r := row{Timing: t}
	ok := true
	fault := func(format string, args ...any) {
		faults.Addf(t.Line, format, args...)
		ok = false
	}
	if t.Runtime == "" {
		t.Runtime, t.Precision, _ = strings.Cut(opt.Runtime, "/")
	}
	if t.Cluster == "" {
		t.Cluster = opt.Cluster
	}
	switch {
	case t.Runtime == "":
		fault(`says no runtime; add a column runtime ("ncnn/fp16"), or give --runtime`)
	case t.Cluster == "" && !declared(b, t.Runtime, t.Precision):
		fault("says no cluster, and board %s does not run %s; add a column cluster, or give --cluster", b.Name, t.Runtime)
	default:
		var err error
		if r.runtime, r.cluster, err = place(b, t); err != nil {
			fault("%v", err)
		}
	}
	if ok && t.Threads > 0 {
		k := slices.IndexFunc(b.Clusters, func(c devices.BoardCluster) bool { return c.Name == r.cluster })
		if c := &b.Clusters[k]; c.Kind == devices.CPU && t.Threads != c.Cores {
			fault("threads is %d; cluster %s has %d cores, and a board file describes work on all of them", t.Threads, c.Name,
				c.Cores)
		}
	}
	r.model, ok = modelName(t, faults, ok)
	return r, ok && !math.IsNaN(t.Seconds)
}

func declared(b *devices.Board, runtime, precision string) bool {
	return slices.ContainsFunc(b.Runtimes, func(name string) bool {
		return name == runtime+"/"+precision || (precision == "" && strings.HasPrefix(name, runtime+"/"))
	})
}

// place finds the runtime with its precision, and the cluster by its name or kind.
func place(b *devices.Board, t timings.Timing) (runtime, cluster string, err error) {
	if t.Cluster != "" {
		if cluster, err = clusterOf(b, t.Cluster); err != nil {
			return "", "", err
		}
	}
	name := t.Runtime
	if t.Precision != "" {
		name += "/" + t.Precision
	}
	if runtime, found, err := Choose(b, name, cluster); err == nil {
		return runtime, found, nil
	}
	if t.Precision == "" {
		return "", "", fmt.Errorf(`runtime %q has no precision, and board %s knows none for it on %s; write "%s/fp32" or "%s/fp16"`,
			t.Runtime, b.Name, cluster, t.Runtime, t.Runtime)
	}
	return name, cluster, nil
}

// clusterOf finds a cluster by its name, or the GPU or all CPU cores by their kind.
func clusterOf(b *devices.Board, name string) (string, error) {
	best := -1
	var names []string
	for k, c := range b.Clusters {
		names = append(names, c.Name)
		if c.Name == name {
			return name, nil
		}
		if c.Kind.String() == name && (best < 0 || c.Cores > b.Clusters[best].Cores) {
			best = k
		}
	}
	if best < 0 {
		return "", fmt.Errorf("board %s has no cluster %q%s; known are %s", b.Name, name, suggest.Phrase(name, names),
			strings.Join(names, ", "))
	}
	return b.Clusters[best].Name, nil
}

// unusable says why a network that is known cannot be used, or nothing.
func unusable(t timings.Timing) string {
	for _, name := range namesOf(t) {
		if table := dnns.All()[name]; table != nil && slices.ContainsFunc(table.Layers,
			func(l dnns.Layer) bool { return l.Op == "attn" }) {
			return "the model knows no attention layers"
		}
		if _, _, counted := countsOf(name, "", calibration.Style{}); !counted && slices.Contains(devices.NetworkNames(),
			name) {
			return "its layers are not known one by one"
		}
	}
	return ""
}

// namesOf lists what the network of a timing may be called here: benchncnn leaves out the ncnn- of its networks.
func namesOf(t timings.Timing) []string {
	if t.Runtime == "ncnn" {
		return []string{"ncnn-" + t.Network, t.Network}
	}
	return []string{t.Network}
}

// modelName finds the network of a timing.
func modelName(t timings.Timing, faults *timings.Faults, ok bool) (string, bool) {
	known, candidates := devices.NetworkNames(), namesOf(t)
	for _, c := range candidates {
		if slices.Contains(known, c) {
			return c, ok
		}
	}
	if t.Network != "" {
		faults.Addf(t.Line, "no network %q%s; hidp board show NAME --networks lists the names", t.Network,
			suggest.Phrase(t.Network, known))
	}
	return "", false
}

// contradictions finds rows that cannot both be of one setting.
func contradictions(rows []row, faults *timings.Faults) {
	versions := map[string]int{}
	var names []string
	for _, r := range rows {
		if r.Version != "" && versions[r.Version] == 0 {
			versions[r.Version] = r.Line
			names = append(names, fmt.Sprintf("%s (line %d)", r.Version, r.Line))
		}
	}
	if len(names) > 1 {
		faults.Addf(0, "%s on %s: rows of versions %s are mixed; versions differ by factors of up to 2, so give each its "+
			"own file", rows[0].runtime,
			rows[0].cluster, strings.Join(names, " and "))
	}
	for i, r := range rows {
		for _, other := range rows[:i] {
			if r.model == other.model && math.Abs(math.Log(r.Seconds/other.Seconds)) > math.Log(contradicts) {
				faults.Addf(r.Line, "%s takes %s, and %s in line %d: they contradict each other; leave the wrong one out",
					r.Network, devices.Rough(r.Seconds), devices.Rough(other.Seconds), other.Line)
				break
			}
		}
	}
}

// plausible finds times that are far off what the data sheet and other boards suggest.
func (l *Library) plausible(b *devices.Board, key [2]string, rows []row, faults *timings.Faults) error {
	s, err := l.With(b, key[0], key[1], nil)
	if err != nil {
		return err
	}
	expected := map[string]Estimate{}
	for _, r := range rows {
		e, ok := expected[r.model]
		if !ok {
			e = s.named(r.model)
			expected[r.model] = e
		}
		ratio := r.Seconds / e.Latency
		if ratio < implausible && ratio > 1/float64(implausible) {
			continue
		}
		hint := ""
		for _, factor := range []float64{1e-3, 1e3, 1e-6, 1e6} {
			if x := ratio * factor; x < implausible/3 && x > 3/float64(implausible) {
				hint = fmt.Sprintf("; is it %s, with another unit?", devices.Rough(r.Seconds*factor))
			}
		}
		faults.Addf(r.Line, "%s in %s is implausible: the data sheet and other boards suggest %s to %s%s", r.Network,
			devices.Rough(r.Seconds),
			devices.Rough(e.Low), devices.Rough(e.High), hint)
	}
	return nil
}

// merge takes the geometric mean of the times of a network, which do not contradict each other.
func merge(rows []row) (out []devices.MeasuredRow, notes []string) {
	count := map[string]int{}
	for _, r := range rows {
		i := slices.IndexFunc(out, func(m devices.MeasuredRow) bool { return m.Model == r.model })
		if i < 0 {
			out = append(out, devices.MeasuredRow{Model: r.model, Seconds: r.Seconds})
			count[r.model] = 1
			continue
		}
		n := float64(count[r.model])
		out[i].Seconds = math.Exp((n*math.Log(out[i].Seconds) + math.Log(r.Seconds)) / (n + 1))
		count[r.model]++
	}
	for _, m := range out {
		if n := count[m.Model]; n > 1 {
			notes = append(notes, fmt.Sprintf("%d times of %s agree within 30 %%; their geometric mean is taken", n, m.Model))
		}
	}
	return out, notes
}

func (l *Library) fit(b *devices.Board, key [2]string, rows []row, merged []devices.MeasuredRow,
	f *timings.File) (*Fit, error) {
	s, err := l.With(b, key[0], key[1], merged)
	if err != nil {
		return nil, err
	}
	fit := &Fit{Subject: s, Quality: s.Quality()}
	for _, m := range b.Measurements() {
		if m.Runtime == key[0] && m.Cluster == key[1] {
			fit.Replaced += len(m.Rows)
		}
	}
	for _, p := range s.left {
		if math.Abs(p.Error()) > math.Log(doubted) && p.Score() > doubtedScore {
			fit.Notes = append(fit.Notes, fmt.Sprintf("%s takes %.1f times what the other rows suggest; measure it again",
				p.Row.Family, math.Exp(p.Error())))
		}
	}
	q := fit.Quality.LeftOut
	fit.Calibrated = devices.Calibrated{
		Measurement: devices.Measurement{Runtime: key[0], Cluster: key[1], Source: source(rows, f.Name), Note: note(rows),
			Rows: merged},
		Start: s.start(), Basis: "calibrated: " + s.Basis(),
		LeftOut: devices.LeftOut{Mean: q.Mean, Median: q.Median, Worst: q.Worst, Network: q.Network},
	}
	for _, m := range merged {
		fit.Calibrated.Predicted = append(fit.Calibrated.Predicted, devices.Timing{Network: m.Model, Seconds: m.Seconds})
	}
	var halves []float64
	for _, name := range slices.Concat(zoo.Names(), candidates(s.Set.Group())) {
		e := s.named(name)
		if slices.Contains(zoo.Names(), name) && !e.Measured {
			halves = append(halves, e.High/e.Latency-1)
		}
		if !slices.ContainsFunc(fit.Calibrated.Predicted, func(t devices.Timing) bool { return t.Network == name }) {
			fit.Calibrated.Predicted = append(fit.Calibrated.Predicted, devices.Timing{Network: name, Seconds: e.Latency})
		}
	}
	slices.Sort(halves)
	if len(halves) > 0 {
		fit.Half = halves[len(halves)/2]
	}
	return fit, nil
}

// named predicts a network by its name.
func (s *Subject) named(name string) Estimate {
	counts, table, _ := countsOf(name, s.Set.Group(), calibration.StyleOf(s.Set.Runtime))
	return s.estimate(&calibration.Row{Network: table, Counts: counts})
}

// start returns the parameters of the cost formula of boards that come nearest to those of the calibration: those of
// terms that both have.
func (s *Subject) start() (p devices.Params) {
	scales := s.post.Mean.Scales()
	for class, term := range map[workloads.Class]calibration.Term{workloads.ClassConv3x3: calibration.RateConv3x3,
		workloads.ClassConvKxK: calibration.RateConvKxK, workloads.ClassConv1x1: calibration.RateConv1x1,
		workloads.ClassDepthwise: calibration.RateDepthwise, workloads.ClassGrouped: calibration.RateGrouped} {
		p.Rate[class] = 1 / scales[term]
	}
	p.ActBandwidth, p.WeightBandwidth = 1/scales[calibration.Activations], 1/scales[calibration.Weights]
	p.ConvOverhead, p.OtherOverhead, p.InvokeOverhead = scales[calibration.PerConv], scales[calibration.PerOther],
		scales[calibration.Invoke]
	return p
}

func source(rows []row, file string) string {
	for _, r := range rows {
		if r.Source != "" {
			return r.Source
		}
	}
	return filepath.Base(file)
}

func note(rows []row) string {
	for _, r := range rows {
		if r.Version != "" {
			return "version " + r.Version
		}
	}
	return ""
}

// LeftOutRow is a measured row and what the others predict for it, in seconds.
type LeftOutRow struct {
	Network             string
	Measured, Predicted float64
}

// Rows returns the measured rows, each predicted from the others.
func (s *Subject) Rows() (out []LeftOutRow) {
	for i := range s.left {
		p := &s.left[i]
		out = append(out, LeftOutRow{p.Row.Family, math.Exp(p.Row.Log), math.Exp(p.Log)})
	}
	return out
}
