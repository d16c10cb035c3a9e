// Package catalog is the one table of all strategies.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"hidp/internal/suggest"
	"hidp/strategies"
	"hidp/strategies/disnet"
	"hidp/strategies/external"
	"hidp/strategies/hidp"
	"hidp/strategies/modnn"
	"hidp/strategies/omniboost"
	"hidp/strategies/optchain"
	"hidp/strategies/plan"
	"hidp/strategies/single"
)

// Entries returns all strategies in the order in which tables and figures show them: the method under study and its ablations,
// its rivals, the references, the yardstick.
func Entries() []strategies.Entry {
	return slices.Concat(
		[]strategies.Entry{hidp.Entry(), hidp.GlobalEntry(), hidp.LocalEntry()},
		modnn.Entries(), disnet.Entries(), omniboost.Entries(),
		single.Entries(),
		[]strategies.Entry{optchain.Entry()},
	)
}

// Names returns the names of all strategies in the order of Entries.
func Names() []string {
	var names []string
	for _, e := range Entries() {
		names = append(names, e.Name)
	}
	return names
}

// Find returns the entry of the strategy called name, which may be "exec:" and a command (see package external). The error for an
// unknown name suggests the nearest known one.
func Find(name string) (strategies.Entry, error) {
	if strings.HasPrefix(name, external.Prefix) {
		return external.Entry(name), nil
	}
	for _, e := range Entries() {
		if e.Name == name {
			return e, nil
		}
	}
	return strategies.Entry{}, fmt.Errorf("no strategy %q%s; known are %s and exec:COMMAND", name, suggest.Phrase(name, Names()), strings.Join(Names(), ", "))
}

// New makes the strategy called name with the given options. The error is Find's or, for options, a *strategies.OptionError.
func New(name string, opts strategies.Options) (plan.Planner, error) {
	e, err := Find(name)
	if err != nil {
		return nil, err
	}
	return e.New(opts)
}
