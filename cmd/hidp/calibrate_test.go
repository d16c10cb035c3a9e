package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A fit that the user interrupts leaves the board that was there, and nothing beside it.
func TestInterruptedFitLeavesTheOldBoard(t *testing.T) {
	dir := t.TempDir()
	board := filepath.Join(dir, "mine.toml")
	require.NoError(t, os.WriteFile(board, []byte("old"), 0o644))
	args := []string{"calibrate", "fit", "../../experiments/calibration/raspberry-pi-4b.csv", "--board", "raspberry-pi-4b",
		"-o", board}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	require.Equal(t, interrupted, run(ctx, args, &out, &errs))
	require.Empty(t, out.String())
	data, err := os.ReadFile(board)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	require.Zero(t, run(context.Background(), args, &out, &errs), errs.String())
	data, err = os.ReadFile(board)
	require.NoError(t, err)
	require.Contains(t, string(data), "left_out")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
}
