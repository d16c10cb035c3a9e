package deploy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Board is what a board turned out to be.
type Board struct {
	Node    string
	Arch    string // as Go calls it
	Model   string // from the device tree; empty: it has none
	Kernel  string
	Libc    string // "glibc 2.31"
	L4T     string // release of NVIDIA's Linux for Tegra, "36.4.3"; empty: no Jetson
	JetPack int    // that release's JetPack: 4, 5, 6, 7; 0: none or not known
	Systemd string // version; empty: not running there
	Free    int64  // bytes where the folder is or will be
	User    string
	Address string // host or IP of the agent
	Service Service
	Dir     string // absolute
	Warn    []string

	port, data    int
	uid           string
	home          string
	owned         bool    // something was deployed into the folder before
	installed     Service // by that deployment
	installedNode string
	units         string // in place of systemAt
	unusable      error  // why no agent can run there
}

const (
	minGlibc = 28                    // minor version: ONNX Runtime's builds for Linux ask for glibc 2.28
	maxSkew  = 20 * time.Hour        // certificates are valid from a day before they are made
	reserve  = int64(64) << 20       // bytes that must stay free
	systemAt = "/etc/systemd/system" // where administrators put units
	userAt   = ".config/systemd/user"
)

// newBoard reads what the probe said of a host. What keeps it from being used is in unusable.
func newBoard(h Host, f facts, now time.Time) *Board {
	b := &Board{Node: h.Node, Model: f["model"], Kernel: f["kernel"], Libc: f["libc"], Systemd: f["systemd"], User: f["user"], Dir: f["dir"],
		Address: orElse(h.Address, f["address"]), port: h.Port, data: h.Data, uid: f["uid"], home: f["home"],
		owned: f["owned"] != "", installed: Service(f["installed-service"]), installedNode: f["installed-node"]}
	b.Arch = goArch(f["machine"])
	b.L4T, b.JetPack = parseL4T(f["l4t"])
	kilobytes, _ := strconv.ParseInt(f["free"], 10, 64)
	b.Free = kilobytes << 10
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if f["system"] != "Linux" || f["machine"] == "" {
		fault("it runs %q, agents run on Linux (and its login shell must be one that POSIX scripts can be given to)", f["system"])
		b.unusable = errors.Join(faults...)
		return b
	}
	b.checkMachine(h, f, fault)
	b.checkPlace(f, fault)
	if err := b.checkMarker(); err != nil {
		fault("%w", err)
	}
	if !validHost(b.Address) {
		fault("where it is reached is not known (its SSH server says %q): give address in the hosts file", b.Address)
	}
	if at, err := strconv.ParseInt(f["time"], 10, 64); err != nil || now.Sub(time.Unix(at, 0)).Abs() > maxSkew {
		fault("its clock says %s, so certificates would not be valid there: set it (sudo timedatectl set-ntp true)", time.Unix(at, 0).UTC().Format(time.DateTime))
	}
	if f["tool-sha256sum"] == "" {
		fault("sha256sum is missing there: install coreutils")
	}
	b.chooseService(h, f, fault)
	b.warn(h, f)
	b.unusable = errors.Join(faults...)
	return b
}

// checkMachine adds why the program or the library cannot run.
func (b *Board) checkMachine(h Host, f facts, fault func(string, ...any)) {
	switch {
	case b.Arch == "":
		fault("its architecture %s is not supported: agents run on x86_64 and aarch64 (boards with a 32-bit system need a 64-bit one)", f["machine"])
	case f["bits"] == "32":
		fault("it has a 64-bit kernel under a 32-bit system, in which no 64-bit library loads: install a 64-bit one")
	case !strings.HasPrefix(b.Libc, "glibc "):
		fault("it has no GNU C library, which agents and ONNX Runtime need: use a Debian, Ubuntu, Fedora, …, not Alpine")
	case h.ORT == CopyORT && tooOld(b.Libc):
		fault("it has %s, the library of ONNX Runtime that is copied needs 2.%d: name one of the board's own with ort = \"/path/libonnxruntime.so\"", b.Libc, minGlibc)
	}
	if h.ORT != CopyORT && h.ORT != NoORT && f["ort"] == "" {
		fault("it has no readable file %s, which ort names", h.ORT)
	}
}

