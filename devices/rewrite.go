package devices

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Calibrated is what a calibration found of a runtime on a cluster of a board.
type Calibrated struct {
	Measurement          // the rows that it rests on
	Start       Params   // where the search for the parameters starts
	Predicted   []Timing // latencies of whole networks that the parameters are to describe
	LeftOut     LeftOut
	Basis       string // what the parameters rest on, for the file
}

// Timing is the latency of a whole network, batch 1.
type Timing struct {
	Network string
	Seconds float64
}

// LeftOut are the errors of measured rows that were predicted from the others, as shares.
type LeftOut struct {
	Mean    float64 `toml:"mean,required"`
	Median  float64 `toml:"median,required"`
	Worst   float64 `toml:"worst,required"`
	Network string  `toml:"network,required"` // of the worst
}

// Rewrite returns the text of a board file with other measured rows and parameters for some of its runtimes: those of
// found. All else stays as it is; runtimes that the file did not declare are added, and parameters that start from the
// new ones are fitted again. A title that is not empty replaces the file's.
func Rewrite(name string, text []byte, title string, found []Calibrated) ([]byte, error) {
	old, err := parseBoard(boardName(name), name, text)
	if err != nil {
		return nil, err
	}
	var s strings.Builder
	for _, part := range topTables(string(text)) {
		if part.kept(found) {
			s.WriteString(part.text)
		}
	}
	head := strings.TrimRight(fittedMarks.ReplaceAllString(s.String(), ""), "\n") + "\n"
	if title != "" {
		head = strings.Replace(head, "title = "+strconv.Quote(old.Title), "title = "+strconv.Quote(title), 1)
	}
	for i := range found {
		head += old.declaration(&found[i]) + found[i].measuredText()
	}
	b, err := parseBoard(boardName(name), name, []byte(head))
	if err != nil {
		return nil, err
	}
	f := newFitter()
	f.boards[b.Name] = b
	for i := range found {
		fit, err := f.calibrated(b, &found[i])
		if err != nil {
			return nil, err
		}
		f.done[b.Name+"/"+fit.Runtime+"/"+fit.Cluster] = fit
	}
	head += "\n" + fittedMark
	for i := range b.file.Runtime {
		r := &b.file.Runtime[i]
		if b.stored(r) != nil { // a person wrote it
			continue
		}
		fit, err := f.fit(b, r.Name, r.Cluster)
		if err != nil {
			return nil, err
		}
		stored := fit.file()
		head += "\n" + stored.text()
	}
	_, err = ParseBoard(name, []byte(head))
	return []byte(head), err
}

// fittedMarks are the lines above fitted parameters.
var fittedMarks = regexp.MustCompile(`(?m)^# Fitted on the rows above.*\n`)

const fittedMark = "# Fitted on the rows above by hidp calibrate fit.\n"

// topTable is a part of a TOML file that begins with a header of a table, or the part before the first.
type topTable struct {
	text string
	kind string // "measured"
	head struct{ Runtime, Cluster, From string }
}

// topTables cuts a file where tables of arrays begin. Comments that stand before a header belong to its table.
func topTables(text string) []topTable {
	var out []topTable
	var at topTable
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); {
		j := i // the header that the lines from i on lead to
		for j < len(lines) && strings.HasPrefix(lines[j], "#") {
			j++
		}
		if j < len(lines) && strings.HasPrefix(lines[j], "[") {
			out = append(out, at)
			at = topTable{kind: strings.Trim(strings.TrimSpace(lines[j]), "[]")}
		}
		for ; i <= j && i < len(lines); i++ {
			at.text += lines[i]
		}
	}
	out = append(out, at)
	for i := range out {
		out[i].readHead()
	}
	return out
}

// readHead reads what a table is of.
func (t *topTable) readHead() {
	var file struct {
		Measured, Fitted []struct{ Runtime, Cluster, From string }
	}
	if _, err := toml.Decode(t.text, &file); err != nil {
		return
	}
	for _, h := range append(file.Measured, file.Fitted...) {
		t.head = h
	}
}

