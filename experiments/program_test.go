package experiments

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"hidp/internal/parts"
	"hidp/strategies"
)

// programs returns the processes that this one started and that are still there, zombies among them.
func programs(t *testing.T) (ids []string) {
	files, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if !os.IsNotExist(err) { // a thread may have ended
			require.NoError(t, err)
		}
		ids = append(ids, strings.Fields(string(data))...)
	}
	return ids
}

// Runs with programs for strategies end them, whether they share them or not; few are kept at one time; and sharing changes nothing.
func TestRunsEndTheirPrograms(t *testing.T) {
	parts.Only(t, "/proc is Linux's", "linux")
	perl := parts.Program(t, parts.Perl, "perl")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := Load("scenarios/mixed-load.toml")
	require.NoError(t, err)
	s.Limit.Requests = 20
	o := Overrides{Strategy: "exec:" + perl + " ../strategies/external/examples/fastest_board.pl", Trace: -1}
	var shared Shared
	most := 0
	for seed := range uint64(mostPrograms + 4) {
		o.Seed = &seed
		lone, together := o, o
		together.Shared = &shared
		before := len(programs(t))
		want, err := s.Run(context.Background(), lone)
		require.NoError(t, err)
		require.Len(t, programs(t), before, "a lone run leaves a program behind")
		got, err := s.Run(context.Background(), together)
		require.NoError(t, err)
		require.Equal(t, want.Result, got.Result)
		most = max(most, len(programs(t)))
	}
	require.Equal(t, mostPrograms, most, "one program for each seed, and no more than may be kept")
	require.NoError(t, shared.Close())
	require.Empty(t, programs(t))
	measured := *s
	measured.Planning = Planning{Measured: true}
	out, err := measured.Run(context.Background(), o)
	require.NoError(t, err)
	require.Positive(t, out.Summary.PlanningTime)
	require.Empty(t, programs(t))
}

// The options of a program come from the scenario; a run of a program that hangs is ended with its context.
func TestProgramsEndWithTheContext(t *testing.T) {
	parts.Only(t, "/proc is Linux's", "linux")
	s, err := Load("scenarios/one-request.toml")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, cancel)
	begun := time.Now()
	_, err = s.Run(ctx, Overrides{Strategy: "exec:sleep 100", Options: strategies.Options{"timeout": "90"}})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(begun), 30*time.Second)
	require.Empty(t, programs(t))
}
