package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/sim"
)

// A plan is simulated on the platform that it was made for, be it a user's file that is gone since; another one is a warning.
func TestPlansAreSimulatedOnTheirOwnPlatform(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("../../devices/platforms/paper-gbe-2.toml")
	require.NoError(t, err)
	for _, platform := range []string{"paper-gbe-2", filepath.Join(dir, "mine.toml")} {
		if filepath.IsAbs(platform) {
			require.NoError(t, os.WriteFile(platform, text, 0o644))
		}
		file := filepath.Join(dir, "p.json")
		status, out, errs := invoke(context.Background(), "plan", "--model", "squeezenet1_1", "--platform", platform, "--strategy", "modnn", "-o", file, "--json")
		require.Zero(t, status, errs)
		var plan struct {
			Latency float64 `json:"predicted_latency"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &plan))
		_ = os.Remove(filepath.Join(dir, "mine.toml"))
		simulate := func(more ...string) (s sim.Summary) {
			status, out, errs := invoke(context.Background(), append([]string{"simulate", file, "--json"}, more...)...)
			require.Zero(t, status, errs)
			require.NoError(t, json.Unmarshal([]byte(out), &s))
			return s
		}
		own := simulate()
		require.InEpsilon(t, plan.Latency, own.Latency.Mean, 0.01, platform)
		require.Empty(t, own.Warnings)
		other := simulate("--platform", "paper-wlan-2")
		require.Greater(t, other.Latency.Mean, 1.2*own.Latency.Mean)
		require.Len(t, other.Warnings, 1)
		require.Contains(t, other.Warnings[0], "is simulated on another one, paper-wlan-2")
		require.Empty(t, simulate("--platform", "paper-gbe-2").Warnings)
	}
}
