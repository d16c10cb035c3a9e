package inference

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
)

// The program of boards with 64-bit ARM is cross-compiled without cgo; where there is qemu, the tests of this package run in it.
func TestARM64(t *testing.T) {
	parts.Only(t, "the processor's architecture is to be another than the board's", "amd64")
	parts.Long(t, "cross-compiles")
	binary := filepath.Join(t.TempDir(), "inference.test")
	build := exec.Command("go", "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	qemu := parts.Program(t, parts.QEMU, "qemu-aarch64") // without it the program has been built, at least
	system := parts.File(t, parts.QEMU, "/usr/aarch64-linux-gnu")
	run := exec.Command(qemu, "-L", system, "-cpu", "cortex-a72", binary, "-test.run", "TestEngines|TestORTOptions", "-test.v")
	run.Env = append(os.Environ(), EnvLibrary+"=")
	out, err = run.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NotContains(t, string(out), "FAIL")
	t.Logf("%s", out)
}
