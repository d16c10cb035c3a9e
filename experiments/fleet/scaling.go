package fleet

import (
	"fmt"
	"strconv"
	"time"

	"hidp/results/plot"
)

// Cost is what the simulation of a fleet of one size took.
type Cost struct {
	Boards, Sites int
	Requests      int64
	Events        uint64
	CPU, Wall     time.Duration
	Memory        int64 // largest resident set of the process, bytes
}

// PerRequest returns the CPU time of a request in seconds.
func (c *Cost) PerRequest() float64 { return c.CPU.Seconds() / float64(max(1, c.Requests)) }

// ScalingTable returns the costs as CSV.
func ScalingTable(costs []Cost) []byte {
	rows := [][]string{{"boards", "sites", "requests", "events", "cpu_s", "wall_s", "cpu_us_per_request", "max_rss_mib"}}
	for i := range costs {
		c := &costs[i]
		rows = append(rows, []string{strconv.Itoa(c.Boards), strconv.Itoa(c.Sites), strconv.FormatInt(c.Requests, 10), strconv.FormatUint(c.Events, 10),
			fmt.Sprintf("%.3f", c.CPU.Seconds()), fmt.Sprintf("%.3f", c.Wall.Seconds()), fmt.Sprintf("%.3f", c.PerRequest()*1e6),
			fmt.Sprintf("%.1f", float64(c.Memory)/(1<<20))})
	}
	return table(rows)
}

// ScalingFigure shows how time and memory grow with the fleet, on logarithmic axes: beside the CPU time a line of what grows as the
// fleet does.
func ScalingFigure(costs []Cost, note string) *plot.Figure {
	cpu, perRequest, memory, linear := plot.Curve{Name: "measured"}, plot.Curve{Name: "measured"}, plot.Curve{Name: "measured"}, plot.Curve{Name: "proportional"}
	last := &costs[len(costs)-1]
	for i := range costs {
		c := &costs[i]
		x := float64(c.Boards)
		for _, curve := range []*plot.Curve{&cpu, &perRequest, &memory, &linear} {
			curve.X = append(curve.X, x)
		}
		cpu.Y = append(cpu.Y, c.CPU.Seconds())
		linear.Y = append(linear.Y, last.CPU.Seconds()*x/float64(last.Boards))
		perRequest.Y = append(perRequest.Y, c.PerRequest()*1e6)
		memory.Y = append(memory.Y, float64(c.Memory)/(1<<20))
	}
	panel := func(unit string, curves ...plot.Curve) plot.Panel {
		return plot.Lines{XLabel: "boards", YLabel: unit, Curves: curves, LogX: true, LogY: true}
	}
	return &plot.Figure{Note: note, Panels: []plot.Panel{panel("CPU time (s)", cpu, linear), panel("CPU time per request (µs)", perRequest),
		panel("memory (MiB)", memory)}}
}
