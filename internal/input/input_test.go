package input_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/input"
	"hidp/internal/parts"
)

func written(t *testing.T, data []byte) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func TestFilesUpToTheLimit(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 4095, 4096} {
		data := bytes.Repeat([]byte("x"), size)
		got, err := input.Read(written(t, data), 4096)
		require.NoError(t, err)
		require.Equal(t, string(data), string(got))
	}
	_, err := input.Read(written(t, make([]byte, 4097)), 4096)
	require.ErrorContains(t, err, "is larger than 4 KiB, the most that is read of such a file")
	var path *fs.PathError
	require.ErrorAs(t, err, &path)
	_, _, err = input.Regular(written(t, make([]byte, 4097)), 4096)
	require.ErrorContains(t, err, "is larger than 4 KiB")
	f, size, err := input.Regular(written(t, make([]byte, 4096)), 4096)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.EqualValues(t, 4096, size)
}

// A file of /proc says that it holds nothing.
func TestFilesWithoutASize(t *testing.T) {
	parts.Only(t, "/proc is Linux's", "linux")
	want, err := os.ReadFile("/proc/self/cmdline")
	require.NoError(t, err)
	got, err := input.Read("/proc/self/cmdline", 1<<20)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	_, err := input.Read(t.TempDir(), input.Config)
	require.ErrorIs(t, err, input.ErrFolder)
	for _, device := range []string{"/dev/zero", "/dev/null", "/dev/urandom"} {
		_, err := input.Read(device, input.Config)
		require.ErrorIs(t, err, input.ErrDevice, device)
		_, _, err = input.Regular(device, input.Model)
		require.ErrorIs(t, err, input.ErrDevice, device)
	}
	_, err = input.Read(filepath.Join(t.TempDir(), "none"), input.Config)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "open ")
	require.EqualError(t, input.Reason(err), "no such file or directory")
}

// fed returns a FIFO into which write writes.
func fed(t *testing.T, write func(w io.Writer) error) string {
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	done := make(chan error, 1)
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			err = errors.Join(write(w), w.Close())
		}
		done <- err
	}()
	t.Cleanup(func() {
		if err := <-done; !errors.Is(err, syscall.EPIPE) {
			require.NoError(t, err)
		}
	})
	return path
}

func TestPipes(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 30_000)
	got, err := input.Read(fed(t, func(w io.Writer) error { _, err := w.Write(data); return err }), 1<<20)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

// A pipe that never ends costs its limit and no more.
func TestPipesWithoutEnd(t *testing.T) {
	endless := func(w io.Writer) error {
		for block := make([]byte, 1<<16); ; {
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := input.Read(fed(t, endless), 1<<20)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "is larger than 1 MiB")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

func TestPipesAreNoRegularFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, _, err := input.Regular(path, input.Model) // returns although nobody writes
	require.ErrorIs(t, err, input.ErrPipe)
}
