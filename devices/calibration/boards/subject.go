// Package boards joins board files with package calibration: what is known of a board's runtime on a cluster, how it
// predicts a network, what to measure next, and how measured times become a board file.
package boards

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"hidp/devices"
	"hidp/devices/calibration"
	"hidp/devices/dnns"
	"hidp/devices/measurements"
	"hidp/workloads/zoo"
)

// Library learns from the published measurements, each group of runtimes when it is first asked for. It is safe for
// concurrent use.
type Library struct {
	mu     sync.Mutex
	groups map[string]*calibration.Known
}

// NewLibrary returns a library that has learned nothing yet.
func NewLibrary() *Library { return &Library{groups: map[string]*calibration.Known{}} }

// leastNetworks is how many different networks a published set must have to teach a prior.
const leastNetworks = 8

func (l *Library) group(name string) *calibration.Known {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.groups[name]; k != nil {
		return k
	}
	var rows []measurements.Latency
	for _, r := range measurements.Latencies() {
		if r.Benchmark {
			rows = append(rows, r)
		}
	}
	var sets []*calibration.Set
	for _, s := range calibration.SetsOf(rows, leastNetworks) {
		if s.Group() == name {
			sets = append(sets, s)
		}
	}
	l.groups[name] = calibration.Know(sets)
	return l.groups[name]
}

// Subject is a runtime on a cluster of a board, with its measured rows.
type Subject struct {
	Board            *devices.Board
	Runtime, Cluster string // "ncnn/fp16", "cpu"
	Set              *calibration.Set
	Skipped          []string // measured networks without a table of their layers: they cannot be used

	known    *calibration.Known
	post     calibration.Gaussian
	left     []calibration.Prediction // each row from the others
	repeated string                   // the chip of published rows that the board's rows repeat
}

// Subject returns a runtime on a cluster of a board with the rows of its file that were measured in the first power
// mode.
func (l *Library) Subject(b *devices.Board, runtime, cluster string) (*Subject, error) {
	var rows []devices.MeasuredRow
	for _, m := range b.Measurements() {
		if m.Runtime == runtime && m.Cluster == cluster && (m.Mode == "" || m.Mode == b.Modes[0]) {
			rows = append(rows, m.Rows...)
		}
	}
	return l.With(b, runtime, cluster, rows)
}

// With is Subject with other rows than those of the board's file.
func (l *Library) With(b *devices.Board, runtime, cluster string, rows []devices.MeasuredRow) (*Subject, error) {
	k := slices.IndexFunc(b.Clusters, func(c devices.BoardCluster) bool { return c.Name == cluster })
	if k < 0 {
		return nil, fmt.Errorf("board %s has no cluster %q", b.Name, cluster)
	}
	s := &Subject{Board: b, Runtime: runtime, Cluster: cluster, Set: emptySet(b, &b.Clusters[k], runtime)}
	s.known = l.group(s.Set.Group())
	style := calibration.StyleOf(s.Set.Runtime)
	for _, r := range rows {
		counts, name, ok := countsOf(r.Model, s.Set.Group(), style)
		switch {
		case r.Outlier != "":
		case !ok:
			s.Skipped = append(s.Skipped, r.Model)
		default:
			s.Set.Rows = append(s.Set.Rows, calibration.Row{Network: name, Counts: counts, Log: math.Log(r.Seconds),
				Twins: name, Family: r.Model})
		}
	}
	s.repeated = s.findRepeated()
	s.post = s.known.Measured(s.Set, s.Set.Rows, s.others)
	s.left = s.leaveOut()
	return s, nil
}

// emptySet describes a cluster in the words of the published sets.
func emptySet(b *devices.Board, c *devices.BoardCluster, runtime string) *calibration.Set {
	name, precision, _ := strings.Cut(runtime, "/")
	s := &calibration.Set{Board: b.Name, Core: coreName(c.Core), GPU: c.Kind == devices.GPU, Precision: precision,
		Peak:      c.Peak,
		Bandwidth: b.MemoryBandwidth(), Runtime: name}
	if s.GPU {
		switch name {
		case "ncnn":
			s.Runtime = "ncnn-vulkan"
		case "armnn":
			s.Runtime = "armnn-opencl"
		}
		return s
	}
	if name == "armnn" {
		s.Runtime = "armnn-neon"
	}
	s.Cores, s.Threads = c.Name, c.Cores
	return s
}

// coreName shortens the core of a board file to the name that published sets have: "Cortex-A57" is A57.
func coreName(core string) string {
	core = strings.TrimPrefix(strings.TrimPrefix(core, "Cortex-"), "NVIDIA ")
	first, _, _ := strings.Cut(core, " ")
	return strings.ReplaceAll(first, "-", "")
}

