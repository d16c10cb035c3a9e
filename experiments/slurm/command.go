package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// MissingProgramError says that a program of Slurm is not on the PATH.
type MissingProgramError struct{ Program string }

func (e *MissingProgramError) Error() string {
	return e.Program + " is not on the PATH: run this on a login node of the cluster (often after `module load slurm`), or use the local engine"
}

// RefusedError is what a program of Slurm answered instead of doing what it was asked.
type RefusedError struct{ Program, Message string }

func (e *RefusedError) Error() string { return e.Program + ": " + e.Message }

// transient tells whether Slurm was only not to be reached, so that asking again may help.
func (e *RefusedError) transient() bool {
	return containsAny(e.Message, "Unable to contact slurm controller", "Socket timed out", "Connection refused", "Connection timed out",
		"temporarily", "Zero Bytes were transmitted", "no answer within")
}

// limited tells whether a smaller submission may be accepted.
func (e *RefusedError) limited() bool {
	return containsAny(e.Message, "submit limit", "Invalid job array specification", "job limit", "MaxSubmit")
}

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// call runs a program of Slurm and returns its standard output. It gives up after limit.
func call(ctx context.Context, limit time.Duration, program string, args ...string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", &MissingProgramError{program}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment(os.Environ())
	cmd.WaitDelay = time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err = cmd.Run(); err == nil {
		return out.String(), nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "", &RefusedError{program, fmt.Sprintf("no answer within %v", limit)}
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return "", &RefusedError{program, plain(program, complaint.String(), err)}
}

// plain joins the lines of a complaint without the prefixes that Slurm's programs put before each.
func plain(program, text string, err error) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), program+": ")
		line = strings.TrimPrefix(line, "error: ")
		if line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return err.Error()
	}
	return strings.Join(lines, "; ")
}

// environment drops the user's squeue settings, which would change what we read, and asks for full lists and plain English.
func environment(env []string) []string {
	kept := []string{}
	for _, v := range env {
		if !strings.HasPrefix(v, "SQUEUE_") && !strings.HasPrefix(v, "SCANCEL_") && !strings.HasPrefix(v, "SLURM_BITSTR_LEN=") {
			kept = append(kept, v)
		}
	}
	return append(kept, "SLURM_BITSTR_LEN=0", "LC_ALL=C")
}
