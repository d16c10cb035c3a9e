// Package models finds a network by what a user calls it: a name of the zoo, an ONNX file or a layer table.
package models

import (
	"fmt"
	"path/filepath"
	"strings"

	"hidp/internal/input"
	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/zoo"
)

// Options says what a file leaves open.
type Options struct {
	Inputs map[string][]int // dimensions of ONNX inputs by name, batch included
	Layout onnx.Layout      // of ONNX inputs that are images
}

// Open returns the network called nameOrPath: a path ending in .onnx is an ONNX file, one ending in .toml a layer table, anything
// else a name of the zoo. The graph keeps nameOrPath as its name, so that plans and tables say what the user said.
func Open(nameOrPath string, opt Options) (*workloads.Graph, error) {
	switch {
	case strings.EqualFold(filepath.Ext(nameOrPath), ".onnx"):
		g, _, err := onnx.Load(nameOrPath, onnx.Options{Inputs: opt.Inputs, Layout: opt.Layout})
		if err != nil {
			return nil, err
		}
		return named(g, nameOrPath), nil
	case len(opt.Inputs) > 0 || opt.Layout != onnx.AnyLayout:
		return nil, fmt.Errorf("model %s: input dimensions and a layout can be given for ONNX files only", nameOrPath)
	case strings.EqualFold(filepath.Ext(nameOrPath), ".toml"):
		g, err := openTable(nameOrPath)
		if err != nil {
			return nil, err
		}
		return named(g, nameOrPath), nil
	}
	return zoo.Get(nameOrPath)
}

// named returns g under another name. The fingerprint does not depend on it.
func named(g *workloads.Graph, name string) *workloads.Graph {
	c := *g
	c.Name = name
	return &c
}

func openTable(path string) (*workloads.Graph, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, fmt.Errorf("layer table: %w", err)
	}
	return workloads.ReadTable(path, data)
}
