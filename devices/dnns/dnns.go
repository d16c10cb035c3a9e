// Package dnns holds the layer tables of networks that published measurements name. Most of these networks exist here as
// tables only: a table says what a layer computes and moves, but holds no weights and no edges, so that it can be priced and
// not run.
//
// The tables of ncnn's networks follow from the .param files of Tencent/ncnn (commit a4d2ea1d4) by shape inference. The other
// tables follow the networks' papers. Multiply-accumulates agree with published counts within 0.4 % (googlenet: 5 % less,
// because torchvision computes 3x3 where the paper has 5x5).
package dnns

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

//go:embed layers.csv
var file []byte

// Class is the kind of arithmetic of a layer, as the columns of the table name it.
type Class string

// The classes.
const (
	Conv3x3     Class = "c3" // 3x3 convolution of stride 1
	ConvKxK     Class = "ck" // any other convolution larger than 1x1
	Conv1x1     Class = "c1"
	Depthwise   Class = "dw"
	Grouped     Class = "gr"
	FC          Class = "fc"
	Elementwise Class = "el" // everything that computes next to nothing per element: pooling, concatenation, activation
)

// Layer is a row of a table. Counts are for a batch of one.
type Layer struct {
	Op                                string
	Class                             Class
	InChannels, InRows, InColumns     int
	OutChannels, OutRows, OutColumns  int
	KernelRows, KernelColumns, Stride int
	Groups                            int
	MACs                              int64 // multiply-accumulates
	Weights                           int64 // parameters
	Inputs, Outputs                   int64 // elements read and written
	BatchNorm                         bool  // a batch normalisation follows the layer
	Activation                        string
}

// Network is a table.
type Network struct {
	Name   string
	Layers []Layer
}

// All returns every table by its network's name. The map is shared: callers do not change it.
var All = sync.OnceValue(func() map[string]*Network {
	all, err := read(file)
	if err != nil {
		panic(fmt.Sprintf("dnns: layers.csv: %v", err))
	}
	return all
})

// Names returns the names of all tables in alphabetical order.
func Names() []string {
	var names []string
	for name := range All() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func read(text []byte) (map[string]*Network, error) {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	all := map[string]*Network{}
	for i, row := range rows[1:] {
		l, err := parse(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		n := all[row[0]]
		if n == nil {
			n = &Network{Name: row[0]}
			all[row[0]] = n
		}
		n.Layers = append(n.Layers, l)
	}
	return all, nil
}

func parse(row []string) (Layer, error) {
	var n [14]int64 // columns 3 to 16, which are numbers
	for i := range n {
		v, err := strconv.ParseInt(row[i+3], 10, 64)
		if err != nil {
			return Layer{}, fmt.Errorf("column %d: %q is not a whole number", i+4, row[i+3])
		}
		n[i] = v
	}
	return Layer{
		Op: row[1], Class: Class(row[2]),
		InChannels: int(n[0]), InRows: int(n[1]), InColumns: int(n[2]),
		OutChannels: int(n[3]), OutRows: int(n[4]), OutColumns: int(n[5]),
		KernelRows: int(n[6]), KernelColumns: int(n[7]), Stride: int(n[8]), Groups: int(n[9]),
		MACs: n[10], Weights: n[11], Inputs: n[12], Outputs: n[13],
		BatchNorm: row[17] != "" && row[17] != "0", Activation: row[18],
	}, nil
}

// Rows returns the layer as it is for n rows of its output: arithmetic, inputs and outputs in proportion, rounded up. Halos are
// left out.
func (l *Layer) Rows(n int) Layer {
	part := *l
	scale := func(v int64) int64 { return (v*int64(n) + int64(l.OutRows) - 1) / int64(l.OutRows) }
	part.OutRows, part.MACs, part.Inputs, part.Outputs = n, scale(l.MACs), scale(l.Inputs), scale(l.Outputs)
	return part
}
