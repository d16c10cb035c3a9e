package conformance

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/workloads"
)

// The generators must keep producing every feature that the suite is there for.
func TestGeneratorsCoverTheFeatures(t *testing.T) {
	ops := map[workloads.Op]int{}
	var multi, lone, groups, gpus, media, gaps, tight, tiny int
	for seed := range uint64(400) {
		g := RandomGraph(rand.New(rand.NewPCG(seed, 1)))
		for i := range g.Layers {
			ops[g.Layers[i].Op]++
		}
		if g.Layers[0].Out.H < 5 {
			tiny++
		}
		for _, b := range g.Blocks() {
			if b.To-b.From > 3 {
				multi++
			}
		}
		p := RandomPlatform(rand.New(rand.NewPCG(seed, 2)))
		if len(p.Nodes) == 1 {
			lone++
		}
		for u := range p.Nodes {
			n := &p.Nodes[u]
			if n.Clusters[n.CPUCluster].Group() {
				groups++
			}
			if n.Clusters[n.DefaultCluster].Kind == devices.GPU {
				gpus++
			}
			if n.Memory < 1<<20 {
				tight++
			}
			for v := range p.Nodes {
				if !p.Network.Connected(u, v) {
					gaps++
				}
			}
		}
		if len(p.Network.Resources) == 1 && p.Network.Resources[0].Medium {
			media++
		}
	}
	for _, op := range []workloads.Op{workloads.OpConv, workloads.OpLinear, workloads.OpMaxPool, workloads.OpAvgPool,
		workloads.OpGlobalPool, workloads.OpAdd, workloads.OpMul, workloads.OpConcat, workloads.OpElementwise, workloads.OpSoftmax,
		workloads.OpUpsample} {
		require.Greater(t, ops[op], 30, "%v", op)
	}
	for name, n := range map[string]int{"multi-layer blocks": multi, "lone boards": lone, "groups": groups, "gpus": gpus,
		"media": media, "gaps": gaps, "tight nodes": tight, "tiny inputs": tiny} {
		require.Greater(t, n, 20, name)
	}
}

func TestGeneratorsAreDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		a, b := RandomGraph(rand.New(rand.NewPCG(seed, 1))), RandomGraph(rand.New(rand.NewPCG(seed, 1)))
		require.Equal(t, a.Fingerprint(), b.Fingerprint())
		p, q := RandomPlatform(rand.New(rand.NewPCG(seed, 2))), RandomPlatform(rand.New(rand.NewPCG(seed, 2)))
		require.Equal(t, p, q)
	}
}
