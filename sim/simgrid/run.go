package simgrid

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrMissing says that SimGrid or a C++ compiler is not installed.
var ErrMissing = errors.New("simgrid: SimGrid 3.32 and g++ are needed: run scripts/install-simgrid.sh (Debian: apt-get install g++ libsimgrid-dev)")

// Build compiles the C++ source file into folder dir and returns the program's path. The error is ErrMissing where that cannot be
// done on this machine.
func Build(source, dir string) (string, error) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		return "", ErrMissing
	}
	probe := exec.Command(compiler, "-E", "-x", "c++", "-")
	probe.Stdin = strings.NewReader("#include <simgrid/s4u.hpp>\n")
	if probe.Run() != nil {
		return "", ErrMissing
	}
	program := filepath.Join(dir, "replay")
	if text, err := exec.Command(compiler, "-std=c++17", "-O2", "-o", program, source, "-lsimgrid").CombinedOutput(); err != nil {
		return "", fmt.Errorf("simgrid: %s does not compile: %w\n%s", source, err, text)
	}
	return program, nil
}

// Outcome is what SimGrid made of a job.
type Outcome struct {
	Latencies []time.Duration // by request
	Cost      Cost
}

// Cost is what a simulation took. Times are those of the simulation alone, without reading files and building the platform.
type Cost struct {
	Requests int
	Mean     time.Duration // latency
	CPU      time.Duration // of all threads
	Wall     time.Duration
	Memory   int64 // largest resident set of the process, bytes
}

// precise makes SimGrid as exact as it can be. It takes events for simultaneous within 1 ns instead of 10 µs, and it recomputes all
// rates at every change: its default, to recompute only what it believes affected, misses changes in version 3.32 where transfers with
// a latency cross several links (mean latencies on such platforms move by up to 3 %).
var precise = []string{"--cfg=surf/precision:1e-9", "--cfg=network/optim:Full", "--cfg=network/maxmin-selective-update:0"}

// Replay runs a job with the program that Build made: with SimGrid's defaults, which are fast, or as exactly as it can.
func Replay(program string, job *Job, exactly bool) (*Outcome, error) {
	file, err := os.CreateTemp("", "simgrid-job-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	if err := errors.Join(job.Write(file), file.Close()); err != nil {
		return nil, err
	}
	args := []string{file.Name(), "--log=root.thres:error"}
	if exactly {
		args = append(args, precise...)
	}
	var faults bytes.Buffer
	run := exec.Command(program, args...)
	run.Stderr = &faults
	text, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("simgrid: %w: %s", err, faults.String())
	}
	return parse(string(text))
}

// parse reads what the program prints.
func parse(text string) (*Outcome, error) {
	out := &Outcome{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "#"); ok {
			var mean, cpu, wall float64
			var kilobytes int64
			if _, err := fmt.Sscan(rest, &out.Cost.Requests, &mean, &cpu, &wall, &kilobytes); err != nil {
				return nil, fmt.Errorf("simgrid: summary %q: %w", line, err)
			}
			out.Cost.Mean, out.Cost.CPU, out.Cost.Wall, out.Cost.Memory = seconds(mean), seconds(cpu), seconds(wall), kilobytes<<10
			continue
		}
		var latency float64
		if _, err := fmt.Sscan(line, &latency); err != nil {
			return nil, fmt.Errorf("simgrid: latency %q: %w", line, err)
		}
		if latency < 0 {
			return nil, fmt.Errorf("simgrid: request %d was never completed", len(out.Latencies))
		}
		out.Latencies = append(out.Latencies, seconds(latency))
	}
	if out.Cost.Requests != len(out.Latencies) || out.Cost.Requests == 0 {
		return nil, fmt.Errorf("simgrid: %d latencies, %d requests", len(out.Latencies), out.Cost.Requests)
	}
	return out, nil
}

func seconds(s float64) time.Duration { return time.Duration(s*1e9 + 0.5) }
