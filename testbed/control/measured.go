package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"hidp/testbed/agent"
	"hidp/testbed/agent/energy"
	"hidp/testbed/wire"
)

// Measured is what one node measured in a session: the content of its Reports, as JSON.
type Measured struct {
	Report    *agent.Report
	Transport wire.Stats // zero where the node had no transport

	Sampler  string           // what the power was read from; empty: nothing
	Readings []energy.Reading // by the node's clock
	Failure  string           // why the readings may have holes; empty if they have none

	Late time.Duration // the latest that a due request was begun

	// What the system says of the session, as far as it does. Much waiting, throttling or stealing says that the machine was not the
	// agent's alone.
	Resident  int64         // most bytes of memory that the process took; 0 where that is not known
	Processor time.Duration // processor time of the process
	Waited    time.Duration // for which its threads could have run and did not; threads that ended before are left out
	Throttled time.Duration // for which its control group was kept from running
	Stolen    time.Duration // for which the hypervisor ran others on the machine's processors
}

// maxReport is the most bytes of one Report, and maxReports of all of a session.
const (
	maxReport  = 1 << 20
	maxReports = 1 << 30
)

// Pieces returns m as Reports to be sent after each other.
func (m *Measured) Pieces() ([]*Report, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	var out []*Report
	for len(data) > maxReport {
		out = append(out, &Report{Json: data[:maxReport]})
		data = data[maxReport:]
	}
	return append(out, &Report{Json: data, Last: true}), nil
}

// Assembly puts the pieces of a Measured together. The zero value is ready.
type Assembly struct{ data []byte }

// Add takes the next piece and returns the whole with the last one; until then nil.
func (a *Assembly) Add(r *Report) (*Measured, error) {
	if len(a.data)+len(r.Json) > maxReports {
		return nil, fmt.Errorf("control: a report of more than %d bytes", maxReports)
	}
	a.data = append(a.data, r.Json...)
	if !r.Last {
		return nil, nil
	}
	m := &Measured{}
	d := json.NewDecoder(bytes.NewReader(a.data))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("control: report: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("control: report: something follows it")
	}
	if m.Report == nil {
		return nil, errors.New("control: report: there is none in it")
	}
	return m, nil
}
