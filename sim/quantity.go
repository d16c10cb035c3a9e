package sim

import (
	"encoding/json"
	"math"
)

// Quantity is a number that there may be none of: the latency of a run that completed nothing is not zero. None is NaN in
// memory, so that whatever is computed from it is none, too; in JSON it is null.
type Quantity float64

// None returns the Quantity of what was not measured.
func None() Quantity { return Quantity(math.NaN()) }

// Known reports whether there is a number.
func (q Quantity) Known() bool { return !math.IsNaN(float64(q)) }

// MarshalJSON implements json.Marshaler.
func (q Quantity) MarshalJSON() ([]byte, error) {
	if !q.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(q))
}

// UnmarshalJSON implements json.Unmarshaler.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*q = None()
		return nil
	}
	return json.Unmarshal(data, (*float64)(q))
}
