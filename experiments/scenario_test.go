package experiments

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
)

// Every shipped scenario runs, twice to the same bytes, and accounts for all its requests.
func TestShippedScenarios(t *testing.T) {
	files, err := filepath.Glob("scenarios/*.toml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			s, err := Load(file)
			require.NoError(t, err)
			require.Equal(t, s.Name+".toml", filepath.Base(file))
			var texts []string
			for range 2 {
				o, err := s.Run(context.Background(), Overrides{})
				require.NoError(t, err)
				r := o.Result
				require.Positive(t, r.Completed)
				require.Equal(t, r.Arrived, r.Completed+r.Failed+r.InFlight)
				text, err := json.Marshal(o.Summary)
				require.NoError(t, err)
				texts = append(texts, string(text))
			}
			require.Equal(t, texts[0], texts[1])
			require.True(t, strings.HasPrefix(texts[0], `{"strategy":"`+s.Strategy+`","model":"`))
		})
	}
}

func TestOverrides(t *testing.T) {
	s, err := Load("scenarios/mixed-load.toml")
	require.NoError(t, err)
	seed := uint64(99)
	o, err := s.Run(context.Background(), Overrides{Strategy: "single-best", Seed: &seed, Records: true})
	require.NoError(t, err)
	require.Equal(t, "single-best", o.Summary.Strategy)
	require.Equal(t, seed, o.Summary.Seed)
	require.Len(t, o.Result.Records, 200)
	_, err = s.Run(context.Background(), Overrides{Strategy: "singel-best"})
	require.ErrorContains(t, err, `did you mean "single-best"`)
	_, err = s.Run(context.Background(), Overrides{Options: strategies.Options{"objectiv": "energy"}})
	require.ErrorContains(t, err, "objectiv")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Run(ctx, Overrides{})
	require.ErrorIs(t, err, context.Canceled)
}

// The same arrivals reach every strategy.
func TestArrivalsDoNotDependOnTheStrategy(t *testing.T) {
	s, err := Load("scenarios/mixed-load.toml")
	require.NoError(t, err)
	arrivals := func(strategy string) map[int64]string {
		o, err := s.Run(context.Background(), Overrides{Strategy: strategy, Records: true})
		require.NoError(t, err)
		seen := map[int64]string{}
		for _, r := range o.Result.Records {
			seen[r.ID] = r.Arrival.String() + " " + s.Models[r.Model].Name
		}
		return seen
	}
	require.Equal(t, arrivals("single-gpu"), arrivals("modnn"))
}

// A horizon that cuts requests off is a warning, not an error.
func TestHorizonIsAWarning(t *testing.T) {
	s, err := Load("scenarios/saturation.toml")
	require.NoError(t, err)
	o, err := s.Run(context.Background(), Overrides{Strategy: "single-gpu"})
	require.NoError(t, err)
	require.Len(t, o.Summary.Warnings, 1)
	require.Contains(t, o.Summary.Warnings[0], "under way at the horizon")
	require.Equal(t, 10.0, o.Summary.Makespan)
}

const head = "platform = \"paper-wlan\"\n[strategy]\nname = \"single-gpu\"\n[workload]\nmodels = [\"vgg19\"]\nrequests = 1\n[workload.arrivals]\nkind = \"closed\"\nclients = 1\n"

