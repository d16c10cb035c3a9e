package results

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is a table of texts with a title. Columns whose name is in Right are aligned to the right.
type Table struct {
	Title   string
	Columns []string
	Right   []string
	Rows    [][]string
	Notes   []string // sentences below the table
}

// Add appends a row; it panics if the row does not have a cell for every column.
func (t *Table) Add(cells ...string) {
	if len(cells) != len(t.Columns) {
		panic("results: a row of " + strconv.Itoa(len(cells)) + " cells for the columns " + strings.Join(t.Columns, ", "))
	}
	t.Rows = append(t.Rows, cells)
}

// Text returns the table for a terminal: plainly aligned, or with a coloured header.
func (t *Table) Text(colour bool) string {
	w := t.writer()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Options.DrawBorder, style.Options.SeparateColumns = false, false
	if colour {
		style.Color.Header = text.Colors{text.Bold, text.FgCyan}
	} else {
		style.Options.SeparateHeader = false
	}
	w.SetStyle(style)
	return t.around(trimLines(w.Render()))
}

// Markdown returns the table as Markdown.
func (t *Table) Markdown() string { return t.around(t.writer().RenderMarkdown()) }

// CSV returns columns and rows as comma-separated values, without title and notes.
func (t *Table) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{t.Columns}, t.Rows...)); err != nil {
		panic("results: a buffer refused to be written: " + err.Error())
	}
	return b.Bytes()
}

func (t *Table) around(body string) string {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(t.Title + "\n\n")
	}
	b.WriteString(body + "\n")
	for _, n := range t.Notes {
		b.WriteString("\n" + n + "\n")
	}
	return b.String()
}

func (t *Table) writer() table.Writer {
	w := table.NewWriter()
	var columns []table.ColumnConfig
	for _, name := range t.Right {
		columns = append(columns, table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(columns)
	w.AppendHeader(cells(t.Columns))
	for _, r := range t.Rows {
		w.AppendRow(cells(r))
	}
	return w
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, s := range texts {
		row[i] = s
	}
	return row
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Number writes x for people: four significant digits, never an exponent for everyday sizes.
func Number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case x == 0:
		return "0"
	case math.Abs(x) >= 1e4 && math.Abs(x) < 1e15:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case math.Abs(x) >= 1e-4 && math.Abs(x) < 1e4:
		digits := 3 - int(math.Floor(math.Log10(math.Abs(x))))
		return strconv.FormatFloat(x, 'f', digits, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

// Exact writes x for programs: nine significant digits, the same on every machine; empty for NaN.
func Exact(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 9, 64)
}

// Percent writes a share of one as a percentage with a sign: 0.38 is "+38.0 %".
func Percent(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	s := strconv.FormatFloat(100*share, 'f', 1, 64)
	if s == "-0.0" {
		s = "0.0"
	}
	if s[0] == '-' {
		return "−" + s[1:] + " %"
	}
	return "+" + s + " %"
}
