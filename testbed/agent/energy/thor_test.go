package energy

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Jetson Thor's VIN is the input of the whole kit: the other rails are parts of it and do not count twice.
func TestThorCountsItsInputOnce(t *testing.T) {
	const line = "07-02-2026 10:11:12 RAM 20642/125817MB (lfb 1x2MB) CPU [23%@2201,10%@2201] EMC_FREQ 3%@4266 APE 174 cpu@52.9C/52.9C " +
		"VDD_GPU 2400mW/2400mW VDD_CPU_SOC_MSS 6510mW/6510mW VIN_SYS_5V0 6520mW/6520mW VIN 23000mW/22800mW\n"
	s, err := NewTegrastats(func(context.Context, string, ...string) ([]byte, error) { return []byte(line), nil })
	require.NoError(t, err)
	r, err := s.Sample(context.Background())
	require.NoError(t, err)
	require.Equal(t, 23.0, r.Board)
	require.Len(t, r.Rails, 4)
}
