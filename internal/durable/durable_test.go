package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/durable"
	"hidp/internal/durable/faulty"
)

func read(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// names lists a folder without drafts.
func names(t *testing.T, folder string) (list []string) {
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		if !durable.Unfinished(e.Name()) {
			list = append(list, e.Name())
		}
	}
	return list
}

func TestWhateverFailsTheOldFileOrTheNewOneIsThere(t *testing.T) {
	faulty.Trial{
		Before: func(t *testing.T, root string) { require.NoError(t, os.WriteFile(root+"/f", []byte("old"), 0o640)) },
		Do: func(files durable.Files, root string) error {
			return durable.WriteFile(files, root+"/f", []byte("new one"))
		},
		After: func(t *testing.T, root string, f faulty.Fault, told error) {
			got := read(t, root+"/f")
			if told == nil {
				require.Equal(t, "new one", got, "the writer said that all was well")
			}
			require.Contains(t, []string{"old", "new one"}, got)
			require.Equal(t, []string{"f"}, names(t, root))
			if f.Kind == faulty.Fails || f.Kind == faulty.Full {
				left, err := filepath.Glob(root + "/.*")
				require.NoError(t, err)
				if len(left) > 0 { // only where the removal failed
					require.Error(t, told)
				}
			}
		},
	}.Run(t)
}

func TestSeveralFilesAreWholeEach(t *testing.T) {
	faulty.Trial{
		Do: func(files durable.Files, root string) error {
			return durable.WriteFiles(files, root+"/a/b", []durable.Output{{Name: "x", Data: []byte("one")}, {Name: "y", Data: []byte("two")}})
		},
		After: func(t *testing.T, root string, _ faulty.Fault, told error) {
			for name, want := range map[string]string{"x": "one", "y": "two"} {
				data, err := os.ReadFile(filepath.Join(root, "a", "b", name))
				if told == nil || !errors.Is(err, fs.ErrNotExist) {
					require.NoError(t, err)
					require.Equal(t, want, string(data))
				}
			}
		},
	}.Run(t)
}

func TestPermissionsAndLinksAreKept(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/real/deep", 0o755))
	require.NoError(t, os.WriteFile(dir+"/real/f", []byte("old"), 0o604))
	require.NoError(t, os.Symlink("real/deep", dir+"/folder"))
	require.NoError(t, os.Symlink("folder/../f", dir+"/link")) // real/f, as folder leads to real/deep
	require.NoError(t, os.Symlink(dir+"/link", dir+"/twice"))
	require.NoError(t, os.Symlink("real/later", dir+"/dangling"))
	require.NoError(t, durable.WriteFile(durable.Disk{}, dir+"/twice", []byte("new")))
	require.Equal(t, "new", read(t, dir+"/real/f"))
	info, err := os.Lstat(dir + "/real/f")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o604), info.Mode())
	require.NoError(t, durable.WriteFile(durable.Disk{}, dir+"/dangling", []byte("later")))
	require.Equal(t, "later", read(t, dir+"/real/later"))
	for _, link := range []string{"link", "twice", "dangling", "folder"} {
		info, err := os.Lstat(filepath.Join(dir, link))
		require.NoError(t, err)
		require.NotZero(t, info.Mode()&fs.ModeSymlink, link)
	}
	require.NoError(t, os.Symlink("loop", dir+"/loop"))
	require.ErrorIs(t, durable.WriteFile(durable.Disk{}, dir+"/loop", nil), syscall.ELOOP)
}

func TestWhatIsNoFileIsWrittenInto(t *testing.T) {
	dir := t.TempDir()
	fifo := dir + "/fifo"
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Symlink("fifo", dir+"/link"))
	got := make(chan string)
	go func() {
		f, err := os.Open(fifo)
		if err != nil {
			got <- err.Error()
			return
		}
		data, _ := io.ReadAll(f)
		got <- string(data)
	}()
	require.NoError(t, durable.WriteFile(durable.Disk{}, dir+"/link", []byte("through")))
	require.Equal(t, "through", <-got)
	info, err := os.Lstat(fifo)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeNamedPipe)

	require.NoError(t, durable.WriteFile(durable.Disk{}, "/dev/null", []byte("nothing")))
	info, err = os.Lstat("/dev/null")
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeCharDevice)
	if _, err := os.Stat("/dev/full"); err == nil {
		err := durable.WriteFile(durable.Disk{}, "/dev/full", []byte("x"))
		require.True(t, durable.Full(err), err)
		require.ErrorContains(t, err, "/dev/full")
	}
	out, err := os.Create(dir + "/out")
	require.NoError(t, err)
	defer out.Close()
	_, err = out.WriteString("before\n")
	require.NoError(t, err)
	require.NoError(t, durable.WriteFile(durable.Disk{}, "/proc/self/fd/"+itoa(out.Fd()), []byte("after\n")))
	require.Equal(t, "before\nafter\n", read(t, dir+"/out"), "an open file is added to, not replaced")
}

func itoa(n uintptr) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", dir+"/socket")
	require.NoError(t, err)
	defer l.Close()
	for path, want := range map[string]string{
		dir + "/socket":          "it is a socket",
		dir:                      "it is a folder",
		dir + "/":                "is no name of a file",
		"":                       "is no name of a file",
		dir + "/none/f":          "there is no folder " + dir + "/none; make it first",
		dir + "/none/deeper/../": "is no name of a file",
		dir + "/socket/f":        "not a directory",
	} {
		require.ErrorContains(t, durable.WriteFile(durable.Disk{}, path, []byte("x")), want, path)
	}
	require.Equal(t, []string{"socket"}, names(t, dir))
	require.ErrorContains(t, durable.MakeFolder(durable.Disk{}, dir+"/socket"), "there is a file of that name")
	require.NoError(t, durable.Writable(dir+"/not/yet"))
	require.ErrorContains(t, durable.Writable(dir+"/socket/x"), "is not a folder")
	require.Equal(t, []string{"socket"}, names(t, dir))
}

// A writer that syncs nothing, or not the folder, must fail the trial above, or that shows nothing.
func TestTheFaultyDiskNoticesWhatIsNotSynced(t *testing.T) {
	for name, lazy := range map[string]func(durable.Files) durable.Files{
		"file":   func(f durable.Files) durable.Files { return noFileSync{f} },
		"folder": func(f durable.Files) durable.Files { return noFolderSync{f} },
	} {
		lost := false
		for _, kind := range []faulty.Kind{faulty.Stopped, faulty.NamesOnly} {
			for at := 1; at < 12; at++ {
				root := t.TempDir()
				require.NoError(t, os.WriteFile(root+"/f", []byte("old"), 0o640))
				disk, err := faulty.New(root, faulty.Fault{At: at, Kind: kind})
				require.NoError(t, err)
				told := durable.WriteFile(lazy(disk), root+"/f", []byte("new one"))
				disk.End()
				require.NoError(t, disk.Restart())
				got := read(t, root+"/f")
				lost = lost || told == nil && got != "new one" || got != "old" && got != "new one"
			}
		}
		require.True(t, lost, name)
	}
}

type noFolderSync struct{ durable.Files }

func (noFolderSync) SyncFolder(string) error { return nil }

type noFileSync struct{ durable.Files }

func (n noFileSync) Open(path string, flag int, mode fs.FileMode) (durable.File, error) {
	f, err := n.Files.Open(path, flag, mode)
	return unsynced{f}, err
}

type unsynced struct{ durable.File }

func (unsynced) Sync() error { return nil }
