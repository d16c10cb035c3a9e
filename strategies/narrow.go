package strategies

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Limits of what a search looks at. The cost of planning grows with a power of both, and beyond them another block or node has
// hardly anything to offer: the longest chain of the zoo has 72 blocks, and a network is seldom worth sharing among ten nodes.
const (
	// MostBlocks is how many blocks a search works on. A longer chain is made coarse (workloads.Graph.Coarse).
	MostBlocks = 128
	// MostNodes is how many nodes a search works on. Of a larger platform the most promising take part (Narrowed).
	MostNodes = 32
)

// SearchBlocks returns the blocks that a search over the chain of g works on, at most most, and the warning that goes with a plan
// if they are not the graph's own, or "".
func SearchBlocks(g *workloads.Graph, most int) ([]workloads.Block, string) {
	blocks := g.Coarse(most)
	if len(blocks) == len(g.Blocks()) {
		return blocks, ""
	}
	return blocks, fmt.Sprintf("coarse plan: neighbours among the %d blocks of %s were merged to %d before the search", len(g.Blocks()), g.Name, len(blocks))
}

// Narrowed returns strategy s as one that plans on at most most nodes of a platform: the leader and those that would have the
// answer of the whole network earliest, if they were given it alone and idle, by the fastest of their clusters. Among equals the
// first nodes of the platform take part. The plan says so in a warning. On platforms of no more nodes it is s.
// The name stands for the strategy in the warning.
func Narrowed(name string, s plan.Planner, most int) plan.Planner {
	return &narrowed{name: name, inner: s, most: most, views: map[viewKey]*view{}}
}

// narrowed implements Loaded.
type narrowed struct {
	name  string
	inner plan.Planner
	most  int
	views map[viewKey]*view // what was worked out for earlier requests and changes no answer
}

// viewKey is what the choice of nodes depends on.
type viewKey struct {
	platform *devices.Platform
	graph    *workloads.Graph
	batch    int
	leader   int
}

// mostViews bounds what is kept: some 100 kB each.
const mostViews = 64

// view is a part of a platform.
type view struct {
	nodes  []int // of the whole platform, ascending
	leader int   // its number among them
	belief *plan.Belief
}

// Inner returns the strategy itself.
func (n *narrowed) Inner() plan.Planner { return n.inner }

// UsesBacklog implements Loaded.
func (n *narrowed) UsesBacklog() bool {
	l, ok := n.inner.(plan.Loaded)
	return ok && l.UsesBacklog()
}

// Plan implements Strategy.
func (n *narrowed) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	all := len(b.Platform.Nodes)
	if all <= n.most {
		return n.inner.Plan(r, b)
	}
	key := viewKey{b.Platform, r.Graph, r.Batch, r.Leader}
	v := n.views[key]
	if v == nil {
		if len(n.views) == mostViews {
			clear(n.views)
		}
		v = newView(r, b, n.most)
		n.views[key] = v
	}
	v.belief.Backlog = nil
	if b.Backlog != nil {
		for _, j := range v.nodes {
			v.belief.Backlog = append(v.belief.Backlog, b.Backlog[j])
		}
	}
	p, err := n.inner.Plan(plan.Problem{Graph: r.Graph, Batch: r.Batch, Leader: v.leader}, v.belief)
	if err != nil {
		return nil, fmt.Errorf("%w (%s looks at the %d most promising of %d nodes)", err, n.name, len(v.nodes), all)
	}
	p.Leader = r.Leader
	for i := range p.Ops {
		op := &p.Ops[i]
		op.Node = v.nodes[op.Node]
		if op.Kind == plan.Send {
			op.To = v.nodes[op.To]
		}
	}
	p.Warnings = append(p.Warnings, fmt.Sprintf("narrow plan: %s looked at the %d most promising of %d nodes", n.name, len(v.nodes), all))
	return p, nil
}

// newView picks the nodes that take part.
func newView(r plan.Problem, b *plan.Belief, most int) *view {
	type ranked struct {
		node int
		time time.Duration
	}
	var others []ranked
	costs := b.Costs(r.Graph)
	out := r.Graph.Output()
	whole := r.Graph.Work(workloads.Slice{From: 1, To: out + 1, Out: r.Graph.Full(out, r.Batch)})
	up, down := r.Graph.Bytes(r.Graph.Tensor(0, r.Batch)), r.Graph.Bytes(r.Graph.Tensor(out, r.Batch))
	for j := range b.Platform.Nodes {
		net := &b.Platform.Network
		if j == r.Leader || !net.Connected(r.Leader, j) || !net.Connected(j, r.Leader) {
			continue
		}
		fastest := costs.Work(j, 0, whole)
		for k := range b.Platform.Nodes[j].Clusters[1:] {
			fastest = min(fastest, costs.Work(j, k+1, whole))
		}
		others = append(others, ranked{j, b.Platform.Transfer(r.Leader, j, up) + fastest + b.Platform.Transfer(j, r.Leader, down)})
	}
	slices.SortStableFunc(others, func(a, b ranked) int { return cmp.Compare(a.time, b.time) })
	v := &view{nodes: []int{r.Leader}}
	for _, x := range others[:min(len(others), most-1)] {
		v.nodes = append(v.nodes, x.node)
	}
	slices.Sort(v.nodes)
	v.leader = slices.Index(v.nodes, r.Leader)
	v.belief = plan.NewBelief(b.Platform.Part(v.nodes))
	return v
}