// kept reports whether a table stays: not one of rows that are replaced, nor one of parameters that a fit wrote.
func (t *topTable) kept(found []Calibrated) bool {
	replaced := slices.ContainsFunc(found, func(c Calibrated) bool {
		return c.Runtime == t.head.Runtime &&
			c.Cluster == t.head.Cluster
	})
	switch t.kind {
	case "measured":
		return !replaced
	case "fitted":
		return !replaced && t.head.From == ""
	}
	return true
}

// declaration returns the [[runtime]] tables that the file lacks for a runtime to run on a cluster, or nothing.
func (b *Board) declaration(c *Calibrated) (text string) {
	declare := func(cluster, rest string) {
		if !slices.Contains(b.RuntimesOn(), [2]string{c.Runtime, cluster}) {
			text += fmt.Sprintf("\n[[runtime]]\nname = %q\ncluster = %q\n%s", c.Runtime, cluster, rest)
		}
	}
	if k := b.cluster(c.Cluster); k >= 0 {
		for _, m := range b.Clusters[k].Members {
			share := b.Clusters[m].Peak / b.Clusters[k].Peak
			declare(b.Clusters[m].Name, fmt.Sprintf("prior = { runtime = %q, cluster = %q, rates = %.4g, bandwidth = 1.0, "+
				"overhead = 1.0, "+
				"assumption = %q }\n", c.Runtime, c.Cluster, share, "as "+c.Cluster+", slower as its peak is less"))
		}
	}
	declare(c.Cluster, "")
	return text
}

// measuredText returns the [[measured]] table.
func (m *Measurement) measuredText() string {
	var s strings.Builder
	fmt.Fprintf(&s, "\n[[measured]]\nruntime = %q\ncluster = %q\nsource = %q\n", m.Runtime, m.Cluster, m.Source)
	if m.Note != "" {
		fmt.Fprintf(&s, "note = %q\n", m.Note)
	}
	s.WriteString("rows = [\n")
	for _, r := range m.Rows {
		fmt.Fprintf(&s, "  { model = %q, latency = \"%s ms\" "+
			"},\n", r.Model, strconv.FormatFloat(float64(RoundDuration(r.Seconds))/1e6, 'f', -1, 64))
	}
	s.WriteString("]\n")
	return s.String()
}

// calibrated finds the parameters that describe what a calibration predicts. The cost formula of boards is another one
// than that of the calibration; its ratios to the predictions are kept for the networks of the zoo.
func (f *fitter) calibrated(b *Board, c *Calibrated) (*Fitted, error) {
	k := b.cluster(c.Cluster)
	pr := prior{b.vague(k, c.Runtime).params, spreads(narrowCommon, narrowClass, narrowBandwidth, narrowRatio,
		narrowOverhead, narrowInvoke)}
	for i, rate := range c.Start.Rate {
		if rate > 0 {
			pr.params.Rate[i] = rate
		}
	}
	pr.params.ActBandwidth, pr.params.WeightBandwidth = c.Start.ActBandwidth, c.Start.WeightBandwidth
	pr.params.ConvOverhead, pr.params.OtherOverhead = c.Start.ConvOverhead, c.Start.OtherOverhead
	pr.params.InvokeOverhead = c.Start.InvokeOverhead
	var rows []observation
	for _, t := range c.Predicted {
		net, err := f.nets.get(t.Network)
		if err != nil {
			return nil, err
		}
		rows = append(rows, observation{t.Network, net, t.Seconds, b.scale(k, 0)})
	}
	fit := &Fitted{Runtime: c.Runtime, Cluster: c.Cluster, Params: solve(&pr, rows), Rows: len(c.Rows),
		From:  b.digest(c.Runtime, c.Cluster),
		Basis: c.Basis, LeftOut: &c.LeftOut}
	if err := fit.check(b); err != nil {
		return nil, err
	}
	fit.rescale(slices.DeleteFunc(rows, func(o observation) bool { return !o.net.exact }))
	return fit, nil
}