// checkPlace adds why nothing can be put into the folder.
func (b *Board) checkPlace(f facts, fault func(string, ...any)) {
	switch {
	case checkPath(b.Dir) != nil || !strings.HasPrefix(b.Dir, "/"):
		fault("the folder would be %q; give an absolute dir of letters, digits and . _ / + @ -", b.Dir)
	case f["foreign"] != "":
		fault("%s exists and has other things in it: choose another dir, or empty it", b.Dir)
	case f["writable"] == "":
		fault("user %s may not write %s: choose another dir, or change its owner", b.User, b.Dir)
	}
}

// checkMarker reports why what the last deployment noted cannot be believed.
func (b *Board) checkMarker() error {
	if b.owned && (!b.installed.chosen() || checkNode(b.installedNode) != nil) {
		return fmt.Errorf("%s/.hidp-deploy, which says what was deployed there, is damaged: end that agent and remove the folder by hand", b.Dir)
	}
	return nil
}

// chooseService decides who keeps the agent running, and where its unit goes.
func (b *Board) chooseService(h Host, f facts, fault func(string, ...any)) {
	b.Service = h.Service
	if h.Service == Auto {
		b.Service = Process
		if f["manager"] != "" {
			b.Service = User
		}
	}
	switch b.Service {
	case System:
		if !userName.MatchString(b.User) {
			fault("service = %q, but the user's name %q does not fit into a unit: choose %q", System, b.User, User)
		}
		if b.Systemd == "" {
			fault("service = %q, but systemd does not run there: choose %q", System, Process)
		} else if f["sudo"] == "" {
			fault("service = %q, but sudo asks %s for a password: allow it without one for systemctl, install and journalctl, or choose %q", System, b.User, User)
		}
	case User:
		if f["manager"] == "" {
			fault("service = %q, but %s has no systemd user manager there: choose %q or %q", User, b.User, System, Process)
		}
	}
}

func (b *Board) warn(h Host, f facts) {
	add := func(format string, args ...any) { b.Warn = append(b.Warn, fmt.Sprintf(format, args...)) }
	if b.L4T != "" && h.ORT == CopyORT {
		add("the copied ONNX Runtime computes on the CPU only: for the GPU put NVIDIA's library on the board and name it with ort")
	}
	groups := strings.Fields(f["groups"])
	if (b.L4T != "" || strings.HasPrefix(b.Model, "Raspberry Pi")) && b.uid != "0" && !slices.Contains(groups, "video") {
		add("user %s is not in the group video, which the GPU and the power monitor may ask for: sudo usermod -aG video %s", b.User, b.User)
	}
	if b.Service == Process {
		add("nobody starts the agent again after a crash or a reboot (service = %q)", Process)
	}
}

// unitsFolder is where the unit of a service goes.
func (b *Board) unitsFolder(s Service) string {
	if s == System {
		return orElse(b.units, systemAt)
	}
	return b.home + "/" + userAt
}

func goArch(machine string) string {
	switch machine {
	case "x86_64", "amd64":
		return "amd64"
	case "aarch64", "arm64":
		return "arm64"
	}
	return ""
}

func tooOld(libc string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(libc, "glibc %d.%d", &major, &minor); err != nil {
		return true
	}
	return major < 2 || major == 2 && minor < minGlibc
}

// parseL4T reads the first line of /etc/nv_tegra_release: "# R36 (release), REVISION: 4.3, GCID: …". The releases of JetPack are those
// of https://developer.nvidia.com/embedded/jetpack-archive: 4 has L4T 32, 5 has 34 and 35, 6 has 36, 7 has 38 and 39.
func parseL4T(line string) (release string, jetpack int) {
	var major int
	if _, err := fmt.Sscanf(line, "# R%d (release)", &major); err != nil {
		return "", 0
	}
	release = strconv.Itoa(major)
	if _, rest, ok := strings.Cut(line, "REVISION: "); ok {
		revision, _, _ := strings.Cut(rest, ",")
		release += "." + strings.TrimSpace(revision)
	}
	return release, map[int]int{32: 4, 34: 5, 35: 5, 36: 6, 38: 7, 39: 7}[major]
}
