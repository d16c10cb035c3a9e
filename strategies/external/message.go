package external

import (
	"encoding/json"
	"time"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/plan"
)

// Protocol is the version of the messages. A program of another version is refused.
const Protocol = 1

// hello is the first message, of both sides.
type hello struct {
	Type     string             `json:"type"` // "hello"
	Protocol int                `json:"protocol"`
	Options  strategies.Options `json:"options"`
}

// problem is a request to be planned.
type problem struct {
	Type     string        `json:"type"` // "problem"
	ID       int           `json:"id"`
	Model    Model         `json:"model"`
	Platform platform      `json:"platform"`
	Prices   [][][]float64 `json:"prices"` // seconds of every whole layer of the batch: [node][cluster][layer]
	Leader   string        `json:"leader"`
	Batch    int           `json:"batch"`
	Backlog  [][]float64   `json:"backlog"` // seconds until a cluster is free: [node][cluster]; zeros if the program does not use it
}

// platform is what is believed of nodes and network.
type platform struct {
	Name  string `json:"name"`
	Nodes []node `json:"nodes"`
	Links []link `json:"links"` // a pair of nodes without a link cannot reach one another
	// Resources are what links share: transfers that use one share its rate.
	Resources []resource `json:"resources"`
}

type node struct {
	Name           string       `json:"name"`
	Board          string       `json:"board"`
	Runtime        string       `json:"runtime"`
	MemoryBytes    int64        `json:"memory_bytes"` // for weights and activations
	IdleWatts      float64      `json:"idle_watts"`
	NICWatts       float64      `json:"nic_watts"`
	DefaultCluster string       `json:"default_cluster"`
	Clusters       []cluster    `json:"clusters"`
	Crossings      [][]crossing `json:"crossings"` // hand-overs of tensors: [from][to]
}

type cluster struct {
	Name          string    `json:"name"`
	Kind          string    `json:"kind"`
	Cores         int       `json:"cores"`
	Busies        []int     `json:"busies"`         // the clusters of the node that it keeps busy: itself, or the members of a group
	InvokeSeconds float64   `json:"invoke_seconds"` // per slice
	ActiveWatts   float64   `json:"active_watts"`   // above idle
	Keep          []float64 `json:"keep"`           // share of its speed that it keeps while each cluster of the node is busy too
}

type crossing struct {
	Seconds        float64 `json:"seconds"`
	BytesPerSecond float64 `json:"bytes_per_second"` // 0: nothing is copied
}

