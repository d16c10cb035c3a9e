package devices

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"hidp/devices/dnns"
	"hidp/internal/strict"
	"hidp/internal/suggest"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

//go:embed networks.toml
var networkFile []byte

// feature is a layer, or several of one class together, as the cost formula sees it.
type feature struct {
	class   workloads.Class
	layers  float64 // overheads to pay
	flops   float64
	act     float64 // bytes of activations
	weights float64 // bytes
}

// network is a measured network as the fit sees it.
type network struct {
	features []feature
	zoo      string // the zoo network that measured/modelled ratios of this one apply to; "" for none
	exact    bool   // it is that network itself
}

// networkTable is an entry of networks.toml.
type networkTable struct {
	Source      string      `toml:"source,required"`
	Like        string      `toml:"like"`
	Conv3x3     *classTable `toml:"conv3x3"`
	ConvKxK     *classTable `toml:"convkxk"`
	Conv1x1     *classTable `toml:"conv1x1"`
	Depthwise   *classTable `toml:"depthwise"`
	Grouped     *classTable `toml:"grouped"`
	FC          *classTable `toml:"fc"`
	Elementwise *classTable `toml:"elementwise"`
}

type classTable struct {
	Layers      int   `toml:"layers,required"`
	MACs        int64 `toml:"macs,required"`
	Params      int64 `toml:"params,required"`
	Activations int64 `toml:"activations,required"` // elements, inputs and outputs
}

// NetworkNames lists the networks that measured rows of a board file may name, sorted.
func NetworkNames() []string { return slices.Clone(networkNames()) }

var networkNames = sync.OnceValue(func() []string { return loadNetworks().names() })

// networks knows the networks that measured rows name: those of the zoo by their layers, others by class totals or by a
// table of package dnns.
type networks struct {
	tables map[string]networkTable
	cache  map[string]*network
}

func loadNetworks() *networks {
	n := &networks{cache: map[string]*network{}}
	if err := strict.Decode("networks.toml", networkFile, &n.tables); err != nil {
		panic(fmt.Sprintf("devices: %v", err))
	}
	return n
}

// get returns the network called name, or an error that suggests the nearest known one.
func (n *networks) get(name string) (*network, error) {
	if found := n.cache[name]; found != nil {
		return found, nil
	}
	var found *network
	t, totals := n.tables[name]
	table := dnns.All()[name]
	switch {
	case totals:
		found = t.network()
	case slices.Contains(zoo.Names(), name):
		g, err := zoo.Get(name)
		if err != nil {
			return nil, err
		}
		found = graphNetwork(g)
	case table != nil:
		found = tableNetwork(table)
	default:
		return nil, fmt.Errorf("no network %q in the zoo, in networks.toml or among the layer tables%s; hidp board show lists the names",
			name, suggest.Phrase(name, n.names()))
	}
	n.cache[name] = found
	return found, nil
}

func (n *networks) names() []string {
	all := slices.Concat(sortedKeys(n.tables), zoo.Names(), dnns.Names())
	slices.Sort(all)
	return slices.Compact(all)
}

// tableNetwork takes the features of a layer table. Elementwise layers compute one operation per element of output.
func tableNetwork(t *dnns.Network) *network {
	n := &network{}
	for i := range t.Layers {
		l := &t.Layers[i]
		f := feature{class: tableClasses[l.Class], layers: 1, flops: 2 * float64(l.MACs), act: 4 * float64(l.Inputs+l.Outputs),
			weights: 4 * float64(l.Weights)}
		if f.class == workloads.ClassElementwise {
			f.flops = float64(l.Outputs)
		}
		n.features = append(n.features, f)
	}
	return n
}

var tableClasses = map[dnns.Class]workloads.Class{dnns.Conv3x3: workloads.ClassConv3x3, dnns.ConvKxK: workloads.ClassConvKxK,
	dnns.Conv1x1: workloads.ClassConv1x1, dnns.Depthwise: workloads.ClassDepthwise, dnns.Grouped: workloads.ClassGrouped,
	dnns.FC: workloads.ClassFC, dnns.Elementwise: workloads.ClassElementwise}

// graphNetwork takes the features of a graph layer by layer, counting as Params.layer does.
func graphNetwork(g *workloads.Graph) *network {
	n := &network{zoo: g.Name, exact: true}
	for i := range g.Layers {
		l := &g.Layers[i]
		if l.Op == workloads.OpInput {
			continue
		}
		n.features = append(n.features, feature{class: l.Class, layers: 1, flops: float64(l.FLOPs),
			act: activationBytes(g, i), weights: float64(l.WeightBytes)})
	}
	return n
}

func (t *networkTable) network() *network {
	n := &network{zoo: t.Like}
	for i, c := range []*classTable{t.Conv3x3, t.ConvKxK, t.Conv1x1, t.Depthwise, t.Grouped, t.FC, t.Elementwise} {
		if c == nil {
			continue
		}
		f := feature{class: workloads.Class(i), layers: float64(c.Layers), flops: 2 * float64(c.MACs),
			act: 4 * float64(c.Activations), weights: 4 * float64(c.Params)}
		if f.class == workloads.ClassElementwise {
			f.flops = float64(c.Activations) / 2
		}
		n.features = append(n.features, f)
	}
	return n
}

// seconds returns the modelled latency of the network under p, without the effect of small slices (a whole network is
// none).
func (n *network) seconds(p *Params) float64 {
	total := p.InvokeOverhead
	for i := range n.features {
		total += n.features[i].seconds(p)
	}
	return total
}

func (f *feature) seconds(p *Params) float64 {
	compute := f.flops / p.Rate[f.class]
	memory := f.act/p.ActBandwidth + f.weights/p.WeightBandwidth
	overhead := p.OtherOverhead
	if f.class <= workloads.ClassGrouped {
		overhead = p.ConvOverhead
	}
	return max(compute, memory) + float64(f.layers*overhead)
}
