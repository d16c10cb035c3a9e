package timings

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadUnits(t *testing.T) {
	for column, cell := range map[string]string{"latency": "12.5 ms", "latency_ms": "12.5", "latency_us": "12500",
		"latency_s":    "0.0125",
		"Milliseconds": "12.5"} {
		f, err := Read("t.csv", []byte("model,"+column+",runtime\nvgg16,"+cell+",ncnn/fp16\n"))
		require.NoError(t, err)
		require.NoError(t, f.Faults.Err())
		require.InDelta(t, .0125, f.Timings[0].Seconds, 1e-12, column)
		require.Equal(t, "ncnn", f.Timings[0].Runtime)
		require.Equal(t, "fp16", f.Timings[0].Precision)
		require.Equal(t, 2, f.Timings[0].Line)
	}
	f, err := Read("t.csv", []byte("\ufeffnetwork;latency_ms\n# a comment\nvgg16;12.5\n"))
	require.NoError(t, err)
	require.Equal(t, 3, f.Timings[0].Line)
}

func TestFaultsOfRows(t *testing.T) {
	f, err := Read("t.csv", []byte("network,latency\na,12\nb,-1 ms\nc,0 ms\n,3 ms\nd,3 ms,4\ne,2 h\nf,nan ms\n"))
	require.NoError(t, err)
	lines := strings.Split(f.Faults.Err().Error(), "\n")
	for i, want := range []string{`t.csv:2: latency: "12" has no unit`, "t.csv:3: latency: -1 ms is not positive",
		"t.csv:4: latency: 0 ms is not positive",
		"t.csv:5: network is empty", "t.csv:6: has 3 cells", "t.csv:7: latency: ", "t.csv:8: latency: "} {
		require.Contains(t, lines[i], want)
	}
	for _, text := range []string{"", "network,latency\n", "network\nvgg16\n", "latency\n3 ms\n",
		"network,latency,latency_ms\na,1 ms,1\n"} {
		f, err := Read("t.csv", []byte(text))
		if err == nil {
			err = f.Faults.Err()
		}
		require.Error(t, err, text)
	}
}

func TestReadBenchncnn(t *testing.T) {
	f, err := Read("b.txt", []byte("num_threads = 2\ngpu_device = 0\n  vgg16  min =  445.72  max =  452.00  avg =  "+
		"447.90\n"+
		"  vgg16_int8  min =  4.7  max =  4.8  avg =  4.7\n  a min = 0.00 max = 1.00 avg = 0.5\n"))
	require.NoError(t, err)
	require.ErrorContains(t, f.Faults.Err(), "b.txt:5: min: 0.00")
	require.Len(t, f.Skipped, 1)
	require.InDelta(t, .44572, f.Timings[0].Seconds, 1e-12)
	f.Timings[0].Seconds = 0
	require.Equal(t, Timing{Line: 3, Network: "vgg16", Runtime: "ncnn", Cluster: "gpu", Source: "benchncnn, min"},
		f.Timings[0])
	require.True(t, math.IsNaN(f.Timings[1].Seconds))
}

func TestTooManyRowsAndFaults(t *testing.T) {
	_, err := Read("t.csv", []byte("network,latency\n"+strings.Repeat("a,1 ms\n", MostRows+1)))
	require.ErrorContains(t, err, "t.csv:2002: is one row too many")
	f, err := Read("t.csv", []byte("network,latency\n"+strings.Repeat("a,1\n", 100)))
	require.NoError(t, err)
	require.ErrorContains(t, f.Faults.Err(), "\n… and 80 more")
}

// Whatever the bytes, there is an answer or an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte("network,latency\nvgg16,12 ms\n"))
	f.Add([]byte("network,latency\n\"00")) // a quote that is not closed
	f.Add([]byte("num_threads = 2\n  vgg16  min =  445.72  max =  452.00  avg =  447.90\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read("f", data)
		if err != nil {
			return
		}
		for _, x := range file.Timings {
			if !(x.Seconds > 0) && file.Faults.Err() == nil {
				t.Fatalf("row %+v without a fault", x)
			}
		}
	})
}
