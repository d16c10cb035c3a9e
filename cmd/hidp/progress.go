package main

import (
	"context"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on a terminal's stderr, and nothing elsewhere.
type progress struct {
	pool *mpb.Progress
	bar  *mpb.Bar
}

// newProgress starts a bar of total steps; total 0 means unknown.
func (a *app) newProgress(what string, total int64) *progress {
	if !terminal(a.err) {
		return &progress{}
	}
	return startProgress(a.err, what, total)
}

func startProgress(w io.Writer, what string, total int64) *progress {
	pool := mpb.NewWithContext(context.Background(), mpb.WithOutput(w), mpb.WithWidth(48), mpb.WithRefreshRate(150*time.Millisecond), mpb.WithAutoRefresh())
	bar := pool.AddBar(total, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(what+" "), decor.CountersNoUnit("%d / %d")),
		mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	return &progress{pool, bar}
}

// set moves the bar to n steps.
func (p *progress) set(n int64) {
	if p.bar != nil {
		p.bar.SetCurrent(n)
	}
}

// total sets the number of steps once it is known.
func (p *progress) total(n int64) {
	if p.bar != nil {
		p.bar.SetTotal(n, false)
	}
}

// done removes the bar.
func (p *progress) done() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.pool.Wait()
	}
}
