package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"hidp/results"
)

// printTable prints t, with colour on a terminal.
func (a *app) printTable(t results.Table) { fmt.Fprint(a.out, t.Text(colour(a.out))) }

// printJSON prints v as one JSON object or array and nothing else.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// millis prints a duration in milliseconds with sensible digits.
func millis(d time.Duration) string {
	ms := float64(d) / 1e6
	switch {
	case ms >= 100:
		return fmt.Sprintf("%.1f ms", ms)
	case ms >= 1:
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.3f ms", ms)
}

// size prints a size in decimal units.
func size(n int64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.2f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
