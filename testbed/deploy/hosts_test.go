package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/testbed/controller"
)

func TestParseHosts(t *testing.T) {
	h, err := ParseHosts("lab/hosts.toml", []byte(`
platform = "paper-gbe"

[[host]]
node = "jetson-tx2"
ssh = "nvidia@10.0.0.11"

[[host]]
node = "jetson-orin-nx"
ssh = "[fe80::1%eth0]:2222"
address = "10.0.0.12"
port = 7500
data = 7501
ort = "/opt/ort/libonnxruntime.so"
dir = "/srv/hidp"
service = "system"
cluster = [{ name = "gpu", provider = "cuda" }]
`))
	require.NoError(t, err)
	require.Equal(t, &Hosts{Platform: "paper-gbe", TLS: "lab/tls", Hosts: []Host{
		{Node: "jetson-tx2", SSH: Destination{User: "nvidia", Host: "10.0.0.11"}, Port: 7400, Data: 7401, ORT: CopyORT, Dir: "hidp", Service: Auto},
		{Node: "jetson-orin-nx", SSH: Destination{Host: "fe80::1%eth0", Port: 2222}, Address: "10.0.0.12", Port: 7500, Data: 7501,
			ORT: "/opt/ort/libonnxruntime.so", Dir: "/srv/hidp", Service: System, Clusters: []controller.Cluster{{Name: "gpu", Provider: "cuda"}}},
	}}, h)
	byArgs, err := HostsOf("paper-gbe", "tls", []string{"jetson-tx2=nvidia@10.0.0.11", "raspberry-pi-5=pi5:2222"})
	require.NoError(t, err)
	require.Equal(t, h.Hosts[0], byArgs.Hosts[0])
	require.Equal(t, Destination{Host: "pi5", Port: 2222}, byArgs.Hosts[1].SSH)
}

// What could mean something to a shell, to ssh or to systemd is refused, all of it at once, with its line.
func TestHostileHosts(t *testing.T) {
	_, err := ParseHosts("hosts.toml", []byte(`platform = "paper-gbe"
[[host]]
node = "jetson-tx3"
ssh = "-oProxyCommand=reboot"
address = "10.0.0.1; reboot"
port = 0
dir = "$(reboot)"
ort = "lib.so"
service = "sytem"
[[host]]
node = "../x"
ssh = "root;reboot@host"
dir = "../.."
ort = "/a b"
colour = "red"
[[host]]
node = "jetson-nano"
ssh = "host"
data = 70000
cluster = [{ name = "gpus" }]
[[host]]
node = "jetson-nano"
ssh = "host"
`))
	for _, want := range []string{
		`hosts.toml:3: host[0].node: platform paper-gbe has no node "jetson-tx3" (did you mean "jetson-tx2"?)`,
		"hosts.toml:4: host[0].ssh: host", "hosts.toml:5: host[0].address", "hosts.toml:6: host[0].port", "hosts.toml:7: host[0].dir",
		"hosts.toml:8: host[0].ort", `hosts.toml:9: host[0].service: got "sytem" (did you mean "system"?)`,
		"hosts.toml:11: host[1].node", `hosts.toml:12: host[1].ssh: user "root;reboot"`, "hosts.toml:13: host[1].dir", "hosts.toml:14: host[1].ort",
		"hosts.toml:15", "hosts.toml:19: host[2].data", `has no cluster "gpus"`, "host[3].node: the same as that of host[2]", "host[3].dir: the same",
	} {
		require.ErrorContains(t, err, want)
	}
	for _, args := range [][]string{{"jetson-tx2"}, {"jetson-tx2=-x"}, {"jetson-tx2=a b"}, {"controller=a"}, {"jetson-tx2=host:0"}, {"jetson-tx2="}, {}} {
		_, err := HostsOf("paper-gbe", "tls", args)
		require.Error(t, err, "%q", args)
	}
	_, err = HostsOf("no-such-platform", "tls", []string{"jetson-tx2=host"})
	require.ErrorContains(t, err, "no-such-platform")
	_, err = OpenHosts(filepath.Join(t.TempDir(), "none.toml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, p := range []string{"", "/", ".", "..", "../a", "-a", "a b", "a\nb", "a;b", "a//b", "a/../b", "a/", "%h", "~"} {
		require.Error(t, checkPath(p), "%q", p)
	}
	for _, name := range []string{"", "ca", "controller", ".x", "-x", "a/b", "a b", "a\n", strings.Repeat("a", 65)} {
		require.Error(t, checkNode(name), "%q", name)
	}
}

// A destination that is accepted has no part that ssh could take for an option or a shell for syntax, and reads back as itself.
func TestDestinations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := ParseDestination(rapid.StringMatching(`[a-z0-9@:.\[\]%;$ '_-]{0,20}`).Draw(t, "destination"))
		if err != nil {
			return
		}
		require.NotContains(t, d.User+d.Host, ";")
		require.False(t, strings.HasPrefix(d.Host, "-") || strings.HasPrefix(d.User, "-"))
		require.False(t, strings.ContainsAny(d.User+d.Host, " ;$'[]"))
		again, err := ParseDestination(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}

// Whatever an argument holds, a shell passes it on as it is, through two rounds of quoting.
func TestQuote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(rapid.StringMatching(`[ -~\n\t\x{e4}\x{20ac}]{0,12}`), 1, 4).Draw(t, "args")
		out, err := exec.Command("sh", "-c", remoteCommand(`for a; do printf '%s\0' "$a"; done`, args)).Output()
		require.NoError(t, err)
		require.Equal(t, strings.Join(args, "\x00")+"\x00", string(out))
	})
}

