package results

import (
	"slices"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNarrowTables(t *testing.T) {
	tab := Table{Columns: []string{"platform", "nodes", "boards", "remark"}, Right: []string{"nodes"}, Notes: []string{"A sentence of six words, or seven."}}
	tab.Add("paper-wlan", "5", "tx2, orin, xavier, nano, rpi", "the five boards of the paper")
	tab.Add("emulated-3", "3", "board-1", "")
	require.Equal(t, ` platform    nodes  boards               remark
 paper-wlan      5  tx2, orin, xavier,…  the five boards of…
 emulated-3      3  board-1

A sentence of six words, or seven.

Cut to 60 columns: boards, remark shortened. COLUMNS=0 shows
all.
`, tab.Narrow(60).Text(false))
	require.Equal(t, ` platform    nodes
 paper-wlan      5
 emulated-3      3

A sentence of six words, or
seven.

Cut to 30 columns: without
boards, remark. COLUMNS=0
shows all.
`, tab.Narrow(30).Text(false))
}

// Whatever the table, no line is longer than the width, numbers stay whole and the first column stays.
func TestNarrowTablesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringMatching(`[a-zé…]{1,30}( [a-z]{1,9}){0,5}`)
		tab := Table{}
		for i := range rapid.IntRange(1, 12).Draw(t, "columns") {
			name := strings.Repeat(string(rune('a'+i)), 1+i%7)
			tab.Columns = append(tab.Columns, name)
			if i > 0 && rapid.Bool().Draw(t, "number") {
				tab.Right = append(tab.Right, name)
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			var row []string
			for range tab.Columns {
				row = append(row, words.Draw(t, "cell"))
			}
			tab.Add(row...)
		}
		width := rapid.IntRange(20, 200).Draw(t, "width")
		out := tab.Narrow(width)
		for _, line := range strings.Split(out.Text(false), "\n") {
			require.LessOrEqual(t, text.StringWidth(line), width, line)
		}
		require.Equal(t, tab.Columns[0], out.Columns[0])
		for i, name := range out.Columns {
			for k := range out.Rows {
				if i > 0 && slices.Contains(tab.Right, name) {
					require.Equal(t, tab.Rows[k][i], out.Rows[k][i])
				}
			}
		}
	})
}
