package energy

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// railPattern finds what tegrastats says of power: "VDD_IN 4123mW/4100mW" (JetPack 5 and later) or "POM_5V_IN 4123/4100" (before),
// the present value first, the average since the start second. Memory ("RAM 1923/3964MB") looks alike, but for its unit.
var railPattern = regexp.MustCompile(`\b([A-Z][A-Z0-9_]*) ([0-9]+)(?:mW)?/[0-9]+(?:mW)?(?:\s|$)`)

// ParseTegrastats returns the rails that one line of tegrastats names.
func ParseTegrastats(line []byte) ([]Rail, error) {
	var rails []Rail
	for _, m := range railPattern.FindAllSubmatch(line, -1) {
		mw, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return nil, fmt.Errorf("energy: tegrastats: %q is not a number", m[2])
		}
		rails = append(rails, Rail{string(m[1]), mw / 1e3})
	}
	if len(rails) == 0 {
		return nil, fmt.Errorf("energy: tegrastats: no rail in %.80q", line)
	}
	return rails, nil
}

// Tegrastats reads lines of tegrastats: for boards whose monitors cannot be read directly. Every sample starts the program.
type Tegrastats struct{ run Command }

// NewTegrastats returns a sampler that runs tegrastats.
func NewTegrastats(run Command) (*Tegrastats, error) {
	if run == nil {
		return nil, errNoProgram
	}
	return &Tegrastats{run}, nil
}

// Name implements Sampler.
func (*Tegrastats) Name() string { return "tegrastats" }

// Period implements Sampler.
func (*Tegrastats) Period() time.Duration { return 200 * time.Millisecond }

// Sample implements Sampler. It waits for the first line and then ends the program, which never does by itself.
func (t *Tegrastats) Sample(ctx context.Context) (Reading, error) {
	out, err := t.run(ctx, "sh", "-c", "tegrastats --interval 100 | head -n 1")
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	if err != nil {
		return Reading{}, fmt.Errorf("tegrastats: %w", err)
	}
	if len(line) == 0 {
		return Reading{}, errNoProgram // the shell has said so on stderr
	}
	rails, err := ParseTegrastats(line)
	if err != nil {
		return Reading{}, err
	}
	board := slices.IndexFunc(rails, func(r Rail) bool { return wholeBoard(r.Name) })
	return Reading{Board: total(rails, board), Rails: rails}, nil
}
