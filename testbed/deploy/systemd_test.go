package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
)

// systemctlDouble notes its calls and starts what a unit says, without supervision: there is no systemd where tests run.
const systemctlDouble = `#!/bin/sh
state=$HOME/../state
mkdir -p "$state"
echo "systemctl $*" >>"$state/calls"
units=$HOME/../units
[ "$1" = --user ] && { shift; units=$HOME/.config/systemd/user; }
end() { kill "$(cat "$state/pid")" 2>/dev/null; rm -f "$state/pid"; }
case $1 in
show) echo Version=252 ;;
restart) end; setsid $(sed -n 's/^ExecStart=//p' "$units/$2") >"$state/log" 2>&1 </dev/null & echo $! >"$state/pid" ;;
stop) end ;;
is-active) kill -0 "$(cat "$state/pid")" ;;
esac
`

// tools stand for systemd, for a user who is not root, and for sudo without a password.
func systemdTools() map[string]string {
	note := func(does string) string {
		return "#!/bin/sh\necho \"${0##*/} $*\" >>\"$HOME/../state/calls\"\n" + does + "\n"
	}
	return map[string]string{
		"systemctl":  systemctlDouble,
		"loginctl":   note(`[ "$1" = show-user ] && echo Linger=no; exit 0`),
		"sudo":       note(`shift; exec "$@"`),
		"journalctl": note(`cat "$HOME/../state/log"`),
		"id":         "#!/bin/sh\ncase $1 in -u) echo 1000 ;; -un) echo pi ;; *) echo pi ;; esac\n",
	}
}

func TestSystemd(t *testing.T) {
	for _, service := range []Service{User, System} {
		t.Run(string(service), func(t *testing.T) { checkSystemd(t, service) })
	}
}

func checkSystemd(t *testing.T, service Service) {
	s := startServer(t, systemdTools())
	require.NoError(t, os.MkdirAll(filepath.Join(s.folder, "state"), 0o755))
	hosts, o := s.hosts(t, "raspberry-pi-5"), s.options(t)
	o.units = filepath.Join(s.folder, "units")
	hosts.Hosts[0].Service = Process
	_, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	pid := filepath.Join(s.home, "agents-raspberry-pi-5", "agent.pid")
	require.FileExists(t, pid)

	hosts.Hosts[0].Service = service
	if service == User {
		hosts.Hosts[0].Service = Auto
	}
	list, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = exec.Command("sh", "-c", `kill "$(cat "$1")"`, "sh", filepath.Join(s.folder, "state", "pid")).Run()
	})
	require.NoFileExists(t, pid, "the process of the former deployment was ended")
	require.Equal(t, service, list[0].Service)
	calls := read(t, filepath.Join(s.folder, "state", "calls"))
	unit, at := "hidp-agent-raspberry-pi-5.service", filepath.Join(o.units, "hidp-agent-raspberry-pi-5.service")
	if service == User {
		at = filepath.Join(s.home, ".config/systemd/user", unit)
		require.Contains(t, calls, "loginctl enable-linger\n")
		require.Contains(t, calls, "systemctl --user enable "+unit+"\nsystemctl --user reset-failed "+unit+"\nsystemctl --user restart "+unit+"\n")
		require.NotContains(t, strings.ReplaceAll(calls, "sudo -n true\n", ""), "sudo", "a user unit takes no sudo")
	} else {
		require.Contains(t, calls, "sudo -n systemctl restart "+unit+"\n")
		require.NotContains(t, calls, "linger")
	}
	require.Contains(t, read(t, at), "Restart=on-failure")
	states, err := Status(t.Context(), hosts, o)
	require.NoError(t, err)
	require.NoError(t, states[0].Err)
	require.True(t, states[0].Running)

	_, err = Remove(t.Context(), hosts, o)
	require.NoError(t, err)
	require.NoFileExists(t, at)
	require.NoDirExists(t, filepath.Join(s.home, "agents-raspberry-pi-5"))
	if service == User {
		require.Contains(t, read(t, filepath.Join(s.folder, "state", "calls")), "loginctl disable-linger\n")
		require.NoDirExists(t, filepath.Dir(at))
	}
}

func TestUnit(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hidp"), []byte("#!/bin/sh\n"), 0o755))
	b := &Board{Node: "tx2", Dir: dir, User: "root", port: 7400}
	for _, service := range []Service{System, User} {
		b.Service = service
		text := string(b.unit(Host{ORT: CopyORT}))
		require.Contains(t, text, "ExecStart="+dir+"/hidp agent --name tx2 --listen :7400 --dir "+dir+"/data --tls "+dir+"/tls --ort "+dir+"/lib/libonnxruntime.so.1\n")
		for _, key := range []string{"Restart=on-failure", "NoNewPrivileges=yes", "LimitNOFILE=", "MemoryMax=90%", "TasksMax="} {
			require.Contains(t, text, "\n"+key)
		}
		for _, key := range []string{"PrivateDevices", "DevicePolicy", "ProtectClock", "MemoryDenyWriteExecute"} {
			require.NotContains(t, text, key, "GPUs and power monitors must stay readable")
		}
		require.Equal(t, service == System, strings.Contains(text, "\nProtectSystem=strict\n"))
		require.Equal(t, service == System, strings.Contains(text, "\nReadWritePaths="+dir+"\n"))
		path := filepath.Join(dir, unitName("tx2"))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		analyze(t, service, path)
	}
	require.NotContains(t, string(b.unit(Host{ORT: NoORT})), "--ort")
	require.Contains(t, string(b.unit(Host{ORT: "/opt/ort/libonnxruntime.so"})), "--ort /opt/ort/libonnxruntime.so\n")
}

// analyze has systemd itself read the unit, where it is installed.
func analyze(t *testing.T, service Service, path string) {
	tool, err := exec.LookPath("systemd-analyze")
	if !parts.Have(t, parts.Systemd, err) {
		t.Log("systemd-analyze is missing: the unit is not verified")
		return
	}
	cmd := exec.Command(tool, "verify", "--"+string(service), path)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	t.Logf("%s: %v\n%s", service, err, out)
	require.NotContains(t, string(out), filepath.Base(path)+":", "what systemd says of lines of the unit")
	require.NotContains(t, string(out), "not executable")
}
