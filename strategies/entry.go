package strategies

import "hidp/strategies/plan"

// Entry describes a strategy in the catalog: how to make it and what a reader must know to compare it fairly.
type Entry struct {
	Name    string
	Summary string   // one line
	Source  string   // the paper
	Blind   string   // what it does not see
	Options []Option // its knobs
	New     func(Options) (plan.Planner, error)
}

// Option documents one knob of a strategy.
type Option struct {
	Name    string
	Default string
	Values  []string // the allowed words; nil if it is a number
	Doc     string
}
