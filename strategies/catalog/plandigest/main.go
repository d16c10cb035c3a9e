// Command plandigest prints a digest of the plan file of every strategy of the catalogue for every network of the zoo on every
// stored platform, one a line: strategy, platform, model, SHA-256 of the file. Two revisions whose lines agree make the same plans
// (scripts/compare-plans.sh). The time that planning took goes to standard error, one line a strategy.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"time"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

func main() {
	if err := digest(); err != nil {
		fmt.Fprintln(os.Stderr, "plandigest:", err)
		os.Exit(1)
	}
}

func digest() error {
	var graphs []*workloads.Graph
	for _, name := range zoo.Names() {
		g, err := zoo.Get(name)
		if err != nil {
			return err
		}
		graphs = append(graphs, g)
	}
	var platforms []*devices.Platform
	for _, name := range devices.PlatformNames() {
		p, err := devices.Open(name)
		if err != nil {
			return err
		}
		platforms = append(platforms, p)
	}
	for _, e := range catalog.Entries() {
		start := time.Now()
		for _, p := range platforms {
			for _, g := range graphs {
				line, err := one(e, p, g)
				if err != nil {
					return err
				}
				fmt.Println(line)
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %.1f s\n", e.Name, time.Since(start).Seconds())
	}
	return nil
}

var platformHash = regexp.MustCompile(`(?m)^  "platform_hash": .*\n`)

// one returns the line of one plan. A strategy that finds no plan has its reason digested instead.
func one(e strategies.Entry, platform *devices.Platform, g *workloads.Graph) (string, error) {
	s, err := e.New(nil)
	if err != nil {
		return "", err
	}
	belief := plan.NewBelief(platform)
	var text []byte
	p, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: platform.Leader}, belief)
	if err != nil {
		text = []byte(err.Error())
	} else if text, err = plan.Encode(p, g, platform, plan.Forecast(p, g, belief)); err != nil {
		return "", err
	}
	text = platformHash.ReplaceAll(text, nil) // older revisions did not write the line
	return fmt.Sprintf("%s %s %s %x", e.Name, platform.Name, g.Name, sha256.Sum256(text)), nil
}
