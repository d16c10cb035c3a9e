package emulate

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/testbed/controller"
)

func TestUpStatusDown(t *testing.T) {
	dir := folder(t)
	o := fakeOptions(dir)
	o.Net = Shaped
	s, err := Up(t.Context(), spec(t, "emulated-4"), o)
	require.NoError(t, err)
	r, err := controller.OpenRoster(s.Roster())
	require.NoError(t, err)
	require.Len(t, r.Agents, 4)
	require.Equal(t, controller.Shaped, r.Network.Kind)
	require.Equal(t, []controller.Cluster{{Name: "big", Slowdown: 4, Threads: 1, CPUs: []int{0}}, {Name: "little", Slowdown: 8, Threads: 1, CPUs: []int{0}},
		{Name: "cpu", Slowdown: 3.3, Threads: 1, CPUs: []int{0}}}, r.Agents[0].Clusters)
	agents, err := controller.Dial(t.Context(), r, controller.Options{})
	require.NoError(t, err)
	require.NoError(t, agents.Close())

	report, err := Status(t.Context(), dir)
	require.NoError(t, err)
	require.True(t, report.Healthy)
	require.InDelta(t, 0.833, report.Need, 0.001)
	require.NotEmpty(t, report.Priority)
	for i, a := range report.Agents {
		require.Equal(t, AgentReport{Node: s.Agents[i].Node, PID: s.Agents[i].PID, Running: true, Answers: true, Version: "fake", Engine: "none", Holder: "somebody",
			CPU: a.CPU, Busy: a.Busy, Resident: a.Resident}, a)
		require.Positive(t, a.Resident)
	}

	require.NoError(t, Down(t.Context(), dir, false))
	requireGone(t, s)
	require.FileExists(t, s.Log("board-1"))
	require.NoError(t, Down(t.Context(), dir, false), "twice")
	require.NoError(t, Down(t.Context(), filepath.Join(dir, "nowhere"), false))
	_, err = Status(t.Context(), dir)
	require.ErrorAs(t, err, new(*NoTestbedError))
}

// A testbed that is up is replaced only if that is asked for.
func TestReplace(t *testing.T) {
	dir := folder(t)
	o := fakeOptions(dir)
	s, err := Up(t.Context(), spec(t, "emulated-4"), o)
	require.NoError(t, err)
	_, err = Up(t.Context(), spec(t, "emulated-3"), o)
	var up *UpError
	require.ErrorAs(t, err, &up)
	require.Equal(t, &UpError{Dir: dir, Spec: "emulated-4", Agents: 4}, up)
	o.Force = true
	next, err := Up(t.Context(), spec(t, "emulated-3"), o)
	require.NoError(t, err)
	require.Empty(t, s.alive(), "the one before was replaced")
	require.Len(t, next.alive(), 3)

	require.NoError(t, Down(t.Context(), dir, false))
	requireGone(t, next)
}

// Agents that do not come up: the error says what the agent said, and nothing is left.
func TestAgentsThatDoNotComeUp(t *testing.T) {
	for mode, want := range map[string]string{
		"die@board-2":    "agent of board-2 ended (exit status 3): it said: disk full",
		"silent@board-3": "agent of board-3: no answer within 1s",
		"old@board-1":    "speaks protocol 2, this program 1",
		"other@board-1":  `calls itself "board-77"`,
	} {
		t.Run(mode, func(t *testing.T) {
			t.Setenv(agentMode, mode)
			dir := folder(t)
			o := fakeOptions(dir)
			if strings.HasPrefix(mode, "silent") {
				o.Ready = time.Second
			}
			_, err := Up(t.Context(), spec(t, "emulated-3"), o)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "canceled")
			_, err = LoadState(dir)
			require.ErrorAs(t, err, new(*NoTestbedError))
		})
	}
	o := fakeOptions(folder(t))
	o.Command = []string{filepath.Join(o.Dir, "nothing")}
	_, err := Up(t.Context(), spec(t, "emulated-3"), o)
	require.ErrorContains(t, err, "cannot start")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestInterruptedUp(t *testing.T) {
	t.Setenv(agentMode, "silent@board-2")
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(300*time.Millisecond, func() { cancel(interrupted) })
	dir := folder(t)
	_, err := Up(ctx, spec(t, "emulated-3"), fakeOptions(dir))
	require.ErrorIs(t, err, interrupted)
	_, err = LoadState(dir)
	require.ErrorAs(t, err, new(*NoTestbedError))
}

// An agent that ends, and one that does not want to.
func TestDeadAndStubbornAgents(t *testing.T) {
	t.Setenv(agentMode, "stubborn@board-2")
	dir := folder(t)
	s, err := Up(t.Context(), spec(t, "emulated-3"), fakeOptions(dir))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.Log("board-1"), []byte("started\nout of memory\n"), 0o600))
	require.NoError(t, syscall.Kill(s.Agents[0].PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { return !s.Agents[0].Alive() }, 5*time.Second, time.Millisecond)
	r, err := Status(t.Context(), dir)
	require.NoError(t, err)
	require.False(t, r.Healthy)
	require.False(t, r.Agents[0].Running)
	require.Equal(t, "has ended; its last words: out of memory", r.Agents[0].Why)
	require.Contains(t, r.Warnings, "agent of board-1 has ended; its last words: out of memory")
	require.True(t, r.Agents[1].Answers)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, Down(hurry, dir, false), "without patience, not without effect")
	requireGone(t, s)
}

