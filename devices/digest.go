package devices

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// digest returns a hash of what the fit of a runtime on a cluster rests on: the measured rows, the modes that they were measured in,
// and what the fit starts from, be it the data sheet or another fit of the same board with all that rests on. Of a fit of another board
// only the name counts.
func (b *Board) digest(runtime, cluster string) string {
	h := sha256.New()
	b.writeBasis(h, runtime, cluster, nil)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// writeBasis writes what a fit rests on. Above lists the fits that rest on this one, so that a circle ends.
func (b *Board) writeBasis(w io.Writer, runtime, cluster string, above []string) {
	key := runtime + " on " + cluster
	fmt.Fprintf(w, "%q\n", key)
	i := slices.IndexFunc(b.file.Runtime, func(r runtimeFile) bool { return r.Name == runtime && r.Cluster == cluster })
	if i < 0 || slices.Contains(above, key) {
		return
	}
	p := b.file.Runtime[i].Prior
	if p == nil {
		c := &b.Clusters[b.cluster(cluster)]
		fmt.Fprintf(w, "sheet %v %g %g\n", c.Kind, c.Peak, b.file.Memory.Bandwidth.Value.BytesPerSecond())
	} else {
		fmt.Fprintf(w, "prior %q %g %g %g\n", p.Board, p.Rates, p.Bandwidth, p.Overhead)
		for _, class := range sortedKeys(p.Classes) {
			fmt.Fprintf(w, "class %q %g\n", class, p.Classes[class])
		}
		if p.Board == "" || p.Board == b.Name {
			b.writeBasis(w, p.Runtime, p.Cluster, append(above, key))
		} else {
			fmt.Fprintf(w, "%q on %q\n", p.Runtime, p.Cluster)
		}
	}
	b.writeRows(w, runtime, cluster)
}

// writeRows writes the measured rows of a fit.
func (b *Board) writeRows(w io.Writer, runtime, cluster string) {
	for _, m := range b.file.Measurement {
		if m.Runtime != runtime || m.Cluster != cluster {
			continue
		}
		s := b.scale(b.cluster(cluster), b.modeIndex(m.Mode))
		fmt.Fprintf(w, "rows %g %g %g\n", s.compute, s.bandwidth, s.overhead)
		for _, r := range m.Rows {
			fmt.Fprintf(w, "row %q %d %v\n", r.Model, int64(r.Latency), r.Outlier != "")
		}
	}
}

// stale reports whether stored parameters come from other rows than those of the board. Numbers that a person wrote are never stale.
func (b *Board) stale(f *fittedFile) bool {
	if f.From == "" {
		return strings.HasPrefix(f.Source+f.Assumption, "fit of ")
	}
	return f.From != b.digest(f.Runtime, f.Cluster)
}

// Hash identifies what runs of plans on a platform depend on, in 16 hex digits: its nodes and its network, but neither its name nor
// who leads.
func (p *Platform) Hash() string {
	data, err := json.Marshal(struct {
		Nodes   []Node
		Network Network
	}{p.Nodes, p.Network})
	if err != nil {
		panic("devices: a platform that cannot be written down: " + err.Error()) // numbers and texts
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
