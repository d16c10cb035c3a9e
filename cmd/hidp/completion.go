package main

import (
	"strings"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/experiments/sweep"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/workloads/zoo"
)

// completeFlags lets the shell complete the values of flags, by the flag's name wherever a command has it. A command that has completed
// a flag itself keeps that.
func completeFlags(c *cobra.Command) {
	for name, f := range completions() {
		if _, done := c.GetFlagCompletionFunc(name); c.Flags().Lookup(name) != nil && !done {
			must(c.RegisterFlagCompletionFunc(name, f))
		}
	}
}

// completions lists what completes the values of flags, by the flag's name.
func completions() map[string]cobra.CompletionFunc {
	return map[string]cobra.CompletionFunc{
		"board":    orFile(devices.BoardNames),
		"engine":   cobra.FixedCompletions([]string{"local", "slurm", "none"}, cobra.ShellCompDirectiveNoFileComp),
		"kind":     cobra.FixedCompletions(sweep.PlotKinds(), cobra.ShellCompDirectiveNoFileComp),
		"leader":   completeLeader,
		"model":    orFile(zoo.Names),
		"models":   orFile(zoo.Names),
		"option":   completeOption,
		"platform": completePlatform,
		"strategy": orFile(catalog.Names),
	}
}

// orFile completes names, or the path of a file.
func orFile(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return beginningWith(typed, names()), cobra.ShellCompDirectiveDefault
	}
}

func beginningWith(typed string, names []string) (out []string) {
	for _, name := range names {
		if strings.HasPrefix(name, typed) {
			out = append(out, name)
		}
	}
	return out
}

// completePlatform completes a platform of the catalogue, a lone board, or a file.
func completePlatform(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	names := devices.PlatformNames()
	for _, board := range devices.BoardNames() {
		names = append(names, "board:"+board)
	}
	return beginningWith(typed, names), cobra.ShellCompDirectiveDefault
}

// completeLeader completes a node of the platform that the command line names.
func completeLeader(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	name, err := c.Flags().GetString("platform")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p, err := devices.Open(name)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return beginningWith(typed, p.NodeNames()), cobra.ShellCompDirectiveNoFileComp
}

// completeOption completes NAME= and then NAME=VALUE of the knobs of the strategy that the command line names.
func completeOption(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	name, err := c.Flags().GetString("strategy")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, e := range catalog.Entries() {
		if e.Name != name {
			continue
		}
		if knob, _, valued := strings.Cut(typed, "="); valued {
			return beginningWith(typed, valuesOf(e, knob)), cobra.ShellCompDirectiveNoFileComp
		}
		var knobs []string
		for _, o := range e.Options {
			knobs = append(knobs, o.Name+"=")
		}
		return beginningWith(typed, knobs), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// valuesOf lists KNOB=VALUE for what a knob may be, or for what it is by default.
func valuesOf(e strategies.Entry, knob string) (out []string) {
	for _, o := range e.Options {
		if o.Name != knob {
			continue
		}
		values := o.Values
		if len(values) == 0 {
			values = []string{o.Default}
		}
		for _, v := range values {
			out = append(out, knob+"="+v)
		}
	}
	return out
}
