package emulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"hidp/testbed/wire"
)

// Report is the state of a testbed as it is found. Durations are in seconds.
type Report struct {
	Dir      string        `json:"dir"`
	Spec     string        `json:"spec"`
	Platform string        `json:"platform"`
	Net      Net           `json:"net"`
	Phase    Phase         `json:"phase"`
	Healthy  bool          `json:"healthy"` // it is up, and every agent answers
	Need     float64       `json:"need"`    // cores that emulated clusters need at most
	Limit    float64       `json:"limit"`   // cores that they may need
	Cores    [][]int       `json:"cores"`   // logical CPUs of the cores that they compute on
	Priority string        `json:"priority"`
	Roster   string        `json:"roster"` // path of the agents file
	Agents   []AgentReport `json:"agents"`
	Machine  Load          `json:"machine"`
	Warnings []string      `json:"warnings"`
}

// AgentReport is one agent.
type AgentReport struct {
	Node     string  `json:"node"`
	PID      int     `json:"pid"`
	Running  bool    `json:"running"`
	Answers  bool    `json:"answers"`
	Why      string  `json:"why,omitempty"` // it does not run or answer, with the end of its log
	Version  string  `json:"version,omitempty"`
	Engine   string  `json:"engine,omitempty"`
	Holder   string  `json:"holder,omitempty"` // who has a session with it
	CPU      float64 `json:"cpu"`              // processor time since its start
	Busy     float64 `json:"busy"`             // cores that it keeps busy now
	Resident int64   `json:"resident"`         // bytes of memory
}

// Load is what a machine does besides the testbed, watched for a moment.
type Load struct {
	Others float64     `json:"others"` // cores that other processes keep busy
	Stolen float64     `json:"stolen"` // cores that the machine's host gives to other machines
	Top    []OtherLoad `json:"top"`    // the busiest of the others
	Late   float64     `json:"late"`   // how much too late a thread that sleeps until a time is at worst, of 50 times
}

// OtherLoad is a process that is not of the testbed.
type OtherLoad struct {
	PID   int     `json:"pid"`
	Name  string  `json:"name"`
	Cores float64 `json:"cores"`
}

// Bounds of what is watched and of what is worth a warning.
const (
	watched      = 250 * time.Millisecond
	topProcesses = 3
	muchLoad     = 0.25 // cores
	littleLoad   = 0.02
	muchLate     = 2 * time.Millisecond
	sleeps       = 50
)

// Status reports how the testbed in a folder is. It takes a quarter of a second to watch the machine. The error is a
// *NoTestbedError if there is none.
func Status(ctx context.Context, dir string) (*Report, error) {
	s, err := LoadState(dir)
	if err != nil {
		return nil, err
	}
	r := &Report{Dir: s.Dir, Spec: s.Spec, Platform: s.Platform, Net: s.Net, Phase: s.Phase, Healthy: s.Phase == Running, Need: s.Need, Limit: s.Limit,
		Cores: s.Cores, Priority: "not asked for", Roster: s.Roster(), Warnings: []string{}}
	if s.Priority != nil {
		r.Priority = s.Priority.How
	}
	m := watch(ctx)
	for i := range s.Agents {
		a := s.agent(ctx, i, m)
		r.Healthy = r.Healthy && a.Answers
		r.Agents = append(r.Agents, a)
	}
	r.Machine = m.load(s)
	r.warn(s)
	return r, ctx.Err()
}

// agent looks at one agent.
func (s *State) agent(ctx context.Context, i int, m *observation) AgentReport {
	a := &s.Agents[i]
	r := AgentReport{Node: a.Node, PID: a.PID, Running: a.PID > 0 && s.here() && a.Alive()}
	switch {
	case !s.here():
		r.Why = "the machine was started anew"
		return r
	case a.PID == 0:
		r.Why = "was never started"
		return r
	case !r.Running:
		r.Why = "has ended"
		if last := tail(s.Log(a.Node), 1); last != "" {
			r.Why += "; its last words: " + last
		}
		return r
	}
	for p, stat := range m.after { // supervisor and worker
		if p == a.Process || stat.parent == a.PID {
			r.CPU, r.Resident, r.Busy = r.CPU+stat.cpu.Seconds(), r.Resident+stat.resident, r.Busy+m.cores(p)
		}
	}
	d, err := s.ask(ctx, a.Node)
	if err != nil {
		r.Why = fmt.Sprintf("does not answer at %s: %v", s.Socket(a.Node), err)
		return r
	}
	r.Answers, r.Version, r.Engine, r.Holder = true, d.Version, d.Engine, d.Holder
	return r
}

