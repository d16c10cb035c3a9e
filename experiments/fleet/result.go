package fleet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"hidp/internal/durable"
	"hidp/sim"
)

// Result is what a fleet did: of the sites that were done, which are all of them unless Run returned an error. Energies are in joules;
// those of a site are over its own makespan. Cloud instances that sites do not share count as nodes of their sites; those that they
// share count in the total only.
type Result struct {
	Title       string         `json:"title"`
	Strategy    string         `json:"strategy"`
	Seed        uint64         `json:"seed"`
	Sites       int            `json:"sites"`
	SitesDone   int            `json:"sites_done"`
	Boards      int            `json:"boards"` // of all sites
	Total       Figures        `json:"total"`
	Classes     []Group        `json:"classes"`
	Hours       []Hour         `json:"hours"` // of the fleet's clock
	Shared      *SharedFigures `json:"shared,omitempty"`
	Rows        []Row          `json:"-"` // of the sites that are done, in order
	Assumptions []string       `json:"assumptions"`
}

// Figures are sums and distributions over sites.
type Figures struct {
	Requests       int64              `json:"requests"`
	Completed      int64              `json:"completed"`
	Failed         int64              `json:"failed"`
	Latency        sim.SummaryLatency `json:"latency"`        // seconds; percentiles exact to three digits; null if nothing was completed
	EnergyServing  sim.Quantity       `json:"energy_serving"` // per completed request; null if there is none
	EnergyPlatform float64            `json:"energy_platform"`
	Makespan       float64            `json:"makespan"` // seconds, of the site that was done last
	Events         uint64             `json:"events"`

	serving    float64
	sum, worst time.Duration
}

// SharedFigures say what became of what the sites share. Shares are of the time and capacity until the end.
type SharedFigures struct {
	CloudNodes  int     `json:"cloud_nodes"`
	CloudBusy   float64 `json:"cloud_busy"` // mean over the nodes of the share of the time in which the busiest cluster worked
	CloudEnergy float64 `json:"cloud_energy"`
	Serving     float64 `json:"-"`            // of CloudEnergy, that of nodes while they took part in requests
	BackboneOut float64 `json:"backbone_out"` // share of the backbone that was used from the sites to the cloud
	BackboneIn  float64 `json:"backbone_in"`
	Events      uint64  `json:"-"`
	Until       float64 `json:"until,omitempty"` // seconds of the fleet's clock until which it was simulated; 0: to the end
}

// Group is a class of sites.
type Group struct {
	Name      string `json:"name"`
	Sites     int    `json:"sites"`
	SitesDone int    `json:"sites_done"`
	Figures
}

// Hour is what arrived in an hour of the day and was completed.
type Hour struct {
	Hour      int          `json:"hour"`
	Completed int64        `json:"completed"`
	Mean      sim.Quantity `json:"latency_mean"` // seconds; null if nothing was completed
}

// Row is one site.
type Row struct {
	Class  string
	Number int
	Figures
}

// result adds up the sites that are done.
func (r *run) result() *Result {
	d := r.fleet
	out := &Result{Title: d.Title, Strategy: d.Strategy, Seed: d.Seed, Sites: d.Sites(), Boards: d.Boards(), Assumptions: d.Assumptions()}
	var hours [24]hour
	all := newClassBins()
	site := 0
	for k := range d.Classes {
		g := Group{Name: d.Classes[k].Name, Sites: d.Classes[k].Sites}
		for number := range d.Classes[k].Sites {
			o := r.outcomes[site]
			site++
			if o == nil {
				continue
			}
			g.SitesDone++
			row := Row{Class: g.Name, Number: number}
			row.add(o)
			row.close()
			if o.Completed > 0 {
				row.Latency.P50, row.Latency.P99 = o.P50.Seconds(), o.P99.Seconds()
			}
			out.Rows = append(out.Rows, row)
			g.add(o)
			out.Total.add(o)
			for h := range hours {
				hours[h].Completed += o.Hours[h].Completed
				hours[h].Sum += o.Hours[h].Sum
			}
		}
		for i, n := range r.bins[k] {
			all[i] += n
		}
		g.close()
		g.percentiles(r.bins[k])
		out.Classes = append(out.Classes, g)
		out.SitesDone += g.SitesDone
	}
	if s := r.shared; s != nil {
		out.Shared = s
		out.Total.EnergyPlatform += s.CloudEnergy
		out.Total.serving += s.Serving
		out.Total.Events = s.Events
		if s.Until > 0 { // all sites are as far as that, none is done
			out.SitesDone = 0
			for k := range out.Classes {
				out.Classes[k].SitesDone = 0
			}
		}
	}
	out.Total.close()
	out.Total.percentiles(all)
	for h, x := range hours {
		out.Hours = append(out.Hours, Hour{h, x.Completed, mean(x.Sum, x.Completed)})
	}
	return out
}

