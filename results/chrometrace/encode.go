package chrometrace

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"time"
)

// encoder writes events one by one, so that a large trace is never in memory twice. The first write error is kept by the
// buffer and returned by close.
type encoder struct {
	w     *bufio.Writer
	first bool // no event was written yet
	comma bool // the present object has a member
}

func newEncoder(w io.Writer) *encoder {
	e := &encoder{w: bufio.NewWriterSize(w, 1<<16), first: true}
	e.w.WriteString(`{"displayTimeUnit":"ms","traceEvents":[`)
	return e
}

func (e *encoder) close() error {
	e.w.WriteString("\n]}\n")
	return e.w.Flush()
}

// begin opens an event of the given phase.
func (e *encoder) begin(phase string, pid, tid int, at time.Duration) {
	if !e.first {
		e.w.WriteByte(',')
	}
	e.first, e.comma = false, false
	e.w.WriteString("\n{")
	e.text("ph", phase)
	e.integer("pid", int64(pid))
	e.integer("tid", int64(tid))
	e.micros("ts", at)
}

func (e *encoder) end() { e.w.WriteByte('}') }

func (e *encoder) key(name string) {
	if e.comma {
		e.w.WriteByte(',')
	}
	e.comma = true
	e.w.WriteByte('"')
	e.w.WriteString(name)
	e.w.WriteString(`":`)
}

func (e *encoder) text(name, value string) {
	e.key(name)
	quoted, err := json.Marshal(value)
	if err != nil {
		panic("chrometrace: a string that is not JSON: " + err.Error())
	}
	e.w.Write(quoted)
}

func (e *encoder) integer(name string, value int64) {
	e.key(name)
	e.w.Write(strconv.AppendInt(e.w.AvailableBuffer(), value, 10))
}

func (e *encoder) number(name string, value float64) {
	e.key(name)
	e.w.Write(strconv.AppendFloat(e.w.AvailableBuffer(), value, 'g', 9, 64))
}

// micros writes a time in microseconds, exactly.
func (e *encoder) micros(name string, t time.Duration) {
	e.key(name)
	b := strconv.AppendInt(e.w.AvailableBuffer(), int64(t/1000), 10)
	if ns := int64(t % 1000); ns != 0 {
		b = append(b, '.', byte('0'+ns/100), byte('0'+ns/10%10), byte('0'+ns%10))
	}
	e.w.Write(b)
}

func (e *encoder) duration(d time.Duration) { e.micros("dur", d) }

func (e *encoder) openArgs() {
	e.key("args")
	e.w.WriteByte('{')
	e.comma = false
}

func (e *encoder) closeArgs() {
	e.w.WriteByte('}')
	e.comma = true
}

// metadata names a process or a thread.
func (e *encoder) metadata(what string, pid, tid int, name string) {
	e.begin("M", pid, tid, 0)
	e.text("name", what)
	e.openArgs()
	e.text("name", name)
	e.closeArgs()
	e.end()
}

// sortIndex says where a process or a thread stands among the others.
func (e *encoder) sortIndex(what string, pid, tid, index int) {
	e.begin("M", pid, tid, 0)
	e.text("name", what)
	e.openArgs()
	e.integer("sort_index", int64(index))
	e.closeArgs()
	e.end()
}

// arrow writes one end of the arrow of a transfer: phase "s" is its tail, "f" its head.
func (e *encoder) arrow(phase string, id, pid, tid int, at time.Duration) {
	e.begin(phase, pid, tid, at)
	e.integer("id", int64(id))
	e.text("cat", "transfer")
	e.text("name", "transfer")
	if phase == "f" {
		e.text("bp", "e")
	}
	e.end()
}

// async writes one end of a span on the track of a request.
func (e *encoder) async(phase string, pid int, request int64, name string, at time.Duration, failed string) {
	e.begin(phase, pid, 0, at)
	e.text("cat", "request")
	e.key("id2")
	e.w.WriteByte('{')
	e.comma = false
	e.text("local", strconv.FormatInt(request, 10))
	e.w.WriteByte('}')
	e.comma = true
	e.text("name", name)
	if failed != "" {
		e.openArgs()
		e.text("failed", failed)
		e.closeArgs()
	}
	e.end()
}

// counter writes a sample of a counter of a process.
func (e *encoder) counter(name, unit string, pid int, at time.Duration, value float64) {
	e.begin("C", pid, 0, at)
	e.text("name", name)
	e.openArgs()
	e.number(unit, value)
	e.closeArgs()
	e.end()
}