func TestBoardFacts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	said := func(change map[string]string) facts {
		f := parseFacts("Welcome to the board!\nhidp:system=Linux\nhidp:machine=aarch64\nhidp:bits=64\nhidp:libc=glibc 2.31\nhidp:time=1800000100\n" +
			"hidp:dir=/home/nvidia/hidp\nhidp:home=/home/nvidia\nhidp:user=nvidia\nhidp:uid=1000\nhidp:groups=nvidia adm\nhidp:address=10.0.0.11\n" +
			"hidp:free=1000000\nhidp:writable=yes\nhidp:tool-sha256sum=yes\nhidp:manager=yes\nhidp:systemd=245\nhidp:sudo=yes\n" +
			"hidp:l4t=# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64\nnoise=1\n")
		for k, v := range change {
			f[k] = v
		}
		return f
	}
	h := Host{Node: "jetson-tx2", ORT: CopyORT, Dir: "hidp", Service: Auto, Port: 7400, Data: 7401}
	b := newBoard(h, said(nil), now)
	require.NoError(t, b.unusable)
	require.Equal(t, []any{"arm64", "35.4.1", 5, User, "10.0.0.11", int64(1_000_000 << 10)}, []any{b.Arch, b.L4T, b.JetPack, b.Service, b.Address, b.Free})
	require.Len(t, b.Warn, 2, "%v", b.Warn)
	for want, change := range map[string]map[string]string{
		"32-bit":           {"bits": "32"},
		"no GNU C library": {"libc": ""},
		"needs 2.28":       {"libc": "glibc 2.27"},
		"set it":           {"time": "0"},
		"give address":     {"address": ""},
		"may not write":    {"writable": ""},
		"other things":     {"foreign": "yes"},
		"coreutils":        {"tool-sha256sum": ""},
		"give an absolute": {"dir": "/home/a b/hidp"},
		"is damaged":       {"owned": "yes", "installed-service": "x; reboot", "installed-node": "a"},
		"not supported":    {"machine": "riscv64"},
	} {
		require.ErrorContains(t, newBoard(h, said(change), now).unusable, want)
	}
	require.ErrorContains(t, newBoard(h, facts{}, now).unusable, "agents run on Linux")
	h.Service = System
	require.ErrorContains(t, newBoard(h, said(map[string]string{"sudo": ""}), now).unusable, "asks nvidia for a password")
	require.ErrorContains(t, newBoard(h, said(map[string]string{"user": "a b"}), now).unusable, "does not fit into a unit")
	require.ErrorContains(t, newBoard(h, said(map[string]string{"systemd": ""}), now).unusable, "does not run there")
	for line, want := range map[string]int{"# R32 (release), REVISION: 7.1, GCID: 1": 4, "# R36 (release), REVISION: 4.3, X": 6, "": 0, "nonsense": 0} {
		_, jetpack := parseL4T(line)
		require.Equal(t, want, jetpack, line)
	}
}

// The files that docs/boards.md shows are ones that can be read.
func TestDocumentedFiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/boards.md")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, issue(filepath.Join(dir, "tls"), []string{ControllerName}, time.Now()))
	var hosts, agents int
	for _, block := range strings.Split(string(page), "```toml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if strings.Contains(text, "[[host]]") {
			hosts++
			_, err = ParseHosts("boards.md", []byte(text))
		} else {
			agents++
			_, err = controller.ParseRoster("boards.md", []byte(text), dir)
		}
		require.NoError(t, err, text)
	}
	require.Equal(t, []int{1, 1}, []int{hosts, agents})
}
