package deploy

import (
	"path/filepath"
	"strings"

	"hidp/testbed/controller"
)

// Roster returns what the agents file says of agents that were deployed: `hidp replay` finds them by it. Paths in it are absolute, so
// that the file may be put anywhere.
func Roster(hosts *Hosts, list []Installed) (*controller.Roster, error) {
	tls, err := filepath.Abs(hosts.TLS)
	if err != nil {
		return nil, err
	}
	r := &controller.Roster{Platform: hosts.Platform, TLS: tls, Alone: true, Network: controller.Network{Kind: controller.Real}}
	if strings.HasSuffix(r.Platform, ".toml") {
		if r.Platform, err = filepath.Abs(r.Platform); err != nil {
			return nil, err
		}
	}
	clusters := map[string][]controller.Cluster{}
	for _, h := range hosts.Hosts {
		clusters[h.Node] = h.Clusters
	}
	for i := range list {
		b := &list[i].Board
		r.Agents = append(r.Agents, controller.Entry{
			Node: b.Node, Address: join(b.Address, b.port), Data: join(b.Address, b.data), Clusters: clusters[b.Node],
		})
	}
	return r, nil
}
