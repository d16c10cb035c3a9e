package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts call the program as hidp.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hidp": main})
}

// Sessions with the program, as text: testdata/*.txtar. Run with -update to rewrite expected output, and only commit a rewrite
// that you understand.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: os.Getenv("UPDATE") != "", Setup: func(env *testscript.Env) error {
		env.Setenv("HOME", env.WorkDir)
		return copyExamples(env.WorkDir)
	}})
}
