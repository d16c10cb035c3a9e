package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies/conformance"
)

func TestEveryStrategyConforms(t *testing.T) {
	for _, e := range Entries() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, e)
		})
	}
}

func TestNoModelPartitionBeatsTheOptimum(t *testing.T) {
	optimum, err := Find("opt-chain")
	require.NoError(t, err)
	for _, e := range Entries() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			conformance.RunAgainstOptimum(t, e, optimum)
		})
	}
}
