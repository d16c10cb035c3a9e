package devices

import (
	"fmt"
	"slices"
	"strings"

	"hidp/internal/suggest"
	"hidp/workloads"
)

// Setting is how a board is used as a node.
type Setting struct {
	Name    string // of the node
	Runtime string // "tensorflow/fp32", "ncnn" (whatever precision the board has), or "tensorrt/fp16+ncnn": the first that a cluster has
	Mode    string // power mode; the board's first if empty
	Ignore  bool   // leave the per-model corrections (Cluster.Rescale) out
	WiFi    bool   // the node's traffic goes over Wi-Fi, else over Ethernet
}

// Node resolves the board to a node and a list of what in its numbers nobody measured. The error names an unknown runtime or
// mode and the known ones.
//
// Clusters that are off in the mode or that the runtime does not use are left out. CPU clusters without the runtime (TensorRT
// runs on GPUs only) run ncnn, or else the board's first runtime for them, because planners share work with the CPU whatever the
// GPU runs.
func (b *Board) Node(s Setting) (Node, []string, error) {
	if err := b.checkSetting(s); err != nil {
		return Node{}, nil, err
	}
	r := resolver{board: b, set: s, mode: b.modeIndex(s.Mode)}
	n := r.node()
	r.assumeBoard()
	return n, r.assumptions, nil
}

func (b *Board) checkSetting(s Setting) error {
	if b.modeIndex(s.Mode) < 0 {
		return fmt.Errorf("board %s has no mode %q%s; known are %s", b.Name, s.Mode, suggest.Phrase(s.Mode, b.Modes), strings.Join(b.Modes, ", "))
	}
	r := resolver{board: b, set: s, mode: b.modeIndex(s.Mode)}
	for k := range b.Clusters {
		if _, ok := r.choose(k); ok {
			return nil
		}
	}
	return fmt.Errorf("board %s has no runtime %q%s; known are %s", b.Name, s.Runtime, suggest.Phrase(s.Runtime, b.Runtimes), strings.Join(b.Runtimes, ", "))
}

// resolver turns a board and a setting into a node.
type resolver struct {
	board       *Board
	set         Setting
	mode        int
	assumptions []string
	kept        []int // board cluster of each node cluster
}

// choose returns the parameters that cluster k runs with under the setting's runtime.
func (r *resolver) choose(k int) (*fittedFile, bool) {
	if !r.board.online(k, r.mode) {
		return nil, false
	}
	for _, spec := range strings.Split(r.set.Runtime, "+") {
		if f := r.board.parameters(k, strings.TrimSpace(spec)); f != nil {
			return f, true
		}
	}
	return nil, false
}

// parameters returns those of a runtime on cluster k, nil if there are none. A spec without precision matches the first.
func (b *Board) parameters(k int, spec string) *fittedFile {
	for i := range b.fitted {
		f := &b.fitted[i]
		if f.Cluster == b.Clusters[k].Name && (f.Runtime == spec || strings.HasPrefix(f.Runtime, spec+"/")) && spec != "" {
			return f
		}
	}
	return nil
}

func (r *resolver) node() Node {
	b, f := r.board, &r.board.file
	n := Node{Name: r.set.Name, Board: b.Name, Runtime: r.set.Runtime, Memory: (f.Memory.Capacity.Value - f.Memory.Reserved.Value).Bytes(),
		IdlePower: f.Power.Idle.Value.Watts(), NICPower: f.Power.Ethernet.Value.Watts(), Message: f.Network.Message.Value.Std()}
	if r.set.WiFi {
		n.NICPower = f.Power.WiFi.Value.Watts()
	}
	n.Message = RoundDuration(n.Message.Seconds() * b.hostClock(0) / b.hostClock(r.mode))
	fallback := r.cpuFallback()
	for k := range b.Clusters {
		fit, ok := r.choose(k)
		if !ok && fallback != "" && b.Clusters[k].Kind == CPU && b.online(k, r.mode) {
			fit = b.parameters(k, fallback)
		}
		if fit != nil {
			r.add(&n, k, fit)
		}
	}
	r.defaults(&n)
	r.relate(&n)
	return n
}

// cpuFallback returns the runtime of CPU clusters if the setting's runtime does not run on any of them.
func (r *resolver) cpuFallback() string {
	first := ""
	for k, c := range r.board.Clusters {
		if c.Kind != CPU || !r.board.online(k, r.mode) {
			continue
		}
		if _, ok := r.choose(k); ok {
			return ""
		}
		if first == "" && r.board.parameters(k, "ncnn") != nil {
			first = "ncnn"
		}
	}
	for _, f := range r.board.fitted {
		if k := r.board.cluster(f.Cluster); first == "" && r.board.Clusters[k].Kind == CPU {
			first = f.Runtime
		}
	}
	if first != "" {
		r.assume("%s does not run on CPUs; CPU cores run %s beside it", r.set.Runtime, first)
	}
	return first
}