// A builder that is killed at any moment leaves nothing that Down does not find.
func TestKilledBuilder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 6 {
		dir := folder(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), builderMode+"="+dir, agentMode+"=silent@board-3")
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { _, err := LoadState(dir); return err == nil }, 10*time.Second, time.Millisecond, "the state is there before all else")
		time.Sleep(time.Duration(rng.Int64N(int64(250 * time.Millisecond))))
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		s, err := LoadState(dir)
		require.NoError(t, err)
		require.Equal(t, Starting, s.Phase)
		r, err := Status(t.Context(), dir)
		require.NoError(t, err)
		require.Contains(t, strings.Join(r.Warnings, "\n"), "hidp testbed down clears it away")
		require.NoError(t, Down(t.Context(), dir, false))
		requireGone(t, s)
	}
}

// What a crash left is cleared by the next start; a folder of somebody else is not touched, and a busy one waited for.
func TestFoldersInUse(t *testing.T) {
	dir := folder(t)
	s := &State{Version: stateVersion, ID: newID(), Boot: "another start", Phase: Running, Agents: []Agent{{Node: "board-9", Process: Process{os.Getpid(), 1}}},
		Entries: []string{clocksName}, Dir: dir}
	s.Priority = &Priority{Group: filepath.Join(dir, mark(s.ID))}
	require.NoError(t, s.save())
	require.NoError(t, os.WriteFile(s.path(clocksName), nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(s.Folder("board-9"), "blobs"), 0o700))
	r, err := Status(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, "the machine was started anew", r.Agents[0].Why)
	o := fakeOptions(dir)
	o.Net = Shaped
	_, err = Up(t.Context(), spec(t, "emulated-3"), o)
	require.NoError(t, err)
	require.NoDirExists(t, s.Folder("board-9"))
	unlock, err := lockFolder(dir)
	require.NoError(t, err)
	require.ErrorContains(t, Down(t.Context(), dir, false), "another hidp testbed is at work")
	unlock()
	require.NoError(t, Down(t.Context(), dir, false))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600))
	_, err = Up(t.Context(), spec(t, "emulated-3"), o)
	require.ErrorContains(t, err, "is not empty (thesis.tex) and no testbed's folder")
	require.NoError(t, Down(t.Context(), dir, true))
	require.FileExists(t, filepath.Join(dir, "thesis.tex"))
	require.NoError(t, os.Remove(filepath.Join(dir, "thesis.tex")))

	o.Dir = filepath.Join(dir, strings.Repeat("long/", 25))
	_, err = Up(t.Context(), spec(t, "emulated-3"), o)
	require.ErrorContains(t, err, "choose a folder with a shorter path")
	o.Dir, o.Net = dir, "wifi"
	_, err = Up(t.Context(), spec(t, "emulated-3"), o)
	require.ErrorContains(t, err, `no network "wifi"; write shaped or ns`)
}

// A state file that names things elsewhere is refused, whoever wrote it.
func TestHostileState(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		`{`:              "no state of a testbed",
		`{"version": 9}`: "of another version (9)",
		`{"version": 1, "id": "12345678", "entries": ["../x"]}`:                        `"../x" is no name of a file`,
		`{"version": 1, "id": "12345678", "agents": [{"node": "/etc"}]}`:               `"/etc" is no name of a file`,
		`{"version": 1, "id": "12345678", "namespaces": ["other"]}`:                    `"other" is no namespace of the testbed`,
		`{"version": 1, "id": ""}`:                                                     "is no id of a testbed",
		`{"version": 1, "id": "12345678", "priority": {"group": "/home", "how": "x"}}`: `"/home" is no control group of the testbed`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, stateName), []byte(text), 0o600))
		_, err := LoadState(dir)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, Down(t.Context(), dir, false), want)
	}
}

// An id that was given to another process is not the testbed's any more.
func TestRecycledIDs(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Wait() }()
	defer cmd.Process.Kill()
	p, err := identify(cmd.Process.Pid)
	require.NoError(t, err)
	require.True(t, p.Alive())
	old := Process{PID: p.PID, Start: p.Start - 1}
	require.False(t, old.Alive())
	old.signal(syscall.SIGKILL)
	time.Sleep(20 * time.Millisecond)
	require.True(t, p.Alive())

	dir := folder(t)
	s := &State{Version: stateVersion, ID: newID(), Boot: bootID(), Phase: Running, Agents: []Agent{{Node: "a", Process: old}}, Dir: dir}
	require.NoError(t, s.save())
	require.NoError(t, Down(t.Context(), dir, false))
	require.True(t, p.Alive())
}

func TestStatOfOddNames(t *testing.T) {
	s, err := parseStat([]byte("77 (a) b (c)) S 1 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 123456 1000 3 18446744073709551615 0 0\n"))
	require.NoError(t, err)
	require.Equal(t, processStat{Process: Process{77, 123456}, name: "a) b (c)", parent: 1, state: 'S', cpu: 3 * time.Second, resident: 3 * int64(os.Getpagesize())}, s)
	for _, bad := range []string{"", "77 a S", "77 (a) S 1", "x (a) " + strings.Repeat("1 ", 30)} {
		_, err := parseStat([]byte(bad))
		require.Error(t, err, bad)
	}
}

// Everything of an agent but its clusters' threads stays off the CPUs of emulated clusters, and what it starts later too.
func TestAgentsAreConfined(t *testing.T) {
	cpus := allowedCPUs()
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Wait() }()
	defer cmd.Process.Kill()
	p, err := identify(cmd.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, confine(p, cpus[:1]))
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "status"))
	require.NoError(t, err)
	require.Contains(t, string(text), "Cpus_allowed_list:\t"+strconv.Itoa(cpus[0])+"\n")
	require.Error(t, confine(Process{PID: 1 << 30}, cpus))
}
