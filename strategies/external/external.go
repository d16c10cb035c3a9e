package external

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"hidp/strategies"
	"hidp/strategies/plan"
)

// Prefix is what the name of a strategy begins with that is a command.
const Prefix = "exec:"

// options are those of every command. All others are the program's own.
var options = []strategies.Option{
	{Name: "timeout", Default: "60", Doc: "seconds of the clock on the wall that the program may take to start, and for a plan"},
	{Name: "memory", Default: "4096", Doc: "MiB that every process of the program may take"},
	{Name: "seed", Default: "1", Doc: "for programs that draw random numbers; told to the program"},
}

// Entry describes the strategy of the given name, "exec:" and a command for the shell. The command is not run before the first plan is
// asked for.
func Entry(name string) strategies.Entry {
	return strategies.Entry{Name: name, Summary: "a program of the user's own", Source: "the user", Blind: "what the program does not look at",
		Options: append([]strategies.Option{}, options...),
		New:     func(given strategies.Options) (plan.Planner, error) { return New(name, given) }}
}

// New makes the strategy of the given name. Options other than those of every command are told to the program, which judges them.
func New(name string, given strategies.Options) (plan.Planner, error) {
	command, ok := strings.CutPrefix(name, Prefix)
	command = strings.TrimSpace(command)
	if !ok || command == "" {
		return nil, fmt.Errorf(`strategy %q: write exec: and a command, as in "exec:python3 my_strategy.py"`, name)
	}
	if strings.ContainsAny(command, "\x00\n") {
		return nil, fmt.Errorf("strategy %q: a command is one line of text", name)
	}
	own, theirs := strategies.Options{}, strategies.Options{}
	for k, v := range given {
		if k == "timeout" || k == "memory" || k == "seed" {
			own[k] = v
		} else {
			theirs[k] = v
		}
	}
	r := strategies.Read(name, options, own)
	const aDay = 86400
	s := &strategy{name: name, command: command, timeout: time.Duration(r.Float("timeout", 0.01, aDay) * 1e9), memory: r.Int("memory", 16, 1<<20)}
	seed := r.Int("seed", 0, 1<<31-1)
	if err := r.Err(); err != nil {
		return nil, err
	}
	s.options = maps.Clone(theirs)
	s.options["seed"] = strconv.Itoa(seed)
	return s, nil
}

// strategy implements plan.Loaded and io.Closer.
type strategy struct {
	name    string
	command string
	options strategies.Options // told to the program
	timeout time.Duration
	memory  int // MiB

	mu    sync.Mutex    // of talk: Close may come from anywhere
	talk  *conversation // nil: there is no process
	early error         // of a start that had nobody to tell it to
}

// UsesBacklog implements plan.Loaded: the program says so in its hello, for which it is started.
func (s *strategy) UsesBacklog() bool {
	c, err := s.conversation()
	if err != nil {
		s.early = err
		return false
	}
	return c.usesBacklog
}

// Plan implements plan.Planner. After an error the program is ended, and a fresh one is started for the next plan.
func (s *strategy) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	if err := s.early; err != nil {
		s.early = nil
		return nil, err
	}
	c, err := s.conversation()
	if err != nil {
		return nil, err
	}
	p, err := c.plan(s.name, r, b)
	if infeasible := (*plan.InfeasibleError)(nil); err != nil && !errors.As(err, &infeasible) {
		c.end(0)
		s.drop(c)
	}
	return p, err
}

// conversation returns the one that is under way, or begins one. Hello is said without the lock, so that Close need not wait for it.
func (s *strategy) conversation() (*conversation, error) {
	c, err := s.process()
	if err != nil || c.greeted {
		return c, err
	}
	if err := c.greet(s.options); err != nil {
		s.drop(c)
		return nil, err
	}
	return c, nil
}

// process returns the conversation with the program that runs, or starts it.
func (s *strategy) process() (*conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.talk == nil {
		p, err := start(s.command, s.memory)
		if err != nil {
			return nil, err
		}
		s.talk = &conversation{process: p, timeout: s.timeout}
	}
	return s.talk, nil
}

// drop forgets a conversation that has ended.
func (s *strategy) drop(c *conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.talk == c {
		s.talk = nil
	}
}

// Close implements io.Closer: it ends the program. A plan that is being made fails. It may be called by any goroutine, and again.
func (s *strategy) Close() error {
	s.mu.Lock()
	c := s.talk
	s.talk = nil
	s.mu.Unlock()
	if c != nil {
		c.end(grace)
	}
	return nil
}