// observation is what all processes did between two moments.
type observation struct {
	before, after map[Process]processStat
	stolen        time.Duration
	took          time.Duration
	late          time.Duration
}

func watch(ctx context.Context) *observation {
	o := &observation{before: everyProcess()}
	start, stolen := time.Now(), stolenTime()
	clock := wire.Monotonic()
	for i := range sleeps {
		due := clock.Now() + watched/sleeps
		if clock.Sleep(ctx, due) != nil {
			break
		}
		if late := clock.Now() - due; i > 0 {
			o.late = max(o.late, late)
		}
	}
	o.after, o.took, o.stolen = everyProcess(), time.Since(start), stolenTime()-stolen
	return o
}

func everyProcess() map[Process]processStat {
	all := map[Process]processStat{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if s, err := readStat(pid); err == nil {
				all[s.Process] = s
			}
		}
	}
	return all
}

// stolenTime returns how long all CPUs waited for their host to let them run (proc(5), /proc/stat).
func stolenTime() time.Duration {
	data, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(data), "\n")
	if f := strings.Fields(first); len(f) > 8 {
		n, _ := strconv.ParseInt(f[8], 10, 64)
		return time.Duration(n) * tick
	}
	return 0
}

// cores returns how many cores a process kept busy.
func (o *observation) cores(p Process) float64 {
	after, ok := o.after[p]
	if !ok {
		return 0
	}
	return float64(after.cpu-o.before[p].cpu) / float64(o.took)
}

// load sums up what is not of the testbed. Processes that came and went meanwhile are missing.
func (o *observation) load(s *State) Load {
	own := s.alive()
	l := Load{Top: []OtherLoad{}, Stolen: float64(o.stolen) / float64(o.took), Late: o.late.Seconds()}
	for p, stat := range o.after {
		busy := o.cores(p)
		if slices.Contains(own, p) || p.PID == os.Getpid() || busy < littleLoad {
			continue
		}
		l.Others += busy
		l.Top = append(l.Top, OtherLoad{PID: p.PID, Name: stat.name, Cores: busy})
	}
	slices.SortFunc(l.Top, func(a, b OtherLoad) int {
		return cmp.Or(cmp.Compare(b.Cores, a.Cores), cmp.Compare(a.PID, b.PID))
	})
	l.Top = l.Top[:min(len(l.Top), topProcesses)]
	return l
}

// warn says what will show in measurements.
func (r *Report) warn(s *State) {
	note := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	for _, a := range r.Agents {
		if !a.Answers {
			note("agent of %s %s", a.Node, a.Why)
		}
	}
	raised := s.Priority != nil && s.Priority.Group != ""
	if raised {
		if _, err := os.Stat(filepath.Join(s.Priority.Group, "cgroup.procs")); errors.Is(err, os.ErrNotExist) {
			raised = false
			note("the control group %s is gone", s.Priority.Group)
		}
	}
	if r.Machine.Others > muchLoad && !raised {
		var names []string
		for _, t := range r.Machine.Top {
			names = append(names, fmt.Sprintf("%s (%d)", t.Name, t.PID))
		}
		note("other processes keep %.1f cores busy and agents are not raised above them: %s", r.Machine.Others, strings.Join(names, ", "))
	}
	if r.Machine.Stolen > muchLoad/2 {
		note("this machine's host takes %.1f cores away from it", r.Machine.Stolen)
	}
	if r.Machine.Late > muchLate.Seconds() {
		note("threads wake up to %.1f ms late", 1e3*r.Machine.Late)
	}
	if s.Phase == Starting && !s.Builder.Alive() {
		note("it was not finished, and whoever made it is gone: hidp testbed down clears it away")
	}
}
