package devices

import (
	"regexp"
	"slices"
	"strings"

	"hidp/internal/strict"
	"hidp/internal/units"
	"hidp/workloads"
)

// runtimeName is NAME/PRECISION.
var runtimeName = regexp.MustCompile(`^[a-z0-9_.-]+/[a-z0-9]+$`)

func (b *Board) checkRuntimes(p *strict.Problems, clusters []string) {
	var declared []string
	for i, r := range b.file.Runtime {
		at := p.Under(strict.Index("runtime", i))
		knownWord(at, "cluster", "cluster", r.Cluster, clusters)
		if !runtimeName.MatchString(r.Name) {
			at.Faultf("name", `is %q; write RUNTIME/PRECISION, e.g. "tensorflow/fp32"`, r.Name)
		}
		key := r.Name + " on " + r.Cluster
		if slices.Contains(declared, key) {
			at.Faultf("name", "%s is declared twice", key)
		}
		declared = append(declared, key)
		if r.Prior != nil {
			checkPrior(at.Under("prior"), r.Prior)
		}
	}
	for i, r := range b.file.Runtime {
		for _, g := range b.file.Group {
			for _, m := range g.Members {
				if r.Cluster == g.Name && slices.Contains(clusters, m) && !slices.Contains(declared, r.Name+" on "+m) {
					p.Faultf(strict.Index("runtime", i), "%s runs on the group %s but is not declared for its member %s", r.Name, g.Name, m)
				}
			}
		}
	}
	b.checkMeasured(p, declared)
	b.checkFitted(p, declared)
}

func checkPrior(p *strict.Problems, prior *priorFile) {
	checkProvenance(p, "", prior.provenance)
	for _, x := range []struct {
		key   string
		value float64
	}{{"rates", prior.Rates}, {"bandwidth", prior.Bandwidth}, {"overhead", prior.Overhead}} {
		positiveFactor(p, x.key, x.value)
	}
	for _, name := range sortedKeys(prior.Classes) {
		checkClass(p, strict.Key("classes", name), name)
		positiveFactor(p, strict.Key("classes", name), prior.Classes[name])
	}
}

func positiveFactor(p *strict.Problems, key string, f float64) {
	if !(f >= 1e-3 && f <= 1e3) {
		p.Faultf(key, "is %v; a factor is 0.001 to 1000", f)
	}
}

func (b *Board) checkMeasured(p *strict.Problems, declared []string) {
	var modes []string
	for _, m := range b.file.Mode {
		modes = append(modes, m.Name)
	}
	for i, m := range b.file.Measurement {
		at := p.Under(strict.Index("measured", i))
		knownWord(at, "runtime", "declared runtime and cluster", m.Runtime+" on "+m.Cluster, declared)
		if m.Mode != "" {
			knownWord(at, "mode", "mode", m.Mode, modes)
		}
		if strings.TrimSpace(m.Source) == "" {
			at.Faultf("source", "is empty; name where the rows were read")
		}
		for k, r := range m.Rows {
			if r.Latency <= 0 {
				at.Faultf(strict.Index("rows", k)+".latency", "is zero; a measured latency is positive")
			}
		}
	}
}

func (b *Board) checkFitted(p *strict.Problems, declared []string) {
	for i, f := range b.file.Fitted {
		at := p.Under(strict.Index("fitted", i))
		knownWord(at, "runtime", "declared runtime and cluster", f.Runtime+" on "+f.Cluster, declared)
		checkProvenance(at, "", f.provenance)
		for _, name := range sortedKeys(f.Rates) {
			checkClass(at, strict.Key("rates", name), name)
		}
		for _, class := range workloads.Classes() {
			if f.Rates[class.String()] < leastRate {
				at.Faultf("rates", `needs a rate of %s of at least 1 MFLOP/s, e.g. %s = "20 GFLOP/s"`, class, class)
			}
		}
		for key, bandwidth := range map[string]units.Bandwidth{"activation_bandwidth": f.Activations, "weight_bandwidth": f.Weights} {
			if bandwidth < leastBandwidth {
				at.Faultf(key, "is %v; a bandwidth is at least 1 kB/s", bandwidth)
			}
		}
		checkShort(at, "conv_overhead", f.ConvOverhead)
		checkShort(at, "other_overhead", f.OtherOverhead)
		checkShort(at, "invoke_overhead", f.InvokeOverhead)
		for _, name := range sortedKeys(f.Rescale) {
			positiveFactor(at, strict.Key("rescale", name), f.Rescale[name])
		}
	}
}

func checkClass(p *strict.Problems, key, name string) {
	var known []string
	for _, c := range workloads.Classes() {
		known = append(known, c.String())
	}
	knownWord(p, key, "cost class", name, known)
}
