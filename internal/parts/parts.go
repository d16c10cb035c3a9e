// Package parts lets tests say what they need of the machine: an inference library, another simulator, a batch system, root's rights.
//
// A test without its part is skipped, so that a machine with Go alone can run all the tests it has parts for. The environment variable
// REQUIRE names the parts that must be there ("all", or names with commas between them): a test without one of those fails.
// The project's gate sets REQUIRE=all, so a green gate means that every test ran.
//
// Skips for other reasons go through this package too, so that each is stated: Long for `go test -short`, Only for another system or
// processor. A test of internal/architecture holds all test files to that.
package parts

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Part is something that a machine may lack.
type Part string

// The parts, by the names that REQUIRE takes.
const (
	ONNXRuntime      Part = "onnxruntime"       // the library for this machine's processor
	ONNXRuntimeARM64 Part = "onnxruntime-arm64" // the library for 64-bit ARM
	QEMU             Part = "qemu"              // runs programs for 64-bit ARM, with the C and C++ libraries of that architecture
	SimGrid          Part = "simgrid"           // with a C++ compiler
	Slurm            Part = "slurm"             // with MUNGE
	SSHD             Part = "sshd"              // with an SSH client
	Namespaces       Part = "namespaces"        // network namespaces
	Mounts           Part = "mounts"            // the right to mount a file system in memory
	Models           Part = "models"            // real ONNX files
	GCC              Part = "gcc"
	Protoc           Part = "protoc"
	Python           Part = "python" // Python 3
	Perl             Part = "perl"
	Systemd          Part = "systemd" // systemd-analyze, which reads units; no running systemd
)

// all lists every part with the way to get it.
func all() map[Part]string {
	return map[Part]string{
		ONNXRuntime:      "run scripts/fetch-ort.sh",
		ONNXRuntimeARM64: "run scripts/fetch-ort.sh arm64",
		QEMU:             "run scripts/install-qemu.sh",
		SimGrid:          "run scripts/install-simgrid.sh",
		Slurm:            "run scripts/slurm-fixture.sh install",
		SSHD:             "run scripts/install-sshd.sh",
		Namespaces:       "run the tests as root on Linux",
		Mounts:           "run the tests as root on Linux",
		Models:           "run scripts/fetch-test-models.sh",
		GCC:              "run scripts/install-tools.sh",
		Protoc:           "run scripts/install-tools.sh",
		Python:           "run scripts/install-tools.sh",
		Perl:             "run scripts/install-tools.sh",
		Systemd:          "run scripts/install-tools.sh",
	}
}

// Need ends the test if err says that a part is missing: the test is skipped, or fails if REQUIRE names the part. A nil err means that
// the part is there.
func Need(t testing.TB, p Part, err error) {
	t.Helper()
	if !Have(t, p, err) {
		t.Skip(missing(p, err))
	}
}

// Have reports whether a part is there, for tests that do less without it. The test fails if the part is missing and REQUIRE names it.
func Have(t testing.TB, p Part, err error) bool {
	t.Helper()
	need, fault := required(os.Getenv("REQUIRE"), p)
	if fault != nil {
		t.Fatal(fault)
	}
	if err != nil && need {
		t.Fatalf("REQUIRE names %s: %s", p, missing(p, err))
	}
	return err == nil
}

// Program returns the path of a part's program, or ends the test as Need does. Folders are looked into after those of PATH.
func Program(t testing.TB, p Part, name string, folders ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	for _, folder := range folders {
		if err != nil {
			path, err = exec.LookPath(folder + "/" + name)
		}
	}
	Need(t, p, err)
	return path
}

// File returns path, which belongs to a part, or ends the test as Need does.
func File(t testing.TB, p Part, path string) string {
	t.Helper()
	_, err := os.Stat(path)
	Need(t, p, err)
	return path
}

func missing(p Part, err error) string { return fmt.Sprintf("%s is missing: %v: %s", p, err, all()[p]) }

// required reports whether the value of REQUIRE names a part. An unknown name is an error: a slip must not let tests skip.
func required(value string, p Part) (bool, error) {
	ways := all()
	if _, known := ways[p]; !known {
		return false, fmt.Errorf("parts: no part %q", p)
	}
	named := false
	for _, name := range strings.Split(value, ",") {
		name = strings.TrimSpace(name)
		_, known := ways[Part(name)]
		if name != "" && name != "all" && !known {
			return false, fmt.Errorf("REQUIRE: no part %q; there are all, %s", name, strings.Join(names(ways), ", "))
		}
		named = named || name == "all" || name == string(p)
	}
	return named, nil
}

func names(ways map[Part]string) []string {
	var out []string
	for p := range ways {
		out = append(out, string(p))
	}
	slices.Sort(out)
	return out
}
