package budget

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFactor(t *testing.T) {
	t.Setenv(Env, "")
	require.Equal(t, 1, Factor())
	t.Setenv(Env, "5")
	require.Equal(t, 5, Factor())
	for _, wrong := range []string{"0", "-1", "five", "2.5"} {
		t.Setenv(Env, wrong)
		require.Panics(t, func() { Factor() }, wrong)
	}
}