// add takes a site in. The sum of the latencies may exceed what 64 bits hold only beyond 290 years.
func (f *Figures) add(o *outcome) {
	f.Requests += o.Arrived
	f.Completed += o.Completed
	f.Failed += o.Failed
	f.Events += o.Events
	f.EnergyPlatform += o.Platform
	f.serving += o.Serving
	f.sum += o.Sum
	f.worst = max(f.worst, o.Max)
	f.Makespan = max(f.Makespan, o.Makespan.Seconds())
}

// close works out the means. Where nothing was completed there are none.
func (f *Figures) close() {
	if f.Completed == 0 {
		f.EnergyServing, f.Latency = sim.None(), sim.NoLatency()
		return
	}
	f.EnergyServing = sim.Quantity(f.serving / float64(f.Completed))
	f.Latency.Mean = float64(mean(f.sum, f.Completed))
	f.Latency.Max = f.worst.Seconds()
}

// mean returns the mean of n latencies in seconds.
func mean(sum time.Duration, n int64) sim.Quantity {
	if n == 0 {
		return sim.None()
	}
	return sim.Quantity(sum.Seconds() / float64(n))
}

func (f *Figures) percentiles(bins classBins) {
	if f.Completed == 0 {
		return
	}
	h := bins.histogram()
	f.Latency.P50, f.Latency.P95, f.Latency.P99 = quantile(h, 50).Seconds(), quantile(h, 95).Seconds(), quantile(h, 99).Seconds()
}

// Files returns the result as files: summary.json, sites.csv and hours.csv. Equal results are equal bytes.
func (r *Result) Files() []durable.Output {
	summary, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("fleet: " + err.Error()) // numbers and texts
	}
	sites := [][]string{{"class", "number", "requests", "completed", "failed", "latency_mean_s", "latency_p50_s", "latency_p99_s", "latency_max_s",
		"energy_serving_j", "energy_platform_j", "makespan_s"}}
	for i := range r.Rows {
		x := &r.Rows[i]
		sites = append(sites, []string{x.Class, strconv.Itoa(x.Number), strconv.FormatInt(x.Requests, 10), strconv.FormatInt(x.Completed, 10),
			strconv.FormatInt(x.Failed, 10), number(x.Latency.Mean), number(x.Latency.P50), number(x.Latency.P99), number(x.Latency.Max),
			number(float64(x.EnergyServing)), number(x.EnergyPlatform), number(x.Makespan)})
	}
	hours := [][]string{{"hour", "completed", "latency_mean_s"}}
	for _, h := range r.Hours {
		hours = append(hours, []string{strconv.Itoa(h.Hour), strconv.FormatInt(h.Completed, 10), number(float64(h.Mean))})
	}
	return []durable.Output{{Name: "summary.json", Data: append(summary, '\n')}, {Name: "sites.csv", Data: table(sites)}, {Name: "hours.csv", Data: table(hours)}}
}

// number writes a cell: empty where there is no number.
func number(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func table(rows [][]string) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.WriteAll(rows) // a buffer takes everything
	return out.Bytes()
}
