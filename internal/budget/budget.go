// Package budget says how much a test run may spend on properties: make test-long gives them more.
package budget

import (
	"fmt"
	"os"
	"strconv"
)

// Env is the environment variable that multiplies the cases of properties. Properties that pgregory.net/rapid draws cases for get as
// many times their usual 100 from scripts/test-long.sh, which reads the same variable.
const Env = "HIDP_TEST_BUDGET"

// Factor returns by how many times more cases than usual a property is to be tried: 1, or the whole number in Env. It panics if that
// is no positive number, for a misspelt budget must not pass for a large one.
func Factor() int {
	text := os.Getenv(Env)
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		panic(fmt.Sprintf("%s is %q; it must be a whole number of at least 1", Env, text))
	}
	return n
}
