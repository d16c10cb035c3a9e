package devices

// scaling is how a power mode differs from the first one for one cluster: factors on rates, bandwidths, overheads and power.
//
// Rates go with clock × cores. Bandwidths go with the memory clock where the file gives it; a GPU's also fall with its own clock,
// since it cannot keep the memory busy: STREAM on an Orin NX gives 92.6, 60 to 65 and 43.8 GB/s at 918, 612 and 408 MHz, on an
// Orin Nano 63.4 and 95 GB/s at 612 and 1020 MHz with memory clocks of 2133 and 3199 MHz (branes-ai/graphs). Overheads go with the inverse clock
// of the fastest CPU cluster, since launching work is the CPU's job: on the Jetson Nano the latency of MobileNet is 4.43 ms +
// 17.28 ms·GHz/f in the GPU clock f, with a constant part that the GPU clock does not touch. Active power goes with
// (0.71 x + 0.29 x³) × cores, x the clock ratio: the split of the same board's GPU sweep, P = 2.76 + 3.49 x + 1.42 x³ W.
// Source of both: emwjacobson/JetsonEfficiencyTesting, Nano data, least squares.
type scaling struct{ compute, bandwidth, overhead, power float64 }

const (
	linearPower = 0.71
	cubicPower  = 0.29
)

// modeIndex returns the index of the mode called name; "" is the first.
func (b *Board) modeIndex(name string) int {
	if name == "" {
		return 0
	}
	for i, m := range b.Modes {
		if m == name {
			return i
		}
	}
	return -1
}

// online reports whether cluster k is on in a mode; a group is if at least two of its members are.
func (b *Board) online(k, mode int) bool {
	c := &b.Clusters[k]
	if c.Members == nil {
		return b.file.Mode[mode].Clocks[c.Name] > 0
	}
	on := 0
	for _, m := range c.Members {
		if b.online(m, mode) {
			on++
		}
	}
	return on > 1
}

// scale returns how cluster k differs in a mode from the first one.
func (b *Board) scale(k, mode int) scaling {
	m, base := &b.file.Mode[mode], &b.file.Mode[0]
	s := scaling{compute: 1, bandwidth: 1, overhead: b.hostClock(0) / b.hostClock(mode), power: 1}
	if m.Memory != nil {
		s.bandwidth = m.Memory.Hertz() / base.Memory.Hertz()
	}
	now, then, power, full := 0.0, 0.0, 0.0, 0.0
	members := b.Clusters[k].Members
	if members == nil {
		members = []int{k}
	}
	for _, j := range members {
		before := base.Clocks[b.Clusters[j].Name].Hertz() * float64(base.cores(b, j))
		after := m.Clocks[b.Clusters[j].Name].Hertz() * float64(m.cores(b, j))
		x := m.Clocks[b.Clusters[j].Name].Hertz() / base.Clocks[b.Clusters[j].Name].Hertz()
		cores := float64(m.cores(b, j)) / float64(base.cores(b, j))
		now, then = now+after, then+before
		power += before * cores * (float64(linearPower*x) + float64(cubicPower*x*x*x))
		full += before
	}
	s.compute, s.power = now/then, power/full
	if b.Clusters[k].Kind == GPU {
		s.bandwidth = min(s.bandwidth, s.compute)
	}
	return s
}

// cores returns the number of cores of cluster k that are on.
func (m *modeFile) cores(b *Board, k int) int {
	if n, ok := m.Cores[b.Clusters[k].Name]; ok {
		return n
	}
	return b.Clusters[k].Cores
}

// hostClock returns the clock of the fastest CPU cluster in a mode, in Hz, or 1 without one.
func (b *Board) hostClock(mode int) float64 {
	best := 0.0
	for _, c := range b.Clusters {
		if c.Kind == CPU && c.Members == nil {
			best = max(best, b.file.Mode[mode].Clocks[c.Name].Hertz())
		}
	}
	if best == 0 {
		return 1
	}
	return best
}

// apply returns the parameters in a mode.
func (s scaling) apply(p Params) Params {
	for i := range p.Rate {
		p.Rate[i] *= s.compute
	}
	p.ActBandwidth *= s.bandwidth
	p.WeightBandwidth *= s.bandwidth
	p.ConvOverhead *= s.overhead
	p.OtherOverhead *= s.overhead
	p.InvokeOverhead *= s.overhead
	return p
}
