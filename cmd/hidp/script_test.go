package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"hidp/internal/parts"
)

// TestMain lets scripts call the program as hidp.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hidp": main})
}

// interpreters are conditions of scripts: whether there are programs for strategies in other languages.
func interpreters(t *testing.T) func(string) (bool, error) {
	_, noPython := exec.LookPath("python3")
	_, noPerl := exec.LookPath("perl")
	there := parts.Have(t, parts.Python, noPython) && parts.Have(t, parts.Perl, noPerl)
	return func(name string) (bool, error) {
		if name != "interpreters" {
			return false, fmt.Errorf("no condition %q", name)
		}
		return there, nil
	}
}

// Sessions with the program, as text: testdata/*.txtar. Run with -update to rewrite expected output, and only commit a rewrite
// that you understand.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: os.Getenv("UPDATE") != "", Condition: interpreters(t), Setup: func(env *testscript.Env) error {
		env.Setenv("HOME", env.WorkDir)
		return copyExamples(env.WorkDir)
	}})
}
