package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hidp/results"
	"hidp/strategies/external"
	"hidp/workloads"
	"hidp/workloads/models"
	"hidp/workloads/onnx"
	"hidp/workloads/zoo"
)

func (a *app) modelCommand() *cobra.Command {
	c := &cobra.Command{Use: "model", Short: "list, inspect and export networks", Args: cobra.NoArgs}
	c.AddCommand(a.modelListCommand(), a.modelInspectCommand(), a.modelExportCommand())
	return c
}

// modelInfo is the JSON form of a network.
type modelInfo struct {
	Name   string `json:"name"`
	Input  string `json:"input"`
	Params int64  `json:"params"`
	MACs   int64  `json:"macs"`
	Layers int    `json:"layers"`
	Blocks int    `json:"blocks"`

	Assumptions []string `json:"assumptions"` // what the file leaves open and was decided
}

func describe(g *workloads.Graph) modelInfo {
	return modelInfo{g.Name, g.Layers[0].Out.String(), g.Params(), g.MACs(), len(g.Layers) - 1, len(g.Blocks()), append([]string{}, g.Assumptions...)}
}

// inspected is the JSON form of a network with its layers, edges, classes and dimensions.
type inspected struct {
	modelInfo
	Graph external.Model `json:"graph"`
}

func (a *app) modelListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Short: "the networks of the zoo", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return a.listModels(asJSON)
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func (a *app) listModels(asJSON bool) error {
	var infos []modelInfo
	var rows [][]string
	for _, e := range zoo.Entries() {
		g, err := e.Build()
		if err != nil {
			return err
		}
		m := describe(g)
		infos = append(infos, m)
		rows = append(rows, []string{m.Name, m.Input, strconv.FormatInt(m.Params, 10), fmt.Sprintf("%.2f", float64(m.MACs)/1e9),
			strconv.Itoa(m.Layers), strconv.Itoa(m.Blocks), e.Description})
	}
	if asJSON {
		return printJSON(a.out, infos)
	}
	a.printTable(results.Table{Columns: []string{"model", "input", "parameters", "GMAC", "layers", "blocks", "what"},
		Right: []string{"parameters", "GMAC", "layers", "blocks"}, Rows: rows})
	return nil
}

func (a *app) modelInspectCommand() *cobra.Command {
	var asJSON, layers bool
	var file fileFlags
	c := &cobra.Command{Use: "inspect MODEL|FILE.onnx|TABLE.toml", Short: "what a network consists of", Args: cobra.ExactArgs(1),
		ValidArgs: zoo.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := openModel(args[0], file)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, inspected{describe(g), external.DescribeModel(g)})
			}
			a.printModel(g, layers)
			return nil
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().BoolVar(&layers, "layers", false, "list the layers instead of the blocks")
	file.add(c)
	return c
}

func (a *app) printModel(g *workloads.Graph, layers bool) {
	m := describe(g)
	fmt.Fprintf(a.out, "%s: input %s, %d parameters, %.2f GMAC, %d layers, %d blocks\n\n", m.Name, m.Input, m.Params, float64(m.MACs)/1e9, m.Layers, m.Blocks)
	for _, text := range m.Assumptions {
		fmt.Fprintf(a.out, "assumed: %s\n\n", text)
	}
	var rows [][]string
	if layers {
		for i := range g.Layers {
			l := &g.Layers[i]
			rows = append(rows, []string{strconv.Itoa(i), l.Name, l.Op.String(), l.Class.String(), l.Out.String(), fmt.Sprintf("%.2f", float64(l.MACs)/1e6), strconv.FormatInt(l.Params, 10)})
		}
		a.printTable(results.Table{Columns: []string{"layer", "name", "op", "class", "output", "MMAC", "parameters"},
			Right: []string{"layer", "MMAC", "parameters"}, Rows: rows})
		return
	}
	for i, b := range g.Blocks() {
		var macs, params int64
		for l := b.From; l < b.To; l++ {
			macs += g.Layers[l].MACs
			params += g.Layers[l].Params
		}
		last := &g.Layers[b.To-1]
		rows = append(rows, []string{strconv.Itoa(i), fmt.Sprintf("%d..%d", b.From, b.To-1), last.Name, fmt.Sprintf("%.2f", float64(macs)/1e6),
			strconv.FormatInt(params, 10), last.Out.String(), size(g.Bytes(g.Tensor(b.To-1, 1)))})
	}
	a.printTable(results.Table{Columns: []string{"block", "layers", "last layer", "MMAC", "parameters", "output", "cut"},
		Right: []string{"block", "MMAC", "parameters", "cut"}, Rows: rows})
}

func (a *app) modelExportCommand() *cobra.Command {
	var out string
	var seed uint64
	c := &cobra.Command{Use: "export MODEL -o FILE.onnx", Short: "write a zoo network with seeded weights as ONNX", Args: cobra.ExactArgs(1),
		ValidArgs: zoo.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			g, err := zoo.Get(args[0])
			if err != nil {
				return err
			}
			if err := onnx.ExportContext(c.Context(), g, out, seed); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "wrote %s and its weights (%s) beside it\n", out, size(g.WeightBytes()))
			return nil
		}}
	c.Flags().StringVarP(&out, "output", "o", "", "the file to write (required)")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the weights")
	must(c.MarkFlagRequired("output"))
	return c
}

// fileFlags are what a user says of an ONNX file.
type fileFlags struct {
	inputs []string
	layout string
}

// add adds --input NAME=1x3x320x320, which may be repeated, and --layout.
func (f *fileFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.inputs, "input", nil, "dimensions of an ONNX input that the file leaves open, `NAME=1x3x320x320`")
	c.Flags().StringVar(&f.layout, "layout", "", "which axis of an ONNX file's images is the channels: `nchw|nhwc` (default: as its nodes suggest)")
}

// options reads the flags.
func (f *fileFlags) options() (onnx.Options, error) {
	dims, err := inputDims(f.inputs)
	if err != nil {
		return onnx.Options{}, err
	}
	layout, err := onnx.ParseLayout(f.layout)
	if err != nil {
		return onnx.Options{}, fmt.Errorf("--layout: %w", err)
	}
	return onnx.Options{Inputs: dims, Layout: layout}, nil
}

// openModel finds a network by name or path, with what the flags say of it.
func openModel(name string, f fileFlags) (*workloads.Graph, error) {
	opt, err := f.options()
	if err != nil {
		return nil, err
	}
	return models.Open(name, models.Options{Inputs: opt.Inputs, Layout: opt.Layout})
}

// inputDims reads the values of --input.
func inputDims(inputs []string) (map[string][]int, error) {
	dims := map[string][]int{}
	for _, spec := range inputs {
		input, text, ok := strings.Cut(spec, "=")
		if !ok || input == "" {
			return nil, fmt.Errorf("--input %q: write NAME=1x3x320x320", spec)
		}
		for _, part := range strings.Split(text, "x") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("--input %q: %q is not a positive dimension; write NAME=1x3x320x320", spec, part)
			}
			dims[input] = append(dims[input], n)
		}
	}
	return dims, nil
}

// must is for setting up flags: an error there is a bug of ours.
func must(err error) {
	if err != nil {
		panic("cmd/hidp: " + err.Error())
	}
}
