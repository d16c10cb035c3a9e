package deploy

import (
	"crypto/tls"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
	"hidp/testbed/controller"
)

// A deployment from nothing, one that finds everything there, one of a changed program, and its removal.
func TestDeploy(t *testing.T) {
	s := startServer(t, nil)
	hosts, o := s.hosts(t, "jetson-tx2", "jetson-nano"), s.options(t)
	list, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	require.Len(t, list, 2)
	for i, node := range []string{"jetson-tx2", "jetson-nano"} {
		require.Equal(t, []string{"hidp", libraryFile, "tls/ca.pem", "tls/" + node + ".pem", "tls/" + node + ".key", "run"}, list[i].Copied)
		require.True(t, list[i].Restarted)
		require.Equal(t, node, list[i].Agent.Name)
		require.Equal(t, "127.0.0.1", list[i].Address)
	}
	t.Run("certificates", func(t *testing.T) { checkCertificates(t, s, hosts) })
	t.Run("agents file", func(t *testing.T) { checkRoster(t, hosts, list) })

	again, err := Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	for i := range again {
		require.Empty(t, again[i].Copied)
		require.False(t, again[i].Restarted)
		require.Equal(t, list[i].Agent.Boot, again[i].Agent.Boot, "an agent for which nothing changed goes on")
	}

	changed := filepath.Join(s.folder, "changed")
	require.NoError(t, os.WriteFile(changed, append([]byte(read(t, o.Binaries[list[0].Arch])), "and more"...), 0o755))
	o.Binaries[list[0].Arch] = changed
	again, err = Deploy(t.Context(), hosts, o)
	require.NoError(t, err)
	for i := range again {
		require.Equal(t, []string{"hidp"}, again[i].Copied)
		require.NotEqual(t, list[i].Agent.Boot, again[i].Agent.Boot)
	}

	states, err := Status(t.Context(), hosts, o)
	require.NoError(t, err)
	for _, state := range states {
		require.NoError(t, state.Err)
		require.True(t, state.Deployed && state.Running)
		require.Equal(t, state.Node, state.Agent.Name)
	}

	left, err := Remove(t.Context(), hosts, o)
	require.NoError(t, err)
	require.Empty(t, left)
	entries, err := os.ReadDir(s.home)
	require.NoError(t, err)
	require.Empty(t, entries, "removal leaves nothing")
	states, err = Status(t.Context(), hosts, o)
	require.NoError(t, err)
	require.False(t, states[0].Deployed || states[0].Running)
	_, err = Remove(t.Context(), hosts, o)
	require.NoError(t, err, "nothing is there, nothing is done")
}

func checkCertificates(t *testing.T, s *sshServer, hosts *Hosts) {
	for _, h := range hosts.Hosts {
		dir := filepath.Join(s.home, h.Dir)
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
		var found []string
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(filepath.Base(filepath.Dir(path)), "tls") {
				info, _ := d.Info()
				require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
				found = append(found, d.Name())
			}
			return err
		}))
		require.ElementsMatch(t, []string{"ca.pem", h.Node + ".pem", h.Node + ".key"}, found, "the authority's key and those of others stay here")
		key, err := os.ReadFile(filepath.Join(hosts.TLS, "ca.key"))
		require.NoError(t, err)
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				require.NotContains(t, read(t, path), string(key), path)
			}
			return err
		}))
		requireRefused(t, join("127.0.0.1", h.Port), credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
		requireRefused(t, join("127.0.0.1", h.Port), insecure.NewCredentials())
	}
	// A board's certificate is genuine, but its owner is not the controller.
	_, err := askAs(t, hosts, "jetson-nano", hosts.Hosts[0])
	require.ErrorContains(t, err, ControllerName)
	info, err := os.Stat(filepath.Join(hosts.TLS, "ca.key"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func requireRefused(t *testing.T, address string, c credentials.TransportCredentials) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(c))
	require.NoError(t, err)
	defer conn.Close()
	_, err = control.NewAgentClient(conn).Describe(t.Context(), &control.DescribeRequest{Protocol: control.Protocol})
	require.Equal(t, codes.Unavailable, status.Code(err), "without a certificate nobody is answered: %v", err)
}

// askAs asks as another node instead of the controller.
func askAs(t *testing.T, hosts *Hosts, name string, h Host) (*control.Description, error) {
	dir := t.TempDir()
	for from, to := range map[string]string{"ca.pem": "ca.pem", name + ".pem": "controller.pem", name + ".key": "controller.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), []byte(read(t, filepath.Join(hosts.TLS, from))), 0o600))
	}
	return ask(t.Context(), dir, h.Node, join("127.0.0.1", h.Port), "")
}

func checkRoster(t *testing.T, hosts *Hosts, list []Installed) {
	r, err := Roster(hosts, list)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "agents.toml")
	require.NoError(t, os.WriteFile(path, r.Encode(), 0o644))
	opened, err := controller.OpenRoster(path)
	require.NoError(t, err)
	e, ok := opened.Entry("jetson-tx2")
	require.True(t, ok)
	require.Equal(t, join("127.0.0.1", hosts.Hosts[0].Port), e.Address)
	require.Equal(t, join("127.0.0.1", hosts.Hosts[0].Data), e.Data)
	require.Equal(t, hosts.TLS, opened.TLS)
}

// A certificate that ends soon is made anew and brought to the board.
func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	require.NoError(t, issue(dir, []string{"tx2"}, now))
	first := read(t, filepath.Join(dir, "tx2.pem"))
	require.NoError(t, issue(dir, []string{"tx2"}, now.AddDate(4, 0, 0)))
	require.Equal(t, first, read(t, filepath.Join(dir, "tx2.pem")))
	require.NoError(t, os.Remove(filepath.Join(dir, "ca.key")))
	require.NoError(t, os.Remove(filepath.Join(dir, "ca.pem")))
	require.NoError(t, issue(dir, []string{"tx2"}, now), "the certificate of a former authority is replaced")
	require.NotEqual(t, first, read(t, filepath.Join(dir, "tx2.pem")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tx2.pem"), []byte("nonsense"), 0o600))
	require.ErrorContains(t, issue(dir, []string{"tx2"}, now), "remove it")
}