func TestScenarioFaults(t *testing.T) {
	_, err := Parse("ok.toml", []byte(head))
	require.NoError(t, err)
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown board":      {`"paper-wlan"`, `"board:jetson-tx3"`, `x.toml:1: platform: `},
		"unknown platform":   {`"paper-wlan"`, `"paper-wlna"`, `did you mean "paper-wlan"`},
		"unknown model":      {`"vgg19"`, `"vgg91"`, `x.toml:5: workload.models[0]: `},
		"unknown strategy":   {`"single-gpu"`, `"single-gpo"`, `x.toml:3: strategy.name: no strategy "single-gpo" (did you mean "single-gpu"?)`},
		"unknown option":     {"[workload]", "[strategy.options]\nfoo = 1\n[workload]", `x.toml:4: strategy.options: strategy single-gpu has no option "foo"`},
		"list option":        {"[workload]", "[strategy.options]\nfoo = [1]\n[workload]", `x.toml:5: strategy.options.foo: must be a text`},
		"unknown key":        {"requests", "request", `x.toml:6: workload.request: unknown key (did you mean "requests"?)`},
		"no end":             {"requests = 1\n", "", `never ends; write requests = 100 or horizon = "100 s"`},
		"unit missing":       {"requests = 1", "horizon = 100", `x.toml:6: workload.horizon: `},
		"negative rate":      {"[strategy]", "rate = \"-80 Mbit/s\"\n[strategy]", `x.toml:2: rate: `},
		"unknown leader":     {"[strategy]", "leader = \"jetson-tx\"\n[strategy]", `did you mean "jetson-tx2"`},
		"negative seed":      {"[strategy]", "seed = -1\n[strategy]", `x.toml:2: seed: is -1; write a whole number from 0`},
		"planning":           {"[strategy]", "planning = \"free\"\n[strategy]", `x.toml:2: planning: "free" is none of "zero", "measured" and a duration such as "15 ms"`},
		"kind":               {`"closed"`, `"clozed"`, `x.toml:8: workload.arrivals.kind: is "clozed" (did you mean "closed"?); write one of closed, periodic, poisson, trace`},
		"field of other":     {"clients = 1", "clients = 1\nrate = \"1 /s\"", `x.toml:10: workload.arrivals.rate: does not go with arrivals of kind "closed"`},
		"field missing":      {"clients = 1", "", `x.toml:7: workload.arrivals.clients: is missing; arrivals of kind "closed" need it`},
		"no clients":         {"clients = 1", "clients = 0", `x.toml:9: workload.arrivals.clients: number of clients is 0; must be from 1 to 1048576`},
		"batch":              {"requests = 1", "requests = 1\nbatch = 0", `x.toml:7: workload.batch: is 0; write a number from 1 to 65536`},
		"input":              {"requests = 1", "requests = 1\ninput = \"int8\"", `x.toml:7: workload.input: is "int8" (did you mean "uint8"?); write one of float32, uint8`},
		"model twice":        {`"vgg19"`, `"vgg19", "vgg19"`, `x.toml:5: workload.models[1]: vgg19 is listed already; write its share into weights`},
		"weights":            {"requests = 1", "requests = 1\nweights = [1, 2]", `x.toml:7: workload.weights: has 2 numbers for 1 models; write one for each`},
		"no trace":           {"\"closed\"\nclients = 1", "\"trace\"\nfile = \"none.csv\"", `x.toml:9: workload.arrivals.file: none.csv cannot be read: no such file or directory`},
		"request rate":       {"\"closed\"\nclients = 1", "\"poisson\"\nrate = 3", `x.toml:9: workload.arrivals.rate: "3" is not a rate of requests; write "2 /s"`},
		"fault of what":      {"requests = 1", "requests = 1\n[[fault]]\nat = \"1 s\"", `x.toml:7: fault[0]: is neither`},
		"unknown lost node":  {"clients = 1", "clients = 1\n[[fault]]\nnode = \"jetson-nan\"\nat = \"1 s\"", `x.toml:11: fault[0].node: "jetson-nan" is not a node of paper-wlan (did you mean "jetson-nano"?)`},
		"unknown link":       {"clients = 1", "clients = 1\n[[fault]]\nlink = \"mediun\"\nrate = \"1 Mbit/s\"", `x.toml:11: fault[0].link: "mediun" is not a link of paper-wlan (did you mean "medium"?); it has medium`},
		"fault ends too son": {"clients = 1", "clients = 1\n[[fault]]\nlink = \"medium\"\nrate = \"1 Mbit/s\"\nfrom = \"2 s\"\nto = \"1 s\"", `x.toml:14: fault[0].to: `},
		"broken syntax":      {"[strategy]", "[strategy", `x.toml:3: is not valid TOML`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(head, c.old, c.new, 1)
			require.NotEqual(t, head, text)
			_, err := Parse("x.toml", []byte(text))
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = Load("scenarios/none.toml")
	require.EqualError(t, err, "scenarios/none.toml: cannot be read: no such file or directory")
}

// All faults of a file come at once, in order of lines.
func TestScenarioFaultsTogether(t *testing.T) {
	text := strings.NewReplacer("paper-wlan", "x", "single-gpu", "y", "vgg19", "z", "requests = 1", "requests = -1").Replace(head)
	_, err := Parse("x.toml", []byte(text))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4)
	for i, want := range []string{"x.toml:1: ", "x.toml:3: ", "x.toml:5: ", "x.toml:6: "} {
		require.True(t, strings.HasPrefix(lines[i], want), lines[i])
	}
}

func FuzzScenario(f *testing.F) {
	f.Add([]byte(head))
	f.Add([]byte("platform = 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), ".onnx") || strings.Contains(string(data), ".toml") || strings.Contains(string(data), "file") {
			t.Skip("would open files")
		}
		s, err := Parse("x.toml", data)
		require.Equal(t, err == nil, s != nil)
	})
}
