package inference

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program of boards with 64-bit ARM is cross-compiled without cgo; where there is qemu, the tests of this package run in it.
func TestARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("this is arm64")
	}
	if testing.Short() {
		t.Skip("cross-compiles")
	}
	binary := filepath.Join(t.TempDir(), "inference.test")
	build := exec.Command("go", "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Skip("built, but not run: no qemu-aarch64 (Debian, Ubuntu: apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross)")
	}
	const system = "/usr/aarch64-linux-gnu"
	if _, err := os.Stat(system); err != nil {
		t.Skipf("built, but not run: no %s (Debian, Ubuntu: apt-get install libc6-arm64-cross libstdc++6-arm64-cross)", system)
	}
	run := exec.Command(qemu, "-L", system, "-cpu", "cortex-a72", binary, "-test.run", "TestEngines|TestORTOptions", "-test.v")
	run.Env = append(os.Environ(), EnvLibrary+"=")
	out, err = run.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NotContains(t, string(out), "FAIL")
	t.Logf("%s", out)
}
