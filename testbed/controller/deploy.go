package controller

import (
	"context"
	"net"
	"sync"

	"hidp/strategies/plan"
)

// parallel is how many agents are sent files at the same time: each has a weight in memory, of hundreds of megabytes at worst.
const parallel = 3

// cut makes the shares of all nodes that take part.
func (a *Agents) cut(ctx context.Context, job *Job) ([]*share, error) {
	total := int64(0)
	for _, p := range job.Plans {
		for i := range p.Ops {
			if p.Ops[i].Kind == plan.Compute {
				total++
			}
		}
	}
	progress := job.meter(Cutting, total)
	shares := make([]*share, len(a.links))
	for j, in := range job.takesPart(a.roster.platform) {
		if !in {
			continue
		}
		var err error
		if shares[j], err = job.share(ctx, a.roster, j, func() { progress(1) }); err != nil {
			return nil, err
		}
	}
	return shares, nil
}

// fits checks the shares against the memory of the machines. Weights are counted once, tensors with what a plan needs at one time:
// less than an engine takes, so what does not fit here fits nowhere.
func (a *Agents) fits(shares []*share) error {
	errs := make([]error, len(shares))
	here, memory := int64(0), int64(0)
	for j, s := range shares {
		if s == nil {
			continue
		}
		l := a.links[j]
		if have := l.about.Memory; have > 0 && s.need > have {
			errs[j] = &FitError{Node: l.Node, What: "memory", Need: s.need, Have: have}
		}
		if l.here() && l.about.Memory > 0 {
			here, memory = here+s.need, l.about.Memory
		}
		if errs[j] == nil && l.here() && here > memory {
			errs[j] = &FitError{Node: l.Node, What: "memory", Need: here, Have: memory, Why: "together with the other nodes on this machine"}
		}
	}
	return unique(errs)
}

// bring sends what agents lack.
func (a *Agents) bring(ctx context.Context, job *Job, shares []*share) error {
	lacks := make([][]int64, len(shares))
	total := int64(0)
	errs := a.parallel(ctx, shares, func(j int) error {
		s := shares[j]
		s.blobs = distinct(s.blobs)
		var err error
		lacks[j], err = a.links[j].missing(ctx, s.blobs)
		return err
	})
	if err := unique(errs); err != nil {
		return err
	}
	for j := range shares {
		need := int64(0)
		for _, n := range lacks[j] {
			need += n
		}
		if shares[j] != nil && need > a.links[j].about.Free {
			errs[j] = &FitError{Node: a.links[j].Node, What: "disk", Need: need, Have: a.links[j].about.Free}
		}
		total += need
	}
	if err := unique(errs); err != nil {
		return err
	}
	progress := job.meter(Sending, total)
	return unique(a.parallel(ctx, shares, func(j int) error {
		for i, b := range shares[j].blobs {
			if lacks[j][i] == 0 {
				continue
			}
			if err := a.links[j].put(ctx, b, lacks[j][i], a.options.stall(), progress); err != nil {
				return err
			}
		}
		return nil
	}))
}

// parallel does something for every share, a few at a time.
func (a *Agents) parallel(ctx context.Context, shares []*share, do func(j int) error) []error {
	errs := make([]error, len(shares))
	free := make(chan struct{}, parallel)
	var all sync.WaitGroup
	for j, s := range shares {
		if s == nil {
			continue
		}
		all.Go(func() {
			select {
			case free <- struct{}{}:
				defer func() { <-free }()
				errs[j] = do(j)
			case <-ctx.Done():
				errs[j] = context.Cause(ctx)
			}
		})
	}
	all.Wait()
	return errs
}

// meter returns a function that adds to what was done of a phase.
func (job *Job) meter(phase Phase, total int64) func(int64) {
	if job.Progress == nil {
		return func(int64) {}
	}
	var mu sync.Mutex
	done := int64(0)
	job.Progress(Progress{phase, 0, total})
	return func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		done += n
		job.Progress(Progress{phase, done, total})
	}
}

// reachable returns the address that other nodes reach an agent's data port at: one that listens everywhere is reached where the
// controller reaches it.
func (l *link) reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return address
	}
	return net.JoinHostPort(l.host(), port)
}