// others accepts the published sets that are not the subject itself.
func (s *Subject) others(published *calibration.Set) bool {
	return s.repeated == "" || published.Chip != s.repeated
}

// findRepeated returns the chip of a published set of which most rows are those of the subject, to four digits: such
// rows must not vouch for themselves.
func (s *Subject) findRepeated() string {
	for _, p := range s.known.Sets {
		common, same := 0, 0
		for i := range s.Set.Rows {
			for j := range p.Rows {
				if r := &p.Rows[j]; r.Network == s.Set.Rows[i].Network {
					common++
					if math.Abs(r.Log-s.Set.Rows[i].Log) < 1e-3 {
						same++
					}
				}
			}
		}
		if common >= 3 && 2*same > common {
			return p.Chip
		}
	}
	return ""
}

// names of the zoo's networks and of class totals in the tables of groups of runtimes.
var (
	ncnnNames = map[string]string{"squeezenet1_1": "ncnn-squeezenet"}
	tfNames   = map[string]string{"mobilenet_v2": "mobilenet_v2_1.0_224", "resnet50": "tf_resnet50_v15"}
	slimNames = map[string]string{"slim-resnet_v1_50": "resnet50", "slim-resnet_v1_101": "resnet101",
		"slim-resnet_v1_152":    "resnet152",
		"slim-resnet_v2_50_299": "resnet50_299", "slim-resnet_v2_101_299": "resnet101_299",
		"slim-resnet_v2_152_299": "resnet152_299",
		"mobilenet_v1":           "mobilenet_v1_1.0_224"}
)

// tableName returns the name of the table under which a group of runtimes measured a network.
func tableName(name, group string) string {
	if slim, ok := slimNames[name]; ok {
		name = slim
	}
	candidates := []string{name}
	switch group {
	case "ncnn", "vulkan":
		candidates = []string{ncnnNames[name], "ncnn-" + name, name}
	case "tflite", "neon", "opencl":
		candidates = []string{tfNames[name], name}
	}
	for _, c := range candidates {
		if dnns.All()[c] != nil {
			return c
		}
	}
	return name
}

// countsOf returns the counts of a whole network, and the name that its effect goes by: that of the table under which
// the group measured the network or a variant of it.
func countsOf(name, group string, style calibration.Style) (calibration.Counts, string, bool) {
	table := tableName(name, group)
	if slices.Contains(zoo.Names(), name) {
		g, err := zoo.Get(name)
		if err != nil {
			return calibration.Counts{}, name, false
		}
		return calibration.Total(calibration.GraphCounts(g, style)), table, true
	}
	if n := dnns.All()[table]; n != nil {
		return calibration.NetworkCounts(n, style), table, true
	}
	return calibration.Counts{}, name, false
}

// Basis says what the subject's parameters rest on.
func (s *Subject) Basis() string {
	own := fmt.Sprintf("%d measured networks", len(s.Set.Rows))
	if len(s.known.Sets) == 0 {
		return own + ", and the data sheet: no published board was measured with " + s.Runtime
	}
	rows := 0
	chips := map[string]bool{}
	for _, p := range s.known.Sets {
		rows += len(p.Rows)
		chips[p.Chip] = true
	}
	return fmt.Sprintf("%s, and a prior learned from %d published rows (%s) on %d chips", own, rows, s.Set.Group(),
		len(chips))
}

// Parameter is one of the parameters of a subject.
type Parameter struct {
	Name   string  `json:"name"`
	Factor float64 `json:"factor"` // the posterior's median over the prior's
	Spread float64 `json:"spread"` // standard deviation of the logarithm
	Prior  float64 `json:"prior"`  // the same before the rows
}

// Determined reports whether the rows told something of the parameter.
func (p *Parameter) Determined() bool { return p.Spread < .8*p.Prior }

// Parameters returns what the rows told of each parameter.
func (s *Subject) Parameters() []Parameter {
	prior := s.known.Prior(s.Set)
	var out []Parameter
	for t := range calibration.Terms {
		out = append(out, Parameter{Name: t.String(), Factor: math.Exp(s.post.Mean[t] - prior.Mean[t]),
			Spread: math.Sqrt(s.post.Cov.At(int(t), int(t))), Prior: math.Sqrt(prior.Cov.At(int(t), int(t)))})
	}
	return out
}

// leaveOut predicts each measured row from the others.
func (s *Subject) leaveOut() []calibration.Prediction {
	var out []calibration.Prediction
	for i := range s.Set.Rows {
		r := &s.Set.Rows[i]
		var rows []calibration.Row
		for j := range s.Set.Rows {
			if s.Set.Rows[j].Twins != r.Twins {
				rows = append(rows, s.Set.Rows[j])
			}
		}
		post := s.known.Measured(s.Set, rows, s.others)
		out = append(out, s.known.PredictWith(s.Set, r, &post, s.others))
	}
	return out
}