// link is a pair of nodes that can reach one another: a lone message takes Seconds plus its bytes over BytesPerSecond.
type link struct {
	From           string  `json:"from"`
	To             string  `json:"to"`
	Seconds        float64 `json:"seconds"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	Uses           []use   `json:"uses"`
}

// use is a resource that a link takes: every byte counts Weight times.
type use struct {
	Resource int     `json:"resource"`
	Weight   float64 `json:"weight"`
}

type resource struct {
	Name           string  `json:"name"`
	BytesPerSecond float64 `json:"bytes_per_second"`
}

// costs answers a program's question what slices cost and need.
type costs struct {
	Type   string      `json:"type"` // "costs"
	ID     int         `json:"id"`
	Slices []sliceCost `json:"slices"`
}

// sliceCost is what a slice costs on its cluster, alone and without hand-overs between clusters, and the tensor parts that it reads.
type sliceCost struct {
	Seconds float64 `json:"seconds"`
	Inputs  []part  `json:"inputs"`
}

type part struct {
	Layer    int    `json:"layer"`
	Rows     [2]int `json:"rows"`
	Samples  [2]int `json:"samples"`
	Channels [2]int `json:"channels"`
	Bytes    int64  `json:"bytes"`
}

// forecast answers what a plan is expected to take.
type forecast struct {
	Type    string  `json:"type"` // "forecast"
	ID      int     `json:"id"`
	Seconds float64 `json:"seconds"`
	Joules  float64 `json:"joules"`
	// Infeasible says why the plan cannot run, which is then not forecast; "" otherwise.
	Infeasible string `json:"infeasible"`
}

// reply is any message of a program: its type decides which fields it has.
type reply struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Protocol    int             `json:"protocol"`
	UsesBacklog bool            `json:"uses_backlog"`
	ID          *int            `json:"id"`
	Plan        json.RawMessage `json:"plan"`
	Placements  []placement     `json:"placements"`
	Warnings    []string        `json:"warnings"`
	Slices      []placement     `json:"slices"`
	Reason      string          `json:"reason"`
}

// placement is a slice on a cluster. Ranges that are left out are full.
type placement struct {
	Node     string  `json:"node"`
	Cluster  string  `json:"cluster"`
	Layers   [2]int  `json:"layers"`
	Rows     *[2]int `json:"rows"`
	Samples  *[2]int `json:"samples"`
	Channels *[2]int `json:"channels"`
	Halo     string  `json:"halo"`
}

// newProblem describes a request under a belief.
func newProblem(id int, r plan.Problem, b *plan.Belief, backlog bool) problem {
	p := b.Platform
	return problem{Type: "problem", ID: id, Model: DescribeModel(r.Graph), Platform: describePlatform(p), Prices: prices(r, b),
		Leader: p.Nodes[r.Leader].Name, Batch: r.Batch, Backlog: queued(b, backlog)}
}

// prices returns the seconds of every whole layer, by node and cluster.
func prices(r plan.Problem, b *plan.Belief) [][][]float64 {
	c, nodes := b.Costs(r.Graph), b.Platform.Nodes
	out := make([][][]float64, len(nodes))
	for j := range nodes {
		for k := range nodes[j].Clusters {
			layers := make([]float64, len(r.Graph.Layers)) // the input costs nothing
			for i := 1; i < len(layers); i++ {
				full := r.Graph.Full(i, r.Batch)
				layers[i] = c.Layer(j, k, i, &full)
			}
			out[j] = append(out[j], layers)
		}
	}
	return out
}

// queued returns the seconds until every cluster is free; zeros if they are not to be known. A group is free when its members are.
func queued(b *plan.Belief, known bool) [][]float64 {
	nodes := b.Platform.Nodes
	out := make([][]float64, len(nodes))
	for j := range nodes {
		out[j] = make([]float64, len(nodes[j].Clusters))
		for k := range out[j] {
			var last time.Duration
			for _, member := range members(&nodes[j].Clusters[k], nodes[j].Physical) {
				if known {
					last = max(last, b.Queued(j, member))
				}
			}
			out[j][k] = last.Seconds()
		}
	}
	return out
}

// members returns the physical clusters that c keeps busy.
func members(c *devices.Cluster, physical int) []int {
	var out []int
	for k := range physical {
		if c.Mask&(1<<k) != 0 {
			out = append(out, k)
		}
	}
	return out
}

func describePlatform(p *devices.Platform) platform {
	out := platform{Name: p.Name, Links: []link{}, Resources: []resource{}}
	for j := range p.Nodes {
		out.Nodes = append(out.Nodes, describeNode(&p.Nodes[j]))
	}
	net := &p.Network
	for _, r := range net.Resources {
		out.Resources = append(out.Resources, resource{r.Name, r.Capacity})
	}
	for u := range p.Nodes {
		for v := range p.Nodes {
			if u == v || !net.Connected(u, v) {
				continue
			}
			fixed := p.Nodes[u].Message + net.Paths[u][v].Latency + p.Nodes[v].Message
			l := link{From: p.Nodes[u].Name, To: p.Nodes[v].Name, Seconds: fixed.Seconds(), BytesPerSecond: net.Goodput(u, v)}
			for _, h := range net.Paths[u][v].Hops {
				l.Uses = append(l.Uses, use{h.Resource, h.Weight})
			}
			out.Links = append(out.Links, l)
		}
	}
	return out
}

func describeNode(n *devices.Node) node {
	out := node{Name: n.Name, Board: n.Board, Runtime: n.Runtime, MemoryBytes: n.Memory, IdleWatts: n.IdlePower, NICWatts: n.NICPower,
		DefaultCluster: n.Clusters[n.DefaultCluster].Name}
	for k := range n.Clusters {
		c := &n.Clusters[k]
		out.Clusters = append(out.Clusters, cluster{Name: c.Name, Kind: c.Kind.String(), Cores: c.Cores, Busies: members(c, n.Physical),
			InvokeSeconds: c.Params.InvokeOverhead, ActiveWatts: c.ActivePower, Keep: n.Keep[k][:n.Physical]})
		var row []crossing
		for _, x := range n.Crossings[k] {
			row = append(row, crossing{x.Sync, x.Bandwidth})
		}
		out.Crossings = append(out.Crossings, row)
	}
	return out
}
