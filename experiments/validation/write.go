package validation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"hidp/internal/durable"
	"hidp/results/plot"
)

// Files returns what a report consists of on disk: validation.json (Report.JSON), validation.md, rows.csv, ops.csv, the figures in
// all formats, and last manifest.json, which has the digests of the others.
func (r *Report) Files() ([]durable.Output, error) {
	files := []durable.Output{
		{Name: "validation.json", Data: r.JSON()},
		{Name: "rows.csv", Data: r.rowCSV()},
		{Name: "ops.csv", Data: r.opCSV()},
	}
	figures, err := r.figures()
	if err != nil {
		return nil, err
	}
	files = append(files, durable.Output{Name: "validation.md", Data: []byte(r.markdown(figures))})
	for i := range figures {
		for _, format := range plot.Formats() {
			data, err := figures[i].Render(format)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", figures[i].stem, err)
			}
			files = append(files, durable.Output{Name: figures[i].stem + "." + format, Data: data})
		}
	}
	return append(files, r.manifest(files)), nil
}

// Write puts the report into a folder, which it creates, and returns the paths. Either all files are there in the end or none.
func (r *Report) Write(dir string) ([]string, error) {
	files, err := r.Files()
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFiles(durable.Disk{}, dir, files); err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join(dir, f.Name))
	}
	return paths, nil
}

// manifest says where the files of the folder come from.
func (r *Report) manifest(files []durable.Output) durable.Output {
	type file struct {
		Name   string `json:"name"`
		SHA256 string `json:"sha256"`
	}
	m := struct {
		Version    string   `json:"version"`
		Command    string   `json:"command"`
		Matrix     string   `json:"matrix"`
		Platform   string   `json:"platform"`
		Seed       uint64   `json:"seed"`
		Conditions []string `json:"conditions"`
		Files      []file   `json:"files"`
	}{r.Version, r.Command, r.Matrix, r.Platform, r.settings.Seed, r.Conditions, nil}
	for _, f := range files {
		sum := sha256.Sum256(f.Data)
		m.Files = append(m.Files, file{f.Name, hex.EncodeToString(sum[:])})
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("validation: " + err.Error())
	}
	return durable.Output{Name: "manifest.json", Data: append(text, '\n')}
}

// markdown is the report for people.
func (r *Report) markdown(figures []figure) string {
	var b strings.Builder
	para := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	tables := r.Tables()
	para("# %s", tables[0].Title)
	para("One plan, run twice: by agents that compute and exchange tensors, and by the simulator. The simulator knows the plan, the network of %s, and how long every op takes on its "+
		"core cluster, which was measured in the deployed sub-models before the requests. It knows no latency. Errors are simulated/measured − 1: positive where the simulator is too slow.", r.Platform)
	tables[0].Title = ""
	b.WriteString(tables[0].Markdown() + "\n")
	for _, f := range figures {
		para("![%s](%s.svg)", f.stem, f.stem)
	}
	for _, t := range tables[1:] {
		para("## %s", t.Title)
		t.Title = ""
		b.WriteString(t.Markdown() + "\n")
	}
	para("## What the figures rest on")
	for _, line := range r.assumptions() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if len(r.Invalid) > 0 {
		b.WriteString("\n## Runs that were not used\n\n")
		for _, x := range r.Invalid {
			fmt.Fprintf(&b, "- %s under %s, attempt %d: %s\n", x.Model, x.Strategy, x.Attempt, strings.Join(x.Reasons, "; "))
		}
	}
	return b.String()
}

// assumptions lists what a reader must know to believe the figures, or not to.
func (r *Report) assumptions() []string {
	s := r.settings
	lines := []string{
		fmt.Sprintf("Profile: %d passes over the ops in the order of the plan, one at a time on a node; nodes run those at the same time that a request does. "+
			"It is apart from all requests. There is such a profile before each of the "+
			"%d blocks of the latency phase, and one of %d passes before each run of the throughput phase; what came after it is compared with no later one.", s.Profile.Passes, s.Blocks, s.Profile.Crowd),
		"Each lone request is simulated with a pass of the profile before its block, by turns; simulated throughput is the median over the passes before that run.",
		fmt.Sprintf("Latency: medians of %d requests, the first %d left out, each begun when the one before had ended; a run in which more than %.0f %% of them met is invalid.",
			s.Requests, s.Warmup, 100*mostOverlaps),
		fmt.Sprintf("Throughput: requests come %.2f times as fast as the simulator says they can be served; the rate is that of the last %d of %d to finish, the median of up to %d such runs. A plan counts as pipelined if "+
			"simulated rate times latency is at least %.2f.", s.Overload, s.Requests, s.Requests+s.Steady, s.Crowds, pipelined),
		"A plan that several strategies made is measured once and counts once.",
		fmt.Sprintf("A run that cannot be trusted is repeated once. %d of %d runs were invalid, %d plans were given up; they are in no average.", len(r.Invalid), r.Runs, r.GivenUp),
		"The simulator charges no planning time, and no request waits for a planner on the testbed either: the plan is made before.",
	}
	sources, compared, exact, tolerance := map[string]bool{}, 0, 0, 0.0
	for i := range r.Rows {
		x := &r.Rows[i]
		if !x.distinct() {
			continue
		}
		sources[x.Energy.Source] = true
		if x.Agreement != nil {
			compared++
			tolerance = max(tolerance, x.Agreement.Tolerance)
			if x.Agreement.Exact {
				exact++
			}
		}
	}
	if len(sources) > 0 {
		lines = append(lines, fmt.Sprintf("Energy is of the boards that take part, idle power included, over the latency and throughput phases. The measured side is: %s.", joined(sources)))
	}
	if compared > 0 {
		lines = append(lines, fmt.Sprintf("Outputs were compared with those of the unsplit network for %d plans: %d are equal to the last bit, the others within %.2g of the largest magnitude.", compared, exact, tolerance))
	} else {
		lines = append(lines, "Outputs were not compared with those of the unsplit network.")
	}
	return append(lines, r.Conditions...)
}
