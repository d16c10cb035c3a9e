package workloads_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/strict"
	. "hidp/workloads"
)

func TestReadTrace(t *testing.T) {
	text := "\uFEFF# camera\ntime_s,model\n0,vgg19\n0.5,resnet152\n\n0.5, \"vgg19\"\r\n1.0000000016,vgg19\n"
	trace, err := ReadTrace("t.csv", []byte(text), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"vgg19", "resnet152"}, trace.Models)
	want := []Arrival{{0, 0}, {500 * time.Millisecond, 1}, {500 * time.Millisecond, 0}, {1000000002, 0}}
	require.Equal(t, want, trace.Arrivals)

	trace, err = ReadTrace("t.csv", []byte(text), []string{"resnet152", "vgg16", "vgg19"})
	require.NoError(t, err)
	require.Equal(t, []string{"resnet152", "vgg16", "vgg19"}, trace.Models)
	require.Equal(t, 2, trace.Arrivals[0].Model)
	s, err := trace.Source(Limit{})
	require.Len(t, drain(must(t, s, err)), 4)
	s, err = trace.Source(Limit{Requests: 3})
	require.Len(t, drain(must(t, s, err)), 3)
	s, err = trace.Source(Limit{Horizon: time.Second / 2})
	require.Len(t, drain(must(t, s, err)), 1)
	_, err = trace.Source(Limit{Requests: -1})
	require.Error(t, err)
}

func TestReadTraceNamesTheFault(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   `t.csv: holds no request`,
		"time_s,model\n":                     `t.csv: holds no request`,
		"0,vgg19\n":                          `t.csv:1: the first line is "0,vgg19"; must be "time_s,model"`,
		"time_s,model\n1,vgg19,3\n":          `t.csv:2: has 3 fields`,
		"time_s,model\n# x\nsoon,vgg19\n":    `t.csv:3: time_s: "soon" is not a time`,
		"time_s,model\n-1,vgg19\n":           `t.csv:2: time_s: "-1" is not a time`,
		"time_s,model\n1e99,vgg19\n":         `t.csv:2: time_s: "1e99" is not a time`,
		"time_s,model\n.,vgg19\n":            `t.csv:2: time_s: "." is not a time`,
		"time_s,model\n9999999999,vgg19\n":   `t.csv:2: time_s: "9999999999" is not a time`,
		"time_s,model\n2,vgg19\n1,vgg19\n":   `t.csv:3: time_s: 1s is before the request above at 2s`,
		"time_s,model\n1,vgg91\n":            `t.csv:2: model: "vgg91" is not one of the workload's models (did you mean "vgg19"?)`,
		"time_s,model\n1,\n":                 `t.csv:2: model: is empty`,
		"time_s,model\n1,\"vgg19\n":          `t.csv:2: is not valid CSV`,
		"time_s,model\n1,vgg\"19\n":          `t.csv:2: is not valid CSV`,
		"time_s,model\nx,vgg19\n1,resnet1\n": "t.csv:3: model: \"resnet1\"",
	} {
		trace, err := ReadTrace("t.csv", []byte(text), []string{"vgg19"})
		require.ErrorContains(t, err, want, "%q", text)
		require.Nil(t, trace)
		var faults *strict.Error
		require.True(t, errors.As(err, &faults))
	}
}

// Whatever is read, a trace that is accepted is sorted and names models that exist.
func FuzzTrace(f *testing.F) {
	f.Add([]byte("time_s,model\n0,a\n0.25,b\n"))
	f.Add([]byte("time_s,model\n\"1\",\"a\n\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		trace, err := ReadTrace("fuzz.csv", data, nil)
		if err != nil {
			require.Contains(t, err.Error(), "fuzz.csv")
			return
		}
		last := time.Duration(0)
		for _, a := range trace.Arrivals {
			require.GreaterOrEqual(t, a.At, last)
			require.Less(t, a.Model, len(trace.Models))
			last = a.At
		}
	})
}
