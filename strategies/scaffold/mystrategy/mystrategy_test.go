package mystrategy

import (
	"testing"

	"hidp/strategies/conformance"
)

// The laws that every strategy keeps, over random networks and platforms: a fault is told with the seed that shows it.
func TestConformance(t *testing.T) { conformance.Run(t, Entry()) }
