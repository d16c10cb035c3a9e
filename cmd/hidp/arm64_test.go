package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/testbed/controller"
	"hidp/testbed/inference"
)

// The program for boards with 64-bit ARM, under qemu, computes its part of a plan beside two agents of this machine's architecture, and
// together they give the answer of the network unsplit.
func TestARM64AgentTakesPart(t *testing.T) {
	parts.Only(t, "boards are emulated", "linux")
	parts.Only(t, "the processor's architecture is to be another than the board's", "amd64")
	parts.Long(t, "cross-compiles")
	qemu := parts.Program(t, parts.QEMU, "qemu-aarch64")
	system := parts.File(t, parts.QEMU, "/usr/aarch64-linux-gnu")
	library, err := filepath.Abs("../../.cache/ort/arm64/" + inference.LibraryFile)
	require.NoError(t, err)
	parts.File(t, parts.ONNXRuntimeARM64, library)
	own, err := inference.FindLibrary("", "../..")
	parts.Need(t, parts.ONNXRuntime, err)
	dir, err := os.MkdirTemp("", "hidp-arm-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	foreign := filepath.Join(dir, "hidp-arm64")
	build := exec.Command("go", "build", "-o", foreign, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	program, err := exec.LookPath("hidp")
	require.NoError(t, err)

	r := &controller.Roster{Platform: "emulated-3"}
	for node, command := range map[string][]string{
		"board-1": {program, "agent", "--ort", own},
		"board-2": {program, "agent", "--ort", own},
		"board-3": {qemu, "-L", system, "-cpu", "cortex-a72", foreign, "agent", "--ort", library},
	} {
		socket := "unix:" + filepath.Join(dir, node+".sock")
		startAgent(t, append(command, "--listen", socket, "--name", node, "--dir", filepath.Join(dir, node)))
		r.Agents = append(r.Agents, controller.Entry{Node: node, Address: socket})
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "agents.toml"), r.Encode(), 0o600))
	for _, a := range r.Agents {
		require.Eventually(t, func() bool { _, err := os.Stat(a.Address[len("unix:"):]); return err == nil }, 30*time.Second, 50*time.Millisecond, a.Node)
	}
	b := &bench{t: t, dir: dir, program: program}
	t.Setenv(inference.EnvLibrary, own)
	b.must("plan", "--model", "mobilenet_v2", "--platform", "emulated-3", "--strategy", "modnn", "-o", "plan.json")
	m := b.replay("plan.json", "--agents", "agents.toml")
	require.Len(t, m.Nodes, 3)
	require.Equal(t, 1, m.Checked)
	require.LessOrEqual(t, m.Difference, 1e-4)
	t.Logf("difference %.2g, latency %.2f s", m.Difference, m.Latency.P50)
}

// startAgent starts an agent that ends with the test.
func startAgent(t *testing.T, args []string) {
	var log bytes.Buffer
	c := exec.Command("timeout", append([]string{"180"}, args...)...) // should the test be killed
	c.Stdout, c.Stderr = &log, &log
	c.WaitDelay = 10 * time.Second // what timeout leaves behind may hold the log open
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { done <- c.Wait() }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = c.Process.Kill()
			t.Error(errors.Join(errors.New("agent does not end"), <-done))
		}
		if t.Failed() {
			t.Logf("%s\n%s", args, &log)
		}
	})
}
