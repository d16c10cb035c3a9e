package results

import (
	"slices"
	"strings"
)

// latex escapes what LaTeX would read as a command.
var latex = strings.NewReplacer(`\`, `\textbackslash{}`, "_", `\_`, "%", `\%`, "&", `\&`, "#", `\#`, "$", `\$`, "{", `\{`, "}", `\}`, "~",
	`\textasciitilde{}`, "^", `\textasciicircum{}`, "−", "$-$", "–", "--", "µ", `\textmu{}`)

// LaTeX returns the table as a tabular of the package booktabs. The title is the caption's business; notes follow as a paragraph.
func (t *Table) LaTeX() string {
	var b strings.Builder
	b.WriteString(`\begin{tabular}{`)
	for _, c := range t.Columns {
		if slices.Contains(t.Right, c) {
			b.WriteByte('r')
		} else {
			b.WriteByte('l')
		}
	}
	b.WriteString("}\n\\toprule\n")
	for i, row := range append([][]string{t.Columns}, t.Rows...) {
		for k, cell := range row {
			if k > 0 {
				b.WriteString(" & ")
			}
			b.WriteString(latex.Replace(cell))
		}
		b.WriteString(" \\\\\n")
		if i == 0 {
			b.WriteString("\\midrule\n")
		}
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n")
	for _, n := range t.Notes {
		b.WriteString("\n" + latex.Replace(n) + "\n")
	}
	return b.String()
}
