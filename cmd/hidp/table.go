package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8/cwriter"

	"hidp/results"
)

// printTable prints t, on a terminal with colour and cut to its width.
func (a *app) printTable(t results.Table) {
	fmt.Fprint(a.out, t.Narrow(width(a.out)).Text(colour(a.out)))
}

// width returns how many columns tables may take: what COLUMNS says, else the width of the terminal. It is 0, which is no bound, for files
// and pipes, and where COLUMNS is 0.
func width(out io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 0 {
		return n
	}
	f, ok := out.(*os.File)
	if !ok || !terminal(out) {
		return 0
	}
	columns, _, err := cwriter.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

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

// seconds prints a duration in seconds as millis does, and a dash where there is none.
func seconds(s float64) string {
	if math.IsNaN(s) {
		return "–"
	}
	return millis(time.Duration(s * 1e9))
}

// joules prints an energy, and a dash where there is none.
func joules(e float64) string {
	if math.IsNaN(e) {
		return "–"
	}
	return results.Number(e) + " J"
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

// paragraph prints a text in lines that fit the terminal, indented by first columns and then by rest.
func (a *app) paragraph(text string, first, rest int) {
	most := width(a.out)
	fmt.Fprintf(a.out, "%*s", first, "")
	column := first
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i > 0 && most > 0 && column+1+n > most:
			fmt.Fprintf(a.out, "\n%*s", rest, "")
			column = rest
		case i > 0:
			fmt.Fprint(a.out, " ")
			column++
		}
		fmt.Fprint(a.out, word)
		column += n
	}
	fmt.Fprintln(a.out)
}
