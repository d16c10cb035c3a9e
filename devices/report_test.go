package devices

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// report gathers the errors of the whole catalogue.
func report(t *testing.T) (all []FitRow) {
	t.Helper()
	for _, name := range BoardNames() {
		b, err := LoadBoard(name)
		require.NoError(t, err)
		rows, err := FitReport(b)
		require.NoError(t, err)
		all = append(all, rows...)
	}
	return all
}

func TestFitErrorsAreWithinWhatIsStated(t *testing.T) {
	measured := 0
	for _, r := range report(t) {
		what := r.Board + " " + r.Runtime + " " + r.Cluster
		require.Empty(t, r.Implausible, what)
		if r.Rows == 0 {
			require.NotEmpty(t, r.Assumption, what)
			continue
		}
		measured++
		require.Less(t, r.InSample, 0.3, what)
		require.Less(t, r.LOOMean, 0.55, what)
		require.GreaterOrEqual(t, r.LOOMax, r.LOOMedian, what)
		require.NotEmpty(t, r.Worst, what)
	}
	require.Greater(t, measured, 30)
}

func TestFitTableIsMarkdown(t *testing.T) {
	rows := report(t)
	lines := strings.Split(strings.TrimSpace(FitTable(rows)), "\n")
	require.Len(t, lines, len(rows)+2)
	for _, l := range lines {
		require.Equal(t, 10, strings.Count(l, "|"), l)
	}
}
