package parts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// spy notes what becomes of a test. Skip and Fatal end the goroutine in a real one; here they panic with themselves.
type spy struct {
	testing.TB
	skipped, failed string
}

func (s *spy) Helper() {}

func (s *spy) Skip(args ...any) {
	s.skipped = fmt.Sprint(args...)
	panic(s)
}

func (s *spy) Skipf(format string, args ...any) { s.Skip(fmt.Sprintf(format, args...)) }

func (s *spy) Fatal(args ...any) {
	s.failed = fmt.Sprint(args...)
	panic(s)
}

func (s *spy) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

// watch runs f as a test.
func watch(f func(t testing.TB)) (s *spy) {
	s = &spy{}
	defer func() {
		if r := recover(); r != nil && r != any(s) {
			panic(r)
		}
	}()
	f(s)
	return s
}

var errGone = errors.New("gone")

func TestAMissingPartSkipsOrFails(t *testing.T) {
	for _, c := range []struct{ require, skipped, failed string }{
		{"", "slurm is missing: gone: run scripts/slurm-fixture.sh install", ""},
		{"sshd", "slurm is missing: gone: run scripts/slurm-fixture.sh install", ""},
		{"all", "", "REQUIRE names slurm: slurm is missing: gone: run scripts/slurm-fixture.sh install"},
		{"sshd, slurm", "", "REQUIRE names slurm: slurm is missing: gone: run scripts/slurm-fixture.sh install"},
		{"slrum", "", `REQUIRE: no part "slrum"; there are all, gcc, models, mounts, namespaces, onnxruntime, onnxruntime-arm64, perl, protoc, python, ` +
			"qemu, simgrid, slurm, sshd, systemd"},
	} {
		t.Setenv("REQUIRE", c.require)
		s := watch(func(t testing.TB) { Need(t, Slurm, errGone) })
		require.Equal(t, c.skipped, s.skipped, c.require)
		require.Equal(t, c.failed, s.failed, c.require)
		s = watch(func(t testing.TB) { Have(t, Slurm, errGone) })
		require.Empty(t, s.skipped)
		require.Equal(t, c.failed, s.failed, c.require)
	}
}

func TestAPartThatIsThereChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tool")
	require.NoError(t, os.WriteFile(path, nil, 0o755))
	t.Setenv("PATH", "")
	for _, value := range []string{"", "all"} {
		t.Setenv("REQUIRE", value)
		s := watch(func(tb testing.TB) {
			Need(tb, Slurm, nil)
			require.True(t, Have(tb, SSHD, nil))
			require.Equal(t, path, File(tb, Models, path))
			require.Equal(t, path, Program(tb, GCC, "tool", dir+"/none", dir))
		})
		require.Empty(t, s.skipped+s.failed)
	}
	s := watch(func(t testing.TB) { Program(t, GCC, "tool") })
	require.Contains(t, s.failed, "gcc is missing")
	s = watch(func(t testing.TB) { File(t, Models, path+"x") })
	require.Contains(t, s.failed, "models is missing")
}

// REQUIRE is about parts: it does not turn the other reasons into failures.
func TestOtherReasons(t *testing.T) {
	t.Setenv("REQUIRE", "all")
	require.Contains(t, watch(func(t testing.TB) { Only(t, "made up", "plan9-on-a-tube") }).skipped, "made up")
	require.Empty(t, watch(func(t testing.TB) { Only(t, "made up", "x", runtime.GOOS); Only(t, "made up", runtime.GOARCH) }).skipped)
	require.Contains(t, watch(func(t testing.TB) { Asked(t, false, "-measure") }).skipped, "-measure")
	require.Empty(t, watch(func(t testing.TB) { Asked(t, true, "-measure") }).skipped)
}
