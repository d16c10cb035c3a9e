package plan_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies/plan"
)

// A plan that carries its platform gives it back, to the hash; one that does not and names none of the catalogue says so.
func TestPlansCarryTheirPlatform(t *testing.T) {
	for seed := range uint64(30) {
		p, g, platform := planned(t, seed)
		data, err := plan.EncodeWith(p, g, platform)
		require.NoError(t, err)
		own, warning, err := plan.Platform("p.json", data)
		require.NoError(t, err)
		require.Empty(t, warning)
		require.Equal(t, platform.Hash(), own.Hash())
		again, err := plan.Decode("p.json", data, g, own)
		require.NoError(t, err)
		require.Equal(t, normal(p), normal(again))

		_, _, err = plan.Platform("p.json", bytes.Replace(data, []byte(platform.Hash()), []byte("0123456789abcdef"), 1))
		require.ErrorContains(t, err, "platform_hash")
		bare, err := plan.Encode(p, g, platform)
		require.NoError(t, err)
		_, _, err = plan.Platform("p.json", bare)
		require.ErrorContains(t, err, "--platform")
		old := bytes.Replace(bare, []byte("  \"platform_hash\": \""+platform.Hash()+"\",\n"), nil, 1)
		own, _, err = plan.Platform("p.json", old)
		require.NoError(t, err)
		require.Nil(t, own, "an old file says nothing")
	}
}
