package results

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLaTeXEscapes(t *testing.T) {
	table := Table{Columns: []string{"model", "change"}, Right: []string{"change"}, Rows: [][]string{{"resnet_50 & co", "−3 %"}}, Notes: []string{"100 % of $5"}}
	require.Equal(t, `\begin{tabular}{lr}
\toprule
model & change \\
\midrule
resnet\_50 \& co & $-$3 \% \\
\bottomrule
\end{tabular}

100 \% of \$5
`, table.LaTeX())
}
