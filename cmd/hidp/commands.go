package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hidp/internal/suggest"
)

// finish does what holds for every command alike: flags complete their values, faulty values are explained, and a command that only groups
// others refuses a name that none of them has.
func finish(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return explained(err) })
	everyCommand(root, func(c *cobra.Command) {
		completeFlags(c)
		switch {
		case c.HasParent() && c.HasSubCommands() && !c.Runnable():
			needSubcommand(c)
		case c.Name() == "help":
			c.Run, c.RunE = nil, help
		}
	})
}

// everyCommand calls f for c and for all commands below it.
func everyCommand(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, below := range c.Commands() {
		everyCommand(below, f)
	}
}

// needSubcommand makes a command that groups others refuse a name that none of them has; alone it prints its help.
func needSubcommand(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return unknown(c, args[0])
	}
}

// unknown says that no command below c has the given name.
func unknown(c *cobra.Command, name string) error {
	var names []string
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	return fmt.Errorf("unknown command %q for %q%s; write one of %s", name, c.CommandPath(), suggest.Phrase(name, names), strings.Join(names, ", "))
}

// help prints the help of the command that args name.
func help(c *cobra.Command, args []string) error {
	about, rest, err := c.Root().Find(args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0 && about.HasSubCommands():
		return unknown(about, rest[0])
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

// explained says what would be right in place of a flag's faulty value, instead of what the parser of numbers calls it.
func explained(err error) error {
	text := err.Error()
	var number *strconv.NumError
	if errors.As(err, &number) {
		before, _, _ := strings.Cut(text, ": strconv.")
		switch {
		case errors.Is(err, strconv.ErrRange):
			return fmt.Errorf("%s: the number is too large or too small", before)
		case strings.HasPrefix(number.Func, "ParseU"):
			return fmt.Errorf("%s: write a whole number from 0", before)
		case number.Func == "ParseFloat":
			return fmt.Errorf("%s: write a number", before)
		case number.Func == "ParseBool":
			return fmt.Errorf("%s: write true or false", before)
		}
		return fmt.Errorf("%s: write a whole number", before)
	}
	if before, _, ok := strings.Cut(text, ": time: "); ok {
		return fmt.Errorf(`%s: write a time with its unit, such as 500ms or 2m`, before)
	}
	return err
}
