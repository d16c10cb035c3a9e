package boards

import (
	"fmt"
	"slices"
	"strings"

	"hidp/devices"
	"hidp/internal/suggest"
)

// Choose finds the runtime and the cluster that a user means: a runtime may lack its precision, and both may be empty.
// Without a runtime it is the default framework's, else the board's first; without a cluster the one that the default
// framework uses: the GPU if the runtime has it, else all CPU cores.
func Choose(b *devices.Board, runtime, cluster string) (string, string, error) {
	var clusters []string
	for _, c := range b.Clusters {
		clusters = append(clusters, c.Name)
	}
	if cluster != "" && !slices.Contains(clusters, cluster) {
		return "", "", fmt.Errorf("board %s has no cluster %q%s; known are %s", b.Name, cluster, suggest.Phrase(cluster,
			clusters), strings.Join(clusters, ", "))
	}
	on := func(accepts func(runtime, cluster string) bool) [][2]string {
		var out [][2]string
		for _, rc := range b.RuntimesOn() {
			if (cluster == "" || rc[1] == cluster) && accepts(rc[0], rc[1]) {
				out = append(out, rc)
			}
		}
		return out
	}
	found := on(func(r, _ string) bool { return r == runtime || strings.HasPrefix(r, runtime+"/") })
	if runtime == "" {
		if found = on(func(r, _ string) bool { return r == devices.DefaultRuntime }); len(found) == 0 {
			found = on(func(string, string) bool { return true })
		}
	}
	if len(found) == 0 {
		where := ""
		if cluster != "" {
			where = " on " + cluster
		}
		known := slices.Clone(b.Runtimes)
		for _, r := range b.Runtimes {
			bare, _, _ := strings.Cut(r, "/")
			known = append(known, bare)
		}
		return "", "", fmt.Errorf("board %s has no runtime %q%s%s; known are %s", b.Name, runtime, where,
			suggest.Phrase(runtime, known), strings.Join(b.Runtimes, ", "))
	}
	node, _, err := b.Node(devices.Setting{Name: b.Name, Runtime: found[0][0]})
	if err != nil {
		return "", "", err
	}
	usual := node.Clusters[node.DefaultCluster].Name
	for _, f := range found {
		if f[1] == usual && f[0] == found[0][0] {
			return f[0], f[1], nil
		}
	}
	return found[0][0], found[0][1], nil
}
