package slurm_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake is a Slurm of shell scripts: sbatch runs the tasks at once, the other programs answer what the test put into files. Every call
// is written down.
type fake struct {
	t   *testing.T
	dir string
}

const fakeSbatch = `#!/bin/sh
echo "sbatch $*" >> "$FAKE/calls"
[ "$1" = --version ] && exit 0
n=$(ls "$FAKE" | grep -c '^job') ; id=$((100 + n)); : > "$FAKE/job$id"
for arg; do
  case $arg in --array=0-*) last=${arg#--array=0-} ;; --output=*) logs=$(dirname "${arg#--output=}" | sed 's/%%/%/g') ;; esac
done
if [ -e "$FAKE/most" ] && [ "$last" -ge "$(cat "$FAKE/most")" ]; then
  echo 'sbatch: error: AssocMaxSubmitJobLimit' >&2
  echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)" >&2
  exit 1
fi
if e=$(cat "$FAKE/sbatch.err" 2>/dev/null); then echo "$e" >&2; exit 1; fi
if ! [ -e "$FAKE/lazy" ] && [ -n "$last" ]; then
  for i in $(seq 0 "$last"); do
    SLURM_ARRAY_TASK_ID=$i sh "$arg" >> "$logs/${id}_$i.log" 2>&1
  done
fi
[ -e "$FAKE/lazy" ] && for i in $(seq 0 "${last:-0}"); do echo "$id|$i|PENDING|$(echo "$*" | sed 's/.*--job-name=\([^ ]*\) .*/\1/')|Priority" >> "$FAKE/queue"; done
echo "Welcome to the cluster!"
echo "$id"
`

const fakeOther = `#!/bin/sh
name=$(basename "$0")
echo "$name $*" >> "$FAKE/calls"
if e=$(cat "$FAKE/$name.err" 2>/dev/null); then echo "$e" >&2; exit 1; fi
[ "$name" = squeue ] && cat "$FAKE/queue" 2>/dev/null
[ "$name $1" = "scontrol show" ] && [ -e "$FAKE/config" ] && cat "$FAKE/config"
[ "$name $2" = "scontrol show" ] && [ -e "$FAKE/job" ] && cat "$FAKE/job"
[ "$name" = scancel ] && rm -f "$FAKE/queue"
exit 0
`

func newFake(t *testing.T) fake {
	f := fake{t, t.TempDir()}
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sbatch"), []byte(fakeSbatch), 0o755))
	for _, name := range []string{"squeue", "scontrol", "scancel"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(fakeOther), 0o755))
	}
	t.Setenv("FAKE", f.dir)
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv("SQUEUE_STATES", "RUNNING")
	return f
}

// put makes a file that the scripts obey.
func (f fake) put(name, text string) {
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644))
}

func (f fake) remove(name string) { require.NoError(f.t, os.Remove(filepath.Join(f.dir, name))) }

// calls returns the calls whose line begins so.
func (f fake) calls(prefix string) []string {
	data, err := os.ReadFile(filepath.Join(f.dir, "calls"))
	if err != nil {
		return nil
	}
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return out
}

// shardFolder is a sweep folder of n shards for fake tasks: a shard is a file with its number as name.
type shardFolder struct {
	dir string
	n   int
}

func newFolder(t *testing.T, n int) shardFolder {
	f := shardFolder{filepath.Join(t.TempDir(), "it's 100% a sweep"), n}
	require.NoError(t, os.MkdirAll(filepath.Join(f.dir, "shards"), 0o755))
	return f
}

func (f shardFolder) Missing() ([]int, error) {
	var missing []int
	for i := range f.n {
		if _, err := os.Stat(filepath.Join(f.dir, "shards", strconv.Itoa(i))); err != nil {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// shardScript is a command for fake tasks: it makes the shard's file, but for the numbers in the file "bad".
const shardScript = `#!/bin/sh
if grep -qx "$2" "$1/bad" 2>/dev/null; then
  echo "point 7 of shard $2: out of luck"
  [ -e "$1/flaky" ] && : > "$1/bad"
  exit 3
fi
: > "$1/shards/$2"
`

// command writes shardScript into the folder and returns the command that calls it.
func (f shardFolder) command(t *testing.T) []string {
	path := filepath.Join(f.dir, "do shard")
	require.NoError(t, os.WriteFile(path, []byte(shardScript), 0o755))
	return []string{path, f.dir}
}
