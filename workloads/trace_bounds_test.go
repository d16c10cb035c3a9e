package workloads

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is wrong with every line of a large file costs a count.
func TestFaultsOfALargeTraceAreCounted(t *testing.T) {
	data := []byte("time_s,model\n" + strings.Repeat("x,y\n", 2_000_000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadTrace("bad.csv", data, []string{"squeezenet1_1"})
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, `bad.csv:2: time_s: "x" is not a time`)
	require.ErrorContains(t, err, "\nbad.csv:11: model: ")
	require.NotContains(t, err.Error(), "bad.csv:12")
	require.ErrorContains(t, err, "\n… and 3999980 more")
	require.Less(t, after.HeapSys-before.HeapSys, uint64(100<<20), "of memory")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(400<<20), "allocated in all")
}
