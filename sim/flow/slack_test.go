package flow_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/sim/flow"
)

// backbone is cells of a channel and an uplink each, the paths of which go on over one resource that all share.
func backbone(cells, active int, capacity float64) *workload {
	w := &workload{name: fmt.Sprintf("backbone%g", capacity), active: active, rng: rand.New(rand.NewPCG(3, 4))}
	w.capacities = []float64{capacity}
	for range cells {
		k := int32(len(w.capacities))
		w.capacities = append(w.capacities, 10e6, 2.5e6)
		w.cells = append(w.cells, [][]flow.Hop{over(k), over(k, k+1, 0), over(k, k+1, 0)})
	}
	return w
}

// A relaxed resource that cannot be filled changes nothing: every flow completes at the nanosecond at which it does without it. One
// that is full now and then changes what a tight one does.
func TestRelaxedResources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells, active := rapid.IntRange(1, 6).Draw(t, "cells"), rapid.IntRange(1, 4).Draw(t, "active")
		run := func(w *workload, relax bool, cut bool) (ends []time.Duration) {
			n := flow.New(w.capacities)
			if relax {
				n.Relax(0)
			}
			for i, routes := range w.cells {
				if cut {
					for j := range routes {
						w.cells[i][j] = routes[j][:min(2, len(routes[j]))]
					}
				}
			}
			for i := range active * cells {
				n.Start(0, w.transfer(flow.FlowID(i)))
			}
			for range 100 {
				w.step(n)
				at, _, _ := n.NextCompletion()
				ends = append(ends, at)
			}
			return ends
		}
		require.Equal(t, run(backbone(cells, active, 1e15), false, true), run(backbone(cells, active, 1e15), true, false))
		narrow := rapid.Float64Range(1e6, 20e6).Draw(t, "narrow")
		tight := run(backbone(cells, active, narrow), false, false)
		for i, at := range run(backbone(cells, active, narrow), true, false) {
			require.InDelta(t, tight[i].Seconds(), at.Seconds(), 1e-8)
		}
	})
}

func TestRelaxComesFirst(t *testing.T) {
	n := flow.New([]float64{1, 1})
	n.Start(0, flow.Transfer{Bytes: 1, Path: over(0)})
	require.PanicsWithValue(t, "flow: a resource is relaxed after the first flow has started", func() { n.Relax(1) })
}

// BenchmarkBackbone ends and starts a flow in one of 500 cells that share a backbone: relaxed and never full, part of the sharing
// all the time, and relaxed but full.
func BenchmarkBackbone(b *testing.B) {
	for _, c := range []struct {
		name     string
		capacity float64
		relax    bool
	}{{"slack", 10e9, true}, {"connected", 10e9, false}, {"full", 100e6, true}} {
		b.Run(c.name, func(b *testing.B) {
			w := backbone(500, 1, c.capacity)
			n := flow.New(w.capacities)
			if c.relax {
				n.Relax(0)
			}
			for i := range len(w.cells) {
				n.Start(0, w.transfer(flow.FlowID(i)))
			}
			b.ReportAllocs()
			for b.Loop() {
				w.step(n)
			}
		})
	}
}