// add appends cluster k of the board with the parameters of fit.
func (r *resolver) add(n *Node, k int, fit *fittedFile) {
	b := r.board
	c, s := &b.Clusters[k], b.scale(k, r.mode)
	cl := Cluster{Name: c.Name, Kind: c.Kind, Cores: c.Cores, Params: s.apply(fit.params())}
	if c.Members == nil {
		cl.Mask = 1 << n.Physical
		cl.Cores = b.file.Mode[r.mode].cores(b, k)
		n.Physical++
		file := &b.file.Cluster[k]
		cl.Params.Fill = float64(file.Fill.Value)
		cl.ActivePower = file.ActivePower.Value.Watts() * s.power
		r.quantity(file.ActivePower.provenance, "active power of "+c.Name)
		r.quantity(file.Fill.provenance, "small-slice rate of "+c.Name)
	} else {
		group := &b.file.Group[k-len(b.file.Cluster)]
		cl.ActivePower = group.ActivePower.Value.Watts() * s.power
		r.quantity(group.ActivePower.provenance, "active power of "+c.Name)
		cl.Cores = 0
		for i, member := range r.kept {
			if slices.Contains(c.Members, member) {
				cl.Mask |= n.Clusters[i].Mask
				cl.Cores += n.Clusters[i].Cores
				cl.Params.Fill += n.Clusters[i].Params.Fill
			}
		}
	}
	if !r.set.Ignore {
		cl.Rescale = fit.Rescale
	}
	r.quantity(fit.provenance, fit.Runtime+" on "+c.Name)
	n.Clusters = append(n.Clusters, cl)
	r.kept = append(r.kept, k)
}

// params returns the stored parameters; Fill belongs to the cluster.
func (f *fittedFile) params() Params {
	p := Params{ActBandwidth: f.Activations.BytesPerSecond(), WeightBandwidth: f.Weights.BytesPerSecond(),
		ConvOverhead: f.ConvOverhead.Seconds(), OtherOverhead: f.OtherOverhead.Seconds(), InvokeOverhead: f.InvokeOverhead.Seconds()}
	for _, c := range workloads.Classes() {
		p.Rate[c] = f.Rates[c.String()].FLOPsPerSecond()
	}
	return p
}

// defaults finds the cluster of the default framework and the one with all CPU cores. Groups come last, so a later cluster
// with more cores wins.
func (r *resolver) defaults(n *Node) {
	n.CPUCluster, n.DefaultCluster = -1, -1
	for k := range n.Clusters {
		switch c := &n.Clusters[k]; {
		case c.Kind == GPU:
			n.DefaultCluster = k
		case n.CPUCluster < 0 || c.Cores > n.Clusters[n.CPUCluster].Cores:
			n.CPUCluster = k
		}
	}
	switch {
	case n.CPUCluster < 0:
		n.CPUCluster = n.DefaultCluster
	case n.DefaultCluster < 0:
		n.DefaultCluster = n.CPUCluster
	}
}

// relate fills the matrices between clusters.
func (r *resolver) relate(n *Node) {
	b := r.board
	for i, from := range r.kept {
		row, keep := make([]Crossing, len(r.kept)), make([]float64, n.Physical)
		for j, to := range r.kept {
			a, z := &b.Clusters[from], &b.Clusters[to]
			if i == j {
				continue
			}
			c, _ := b.crossing(a.Name, a.Kind.String(), z.Name, z.Kind.String())
			row[j].Sync = c.Sync.Seconds()
			if c.Bandwidth != nil {
				row[j].Bandwidth = c.Bandwidth.BytesPerSecond()
			}
			r.quantity(c.provenance, fmt.Sprintf("hand-over between clusters (%s to %s)", c.From, c.To))
		}
		for j := range keep {
			keep[j] = r.keep(from, r.kept[j])
		}
		n.Crossings, n.Keep = append(n.Crossings, row), append(n.Keep, keep)
	}
}

// keep returns the share of its speed that board cluster k keeps beside physical cluster j: what the file says, else for a
// group the least of its members, else all of it.
func (r *resolver) keep(k, j int) float64 {
	b := r.board
	if k == j || slices.Contains(b.Clusters[k].Members, j) {
		return 1
	}
	for _, c := range b.file.Contention {
		if c.Cluster == b.Clusters[k].Name && c.Beside == b.Clusters[j].Name {
			r.quantity(c.provenance, fmt.Sprintf("contention of %s beside %s", c.Cluster, c.Beside))
			return c.Keeps.Value()
		}
	}
	least := 1.0
	for _, m := range b.Clusters[k].Members {
		least = min(least, r.keep(m, j))
	}
	return least
}

// assumeBoard lists the assumptions behind the node's own numbers.
func (r *resolver) assumeBoard() {
	f := &r.board.file
	r.quantity(f.Power.Idle.provenance, "idle power")
	if r.set.WiFi {
		r.quantity(f.Power.WiFi.provenance, "Wi-Fi power")
	} else {
		r.quantity(f.Power.Ethernet.provenance, "Ethernet power")
	}
	r.quantity(f.Network.Message.provenance, "CPU time of a message")
	r.quantity(f.Memory.Capacity.provenance, "memory capacity")
	r.quantity(f.Memory.Reserved.provenance, "reserved memory")
	if r.mode > 0 {
		r.quantity(f.Mode[r.mode].provenance, "power mode "+r.board.Modes[r.mode])
		r.assume("power mode %s: parameters scaled by clocks, not measured", r.board.Modes[r.mode])
	}
}

func (r *resolver) quantity(v provenance, what string) {
	if v.Assumption != "" {
		r.assume("%s: %s", what, v.Assumption)
	}
}

// assume notes an assumption once.
func (r *resolver) assume(format string, args ...any) {
	s := r.board.Name + ": " + fmt.Sprintf(format, args...)
	if !slices.Contains(r.assumptions, s) {
		r.assumptions = append(r.assumptions, s)
	}
}
