package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// attempts bounds how often a run is repeated that the machine disturbed. Other tests run at the same time, and another gate may: then
// most runs have a request that is late by more than users tolerate.
const attempts = 12

// replayUntilValid calls run until it succeeds and returns what that printed. Only a run that is not valid is repeated, after a pause, and
// each is counted in the log: a wrong answer, a lost node or any other fault ends it at once.
func replayUntilValid(log func(string, ...any), run func() (stdout, stderr string, err error)) (string, error) {
	for n := 1; ; n++ {
		out, errs, err := run()
		switch {
		case err == nil:
			if n > 1 {
				log("valid in attempt %d of at most %d", n, attempts)
			}
			return out, nil
		case !onlyDisturbed(errs):
			return out, fmt.Errorf("hidp replay: %w\n%s", err, errs)
		case n == attempts:
			return out, fmt.Errorf("hidp replay: none of %d runs was valid; the last: %s", attempts, errs)
		}
		log("attempt %d: %s", n, strings.TrimSpace(errs))
		time.Sleep(time.Duration(n) * 100 * time.Millisecond) // what disturbs may end
	}
}

// onlyDisturbed reports whether all that the program complains of is that requests were late.
func onlyDisturbed(errs string) bool {
	complaints := 0
	for _, line := range strings.Split(strings.TrimSpace(errs), "\n") {
		if !strings.HasPrefix(line, "hidp: the run is not valid: ") || !strings.Contains(line, " requests lagged by more than ") ||
			strings.Contains(line, "; node ") {
			return false
		}
		complaints++
	}
	return complaints == 1
}

func TestOnlyDisturbedRunsAreRepeated(t *testing.T) {
	synctest.Test(t, testOnlyDisturbedRunsAreRepeated) // pauses take no time
}

func testOnlyDisturbedRunsAreRepeated(t *testing.T) {
	const late = "hidp: the run is not valid: 3 of 5 requests lagged by more than 2ms; the most by 14.2ms\n"
	failed := errors.New("exit status 1")
	for name, c := range map[string]struct {
		errs string
		runs int
		want string
	}{
		"late once":             {late, 2, ""},
		"late each time":        {late, attempts, "none of 12 runs was valid"},
		"wrong and late":        {"hidp: request 2 (plan 0): the answer is not that of the network\n" + late, 1, "the answer is not"},
		"wrong":                 {"hidp: request 2 (plan 0): the answer is not that of the network\n", 1, "the answer is not"},
		"lost records and late": {strings.TrimSpace(late) + "; node board-1 has lost 3 records\n", 1, "lost 3 records"},
		"lost":                  {"hidp: node board-2 is lost\n", 1, "board-2 is lost"},
	} {
		runs := 0
		out, err := replayUntilValid(func(string, ...any) {}, func() (string, string, error) {
			runs++
			if c.want == "" && runs == c.runs {
				return "{}", "", nil
			}
			return "", c.errs, failed
		})
		require.Equal(t, c.runs, runs, name)
		if c.want == "" {
			require.NoError(t, err, name)
			require.Equal(t, "{}", out)
		} else {
			require.ErrorContains(t, err, c.want, name)
		}
	}
}
