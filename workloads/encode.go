package workloads

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// graphFile is a Graph in JSON: what cannot be derived again.
type graphFile struct {
	Name   string
	Layers []Layer
}

// MarshalJSON implements json.Marshaler.
func (g *Graph) MarshalJSON() ([]byte, error) { return json.Marshal(graphFile{g.Name, g.Layers}) }

// ParseGraph reads what Graph.MarshalJSON wrote, and nothing that is not a valid graph: it may come from anybody.
func ParseGraph(data []byte) (*Graph, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var f graphFile
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("graph: something follows its end")
	}
	g := &Graph{Name: f.Name, Layers: f.Layers}
	if err := g.finish(); err != nil {
		return nil, err
	}
	return g, nil
}
