package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hidp/experiments"
	"hidp/internal/durable"
	"hidp/internal/suggest"
	"hidp/results/plot"
	"hidp/results/timeline"
)

const timelineFlag = "draw the first request that was served: `FILE`.svg, .png or .pdf"

// drawn is a run of which a request is drawn, and what its lanes are called.
type drawn struct {
	name string
	out  *experiments.Outcome
}

// writeTimeline draws the first request that was served in each of the runs, which are on one platform.
func writeTimeline(path string, runs ...drawn) error {
	format := strings.TrimPrefix(filepath.Ext(path), ".")
	if !slices.Contains(plot.Formats(), format) {
		return fmt.Errorf("--timeline %s: the file's name ends in none of %s%s", path, strings.Join(plot.Formats(), ", "), suggest.Phrase(format, plot.Formats()))
	}
	var requests []timeline.Request
	title := runs[0].out.Models[0].Name
	for i, r := range runs {
		tr := r.out.Result.Trace
		k := -1
		for j := range tr.Requests {
			if q := &tr.Requests[j]; q.Failed == "" && (k < 0 || q.ID < tr.Requests[k].ID) {
				k = j
			}
		}
		if k < 0 {
			return fmt.Errorf("--timeline: no request was served under %s", r.name)
		}
		requests = append(requests, timeline.Request{Name: r.name, Trace: tr, ID: tr.Requests[k].ID})
		if model := r.out.Models[tr.Requests[k].Model].Name; i == 0 {
			title = model
		}
	}
	var names []string
	for _, r := range runs {
		names = append(names, r.name)
	}
	p := runs[0].out.Platform
	t, err := timeline.Draw(fmt.Sprintf("%s under %s", title, strings.Join(names, " and ")), p, requests...)
	if err != nil {
		return err
	}
	f := plot.Figure{Panels: []plot.Panel{t}, Height: t.Height(),
		Note: fmt.Sprintf("Platform %s; %s receives the request. The first request that was served. %s", p.Name, p.Nodes[p.Leader].Name, timeline.Note)}
	data, err := f.Render(format)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.Disk{}, path, data)
}
