package results

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	gap       = 2  // columns of a terminal between two of a table; one stands before the first
	leastText = 12 // what texts are shortened to before columns are left out, unless the header is longer
)

// Narrow returns the table such that no line of its text is longer than width; 0 is no bound. Texts are shortened first, then columns
// are left out from the right; the first column stays. Numbers are never shortened. A note says what is missing and how to see it.
func (t *Table) Narrow(width int) *Table {
	if width <= 0 {
		return t
	}
	out := *t
	sizes := t.sizes()
	if total(sizes) > width {
		out = *t.cut(sizes, width)
	}
	out.Notes = slices.Clone(out.Notes)
	for i, n := range out.Notes {
		out.Notes[i] = text.WrapSoft(strings.ReplaceAll(n, "\n", " "), width)
	}
	for i, line := range out.Notes {
		out.Notes[i] = trimLines(line)
	}
	return &out
}

// sizes returns the widths of the columns.
func (t *Table) sizes() []int {
	sizes := make([]int, len(t.Columns))
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		for i, cell := range row {
			sizes[i] = max(sizes[i], text.LongestLineLen(cell))
		}
	}
	return sizes
}

// total is the width of a table whose columns have the given widths.
func total(sizes []int) int {
	sum := 1 - gap
	for _, n := range sizes {
		sum += n + gap
	}
	return sum
}

// least returns how narrow column i may become.
func (t *Table) least(i, size int) int {
	if slices.Contains(t.Right, t.Columns[i]) {
		return size
	}
	return min(size, max(leastText, text.StringWidth(t.Columns[i])))
}

// cut returns the table with as many columns as fit once texts are shortened, and with texts no shorter than they need to be.
func (t *Table) cut(sizes []int, width int) *Table {
	least := make([]int, len(sizes))
	for i, n := range sizes {
		least[i] = t.least(i, n)
	}
	kept := len(sizes)
	for kept > 1 && total(least[:kept]) > width {
		kept--
	}
	fitted := slices.Clone(sizes[:kept])
	for total(fitted) > width {
		widest := -1
		for i := range fitted {
			if fitted[i] > least[i] && (widest < 0 || fitted[i] > fitted[widest]) {
				widest = i
			}
		}
		if widest < 0 { // the first column alone is wider than all there is
			fitted[0], widest = max(1, width-1), 0
			break
		}
		fitted[widest]--
	}
	out := &Table{Title: t.Title, Columns: t.Columns[:kept], Right: t.Right, Notes: append(slices.Clone(t.Notes), t.missing(sizes, fitted, width))}
	for _, row := range t.Rows {
		short := slices.Clone(row[:kept])
		for i := range short {
			if text.StringWidth(short[i]) > fitted[i] {
				short[i] = text.Snip(short[i], fitted[i], "…")
			}
		}
		out.Rows = append(out.Rows, short)
	}
	return out
}

// missing says what a table lacks whose columns had and now have the given widths.
func (t *Table) missing(had, have []int, width int) string {
	var parts []string
	if n := len(have); n < len(had) {
		parts = append(parts, "without "+strings.Join(t.Columns[n:], ", "))
	}
	var short []string
	for i := range have {
		if have[i] < had[i] {
			short = append(short, t.Columns[i])
		}
	}
	if len(short) > 0 {
		parts = append(parts, strings.Join(short, ", ")+" shortened")
	}
	return fmt.Sprintf("Cut to %d columns: %s. COLUMNS=0 shows all.", width, strings.Join(parts, "; "))
}
