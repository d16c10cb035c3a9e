package slurm

import (
	"fmt"
	"strings"
)

// quote makes a word of the shell from any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// arrayScript is the batch script of an array: the task's line of the list names its shards; a shard that fails does not keep the
// others from running.
func arrayScript(o Options, stem string) string {
	return fmt.Sprintf(`#!/bin/sh
# Array task i executes the shards on line i+1 of the list. Executing a shard again, even at the same time, does no harm.
list=%s
if ! [ -r "$list" ]; then
  echo "$(hostname): cannot read $list: the sweep folder must be on a file system that all nodes share" >&2
  exit 74
fi
status=0
for shard in $(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$list"); do
  %s "$shard" || { echo "$(hostname): shard $shard ended with exit status $?" >&2; status=1; }
done
exit $status
`, quote(stem+".tasks"), quoteAll(o.Command))
}

// afterScript is the batch script of a job that waits for arrays.
func afterScript(o Options, stem string, command []string) string {
	return fmt.Sprintf("#!/bin/sh\n# Runs when the arrays before %s have ended, however they ended.\nexec %s\n", quote(stem), quoteAll(command))
}
