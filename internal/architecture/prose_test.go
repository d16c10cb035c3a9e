package architecture

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// longest is how many characters a line of prose may have.
const longest = 120

// longLines returns the numbers of the lines of a page that are too long. Rows of tables cannot be broken, and what stands in a block of
// code is not prose.
func longLines(page string) (lines []int) {
	code := false
	for i, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		}
		if !code && !strings.HasPrefix(line, "|") && utf8.RuneCountInString(line) > longest {
			lines = append(lines, i+1)
		}
	}
	return lines
}

func TestLinesOfPages(t *testing.T) {
	const root = "../.."
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	require.Greater(t, len(pages), 15, "too few pages found: the test would pass vacuously")
	for _, path := range pages {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		long := longLines(string(data))
		require.Empty(t, long, "%s: lines of more than %d characters", name, longest)
	}
}

func TestLongLinesAreFound(t *testing.T) {
	long := strings.Repeat("ä", longest+1)
	require.Equal(t, []int{2, 7}, longLines(strings.Join([]string{long[2:], long, "| " + long, "```", long, "```", long}, "\n")))
}
