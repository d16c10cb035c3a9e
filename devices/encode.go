package devices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// ParsePlatformJSON reads what json.Marshal made of a Platform: the resolved numbers, without the boards that they came from, so that
// WithRuntime and WithoutRescale do not work on it. It may come from anybody; the error lists what could not be worked with.
func ParsePlatformJSON(data []byte) (*Platform, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	p := new(Platform)
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("platform: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("platform: something follows its end")
	}
	if err := p.consistent(); err != nil {
		return nil, err
	}
	return p, nil
}

// consistent returns what in a platform contradicts what its users take for granted.
func (p *Platform) consistent() error {
	var errs []error
	faultf := func(format string, args ...any) { errs = append(errs, fmt.Errorf("platform: "+format, args...)) }
	n := len(p.Nodes)
	if n == 0 || p.Leader < 0 || p.Leader >= n {
		faultf("%d nodes, of which number %d leads", n, p.Leader)
	}
	names := map[string]bool{}
	for j := range p.Nodes {
		if names[p.Nodes[j].Name] || p.Nodes[j].Name == "" {
			faultf("node %d: name %q is empty or not the only one", j, p.Nodes[j].Name)
		}
		names[p.Nodes[j].Name] = true
		if why := p.Nodes[j].inconsistent(); why != "" {
			faultf("node %s: %s", p.Nodes[j].Name, why)
		}
	}
	for _, r := range p.Network.Resources {
		if !(r.Capacity > 0) || math.IsInf(r.Capacity, 0) {
			faultf("network: resource %s has a capacity of %v bytes/s", r.Name, r.Capacity)
		}
	}
	if len(p.Network.Paths) != n {
		faultf("network: paths from %d nodes, there are %d", len(p.Network.Paths), n)
	}
	for u, row := range p.Network.Paths {
		if len(row) != n {
			faultf("network: paths from node %d to %d nodes, there are %d", u, len(row), n)
		}
		for _, path := range row {
			if path.Latency < 0 || path.Jitter < 0 {
				faultf("network: a path from node %d has a latency of %v and a jitter of %v", u, path.Latency, path.Jitter)
			}
			for _, h := range path.Hops {
				if h.Resource < 0 || h.Resource >= len(p.Network.Resources) || !(h.Weight > 0) {
					faultf("network: a path from node %d takes resource %d with weight %v; there are %d", u, h.Resource, h.Weight, len(p.Network.Resources))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// inconsistent returns the first thing in a node that its users could not work with, or nothing.
func (n *Node) inconsistent() string {
	k := len(n.Clusters)
	if n.Physical < 1 || n.Physical > k || n.Physical > 32 {
		return fmt.Sprintf("%d of %d clusters are physical; 1 to 32 can be", n.Physical, k)
	}
	if n.DefaultCluster < 0 || n.DefaultCluster >= k || n.CPUCluster < -1 || n.CPUCluster >= k {
		return fmt.Sprintf("default cluster %d and CPU cluster %d of %d", n.DefaultCluster, n.CPUCluster, k)
	}
	for i := range n.Clusters {
		c := &n.Clusters[i]
		if c.Mask == 0 || c.Mask>>n.Physical != 0 || (i < n.Physical && c.Mask != 1<<i) {
			return fmt.Sprintf("cluster %s keeps clusters %b busy, of %d", c.Name, c.Mask, n.Physical)
		}
	}
	if len(n.Crossings) != k || len(n.Keep) != k {
		return fmt.Sprintf("crossings of %d and slow-downs of %d clusters, there are %d", len(n.Crossings), len(n.Keep), k)
	}
	for i := range n.Crossings {
		if len(n.Crossings[i]) != k || len(n.Keep[i]) < n.Physical {
			return fmt.Sprintf("cluster %s has %d crossings and %d slow-downs; there are %d clusters, %d of them physical",
				n.Clusters[i].Name, len(n.Crossings[i]), len(n.Keep[i]), k, n.Physical)
		}
		for _, keep := range n.Keep[i] {
			if !(keep > 0 && keep <= 1) {
				return fmt.Sprintf("cluster %s keeps %v of its speed", n.Clusters[i].Name, keep)
			}
		}
	}
	if n.Memory < 0 || n.Message < 0 {
		return fmt.Sprintf("%d bytes of memory, a message cost of %v", n.Memory, n.Message)
	}
	return ""
}
