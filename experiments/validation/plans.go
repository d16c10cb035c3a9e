package validation

import (
	"errors"
	"fmt"
	"reflect"

	"hidp/devices"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// planned is a cell of the matrix: a model under a method.
type planned struct {
	model      string
	method     Method
	graph      *workloads.Graph
	plan       *plan.Plan // nil if there is none
	infeasible string     // why there is none
	same       int        // the first cell with an equal plan; the cell's own index if it is the first
}

// planAll makes the plans of a matrix in its order, with the platform as what strategies believe in.
func planAll(m *Matrix, p *devices.Platform, load func(string) (*workloads.Graph, error)) ([]planned, error) {
	var cells []planned
	for _, model := range m.Models {
		g, err := load(model)
		if err != nil {
			return nil, err
		}
		for _, method := range m.Methods {
			c := planned{model: model, method: method, graph: g, same: len(cells)}
			if err := c.ask(p); err != nil {
				return nil, err
			}
			for i := range cells {
				if cells[i].graph == g && samePlan(cells[i].plan, c.plan) {
					c.same = cells[i].same
					break
				}
			}
			cells = append(cells, c)
		}
	}
	return cells, nil
}

// ask asks the strategy for its plan and checks it.
func (c *planned) ask(p *devices.Platform) error {
	where := func(err error) error { return fmt.Errorf("%s under %s: %w", c.model, c.method.Label, err) }
	s, err := catalog.New(c.method.Strategy, c.method.Options)
	if err != nil {
		return where(err)
	}
	defer plan.Close(s)
	c.plan, err = s.Plan(plan.Problem{Graph: c.graph, Batch: 1, Leader: p.Leader}, plan.NewBelief(p))
	if infeasible := (*plan.InfeasibleError)(nil); errors.As(err, &infeasible) {
		c.plan, c.infeasible = nil, infeasible.Reason
		return nil
	}
	if err != nil {
		return where(err)
	}
	if err := plan.Validate(c.plan, c.graph, p); err != nil {
		c.plan, c.infeasible = nil, err.Error() // some strategies do not look at memory
	}
	return nil
}

// samePlan reports whether two plans of one network tell the nodes to do the same.
func samePlan(a, b *plan.Plan) bool {
	return a != nil && b != nil && a.Leader == b.Leader && a.Batch == b.Batch && reflect.DeepEqual(a.Ops, b.Ops)
}
