package inference

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
)

// A flipped bit in a copy of the library that the project fetches is found before the library is loaded, wherever the bit is: in
// code, in the build ID, or behind the end.
func TestDamagedLibraryIsRefused(t *testing.T) {
	library := parts.File(t, parts.ONNXRuntime, filepath.Join("..", "..", ".cache", "ort", runtime.GOARCH, LibraryFile))
	data, err := os.ReadFile(library)
	require.NoError(t, err)
	require.NoError(t, checkLibrary(library))
	copied := filepath.Join(t.TempDir(), LibraryFile)
	at := regexp.MustCompile("GNU\x00(?s:.{20})").FindIndex(data)
	require.NotNil(t, at, "no build ID")
	for name, change := range map[string]func([]byte) []byte{
		"code":     func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"build ID": func(b []byte) []byte { b[at[0]+5] ^= 1; return b },
		"last":     func(b []byte) []byte { b[len(b)-1] ^= 128; return b },
		"longer":   func(b []byte) []byte { return append(b, 0) },
		"shorter":  func(b []byte) []byte { return b[:len(b)-1] },
	} {
		require.NoError(t, os.WriteFile(copied, change(append([]byte(nil), data...)), 0o600))
		err := checkLibrary(copied)
		if name == "build ID" || name == "code" || name == "last" || name == "longer" {
			require.ErrorContains(t, err, "it is damaged", name)
			_, err = OpenORT(copied)
			require.ErrorAs(t, err, new(*DamagedError), name)
			continue
		}
		require.Error(t, err, name) // cut files may be no libraries at all
	}
}

// What the script fetches is what the program takes for genuine.
func TestSumsAreThoseOfTheScript(t *testing.T) {
	script, err := os.ReadFile("../../scripts/fetch-ort.sh")
	require.NoError(t, err)
	var sums []string
	for _, m := range regexp.MustCompile(`\becho ([0-9a-f]{64})\b`).FindAllSubmatch(script, -1) {
		sums = append(sums, string(m[1]))
	}
	var known []string
	for _, r := range releases() {
		known = append(known, r.sum)
	}
	require.Equal(t, sums, known)
}
