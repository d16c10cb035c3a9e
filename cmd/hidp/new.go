package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hidp/strategies/scaffold"
)

func (a *app) newCommand() *cobra.Command {
	c := &cobra.Command{Use: "new", Short: "begin something of your own", Args: cobra.NoArgs}
	var source string
	s := &cobra.Command{Use: "strategy NAME", Short: "a strategy in Go: a template with its conformance test", Args: cobra.ExactArgs(1),
		Long: "Writes a package that compiles, plans and conforms, for you to change, into strategies/ of the source code.\n" +
			"In another language none of this is needed: see --strategy exec:COMMAND in docs/add-a-strategy.md.",
		Example: "  hidp new strategy my-idea",
		RunE:    func(_ *cobra.Command, args []string) error { return a.newStrategy(source, args[0]) }}
	s.Flags().StringVar(&source, "source", ".", "the folder of hidp's source code")
	c.AddCommand(s)
	return c
}

func (a *app) newStrategy(source, name string) error {
	pkg, err := scaffold.Write(source, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, `wrote strategies/%[1]s: the strategy and its conformance test

1. change %[1]s.go, and try it: go test ./strategies/%[1]s
2. list it: add to Entries in strategies/catalog/catalog.go the line
       %[2]s
   and to its imports
       %[3]s
3. build and use it: make build && bin/hidp plan --model resnet18 --strategy %[4]s
`, pkg, scaffold.Line(pkg), scaffold.Import(pkg), name)
	return nil
}
