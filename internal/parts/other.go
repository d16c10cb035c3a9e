package parts

import (
	"runtime"
	"slices"
	"testing"
)

// Long skips a test under `go test -short`; why says what takes so long.
func Long(t testing.TB, why string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: " + why)
	}
}

// Only skips a test on other systems or processors than those given, which are values of GOOS or GOARCH; why says what they have.
func Only(t testing.TB, why string, on ...string) {
	t.Helper()
	if !slices.Contains(on, runtime.GOOS) && !slices.Contains(on, runtime.GOARCH) {
		t.Skipf("not on %s/%s: %s", runtime.GOOS, runtime.GOARCH, why)
	}
}

// Asked skips a test that changes the repository and runs only when a flag asks for that; what says which flag and what for.
func Asked(t testing.TB, asked bool, what string) {
	t.Helper()
	if !asked {
		t.Skip("only when asked: " + what)
	}
}
