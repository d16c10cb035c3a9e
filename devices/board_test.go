package devices

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func boardText(t testing.TB, name string) string {
	t.Helper()
	data, err := boardFiles.ReadFile(path.Join("boards", name+".toml"))
	require.NoError(t, err)
	return string(data)
}

// head is a board file without its stored parameters.
func head(text string) string {
	h, _, _ := strings.Cut(text, tailMark)
	return h
}

var hasProvenance = regexp.MustCompile(`(source|assumption) = "[^"]+"`)

// Every line of a catalogue file that holds numbers carries a source or an assumption, or stands in a table that does; and a
// file that loses any one of them is refused.
func TestEveryNumberHasItsSource(t *testing.T) {
	for _, name := range BoardNames() {
		text := head(boardText(t, name))
		removed := 0
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(line, "value = ") {
				require.Regexp(t, hasProvenance, line, name)
			}
			if !hasProvenance.MatchString(line) {
				continue
			}
			without := hasProvenance.ReplaceAllString(line, `source = ""`)
			_, err := ParseBoard(name+".toml", []byte(strings.Replace(text, line, without, 1)))
			require.Error(t, err, "%s: %s", name, line)
			removed++
		}
		require.Greater(t, removed, 10, name)
		for _, bad := range []string{"unnamed", "code index", "TODO", "../"} {
			require.NotContains(t, text, bad, name)
		}
	}
	nets := loadNetworks()
	for _, name := range sortedKeys(nets.tables) {
		require.NotEmpty(t, nets.tables[name].Source, name)
	}
}

func TestBoardFaults(t *testing.T) {
	text := boardText(t, "jetson-tx2")
	for _, c := range []struct{ old, new, want string }{
		{`kind = "gpu"`, `kind = "tpu"`, `kind: is "tpu"; write "cpu" or "gpu"`},
		{`members = ["denver2", "a57"]`, `members = ["denver2", "a577"]`, `no cluster "a577" (did you mean "a57"?)`},
		{`members = ["denver2", "a57"]`, `members = ["denver2", "gpu"]`, `"gpu" is no CPU cluster`},
		{`members = ["denver2", "a57"]`, `members = ["denver2"]`, `a group has at least two`},
		{`name = "a57"`, `name = "denver2"`, `"denver2" is taken`},
		{`"59.7 GB/s"`, `"-59.7 GB/s"`, "is negative"},
		{`"59.7 GB/s"`, `"59.7"`, "needs a unit"},
		{`value = "2 GiB"`, `value = "8 GiB"`, "leaves nothing of 8 GiB"},
		{`from = "cpu"` + "\n" + `to = "gpu"`, `from = "denver2"` + "\n" + `to = "gpu"`, "none covers a57 to gpu"},
		{`keeps = "0.9"`, `keeps = "0"`, "a share above 0"},
		{`beside = "denver2"`, `beside = "denver"`, `did you mean "denver2"?`},
		{`a57 = "1200 MHz"`, `a53 = "1200 MHz"`, `did you mean "a57"?`},
		{`cores = { denver2 = 1, a57 = 1 }`, `cores = { denver2 = 3 }`, "out of range"},
		{`clocks = { denver2 = "2035.2 MHz", `, `clocks = { `, "lacks denver2; the first mode has every cluster on"},
		{`name = "tensorrt/fp32"`, `name = "tensorrt"`, "write RUNTIME/PRECISION"},
		{`name = "tensorrt/fp16"`, `name = "tensorrt/fp32"`, "tensorrt/fp32 on gpu is declared twice"},
		{`name = "tensorflow/fp32"` + "\n" + `cluster = "denver2"`, `name = "tensorflow/fp64"` + "\n" + `cluster = "denver2"`, "is not declared for its member denver2"},
		{`runtime = "tensorrt/fp32"`, `runtime = "tensorrt/fp33"`, `no declared runtime and cluster "tensorrt/fp33 on gpu"`},
		{`latency = "171 ms"`, `latency = "0 ms"`, "a measured latency is positive"},
		{`depthwise = `, `depthwize = `, "depthwize"},
		{`overhead = 0.73`, `overhead = -0.73`, "a factor is 0.001 to 1000"},
		{`message = { value = "100 us"`, `message = { value = "100 h"`, "at most an hour"},
		{`title = `, `titel = `, "titel"},
	} {
		require.Contains(t, text, c.old)
		_, err := ParseBoard("my.toml", []byte(strings.Replace(text, c.old, c.new, 1)))
		require.ErrorContains(t, err, c.want)
		require.ErrorContains(t, err, "my.toml:")
	}
}

func TestFitFaults(t *testing.T) {
	text := head(boardText(t, "jetson-tx2"))
	for _, c := range []struct{ old, new, want string }{
		{`model = "googlenet"`, `model = "goglenet"`, `no network "goglenet" in the zoo, in networks.toml or among the layer tables (did you mean "googlenet"?)`},
		{`prior = { board = "jetson-nano"`, `prior = { board = "jetson-nan"`, `no board "jetson-nan"`},
		{`prior = { board = "jetson-nano", runtime = "tensorflow/fp32"`, `prior = { board = "jetson-nano", runtime = "tensorflow/fp31"`, "declares no runtime tensorflow/fp31 on cpu"},
		{`prior = { runtime = "tensorflow/fp32", cluster = "gpu"`, `prior = { runtime = "pytorch/fp32", cluster = "gpu"`, "go in a circle"},
		{`rates = 0.89,`, `rates = 0.1, classes = { depthwise = 0.001 },`, "impossible parameters"},
	} {
		require.Contains(t, text, c.old)
		_, err := ParseBoard("my.toml", []byte(strings.Replace(text, c.old, c.new, 1)))
		require.ErrorContains(t, err, c.want)
	}
}

func TestUnknownBoardIsSuggested(t *testing.T) {
	_, err := LoadBoard("raspbery-pi-5")
	require.ErrorContains(t, err, `did you mean "raspberry-pi-5"?`)
	_, err = LoadBoard("../boards/jetson-tx2")
	require.Error(t, err)
}

func TestBoardDescription(t *testing.T) {
	b, err := LoadBoard("jetson-tx2")
	require.NoError(t, err)
	require.Equal(t, "NVIDIA Jetson TX2", b.Title)
	require.Len(t, b.Clusters, 4)
	require.Equal(t, BoardCluster{Name: "cpu", Kind: CPU, Core: "denver2 + a57", Cores: 6, Peak: 97.7e9, Members: []int{0, 1}}, b.Clusters[3])
	require.Equal(t, int64(8)<<30, b.Memory)
	require.Equal(t, "maxn", b.Modes[0])
	require.Contains(t, b.Runtimes, "tensorrt/fp16")
}
