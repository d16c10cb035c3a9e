package wire_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/testbed/wire"
)

// secured returns a transport with the certificate of another name, perhaps.
func secured(t *testing.T, dir, name, certificate string) *wire.TCP {
	o := impatient(name)
	var err error
	o.TLS, err = wire.LoadTLS(dir, certificate)
	require.NoError(t, err)
	return listen(t, o)
}

func authority(t *testing.T, names ...string) string {
	dir := filepath.Join(t.TempDir(), "certificates")
	a, err := wire.OpenAuthority(dir)
	require.NoError(t, err)
	for _, n := range names {
		require.NoError(t, a.Issue(n))
	}
	return dir
}

func TestUnauthenticatedPeersAreRefused(t *testing.T) {
	dir, other := authority(t, "a", "b", "c"), authority(t, "a", "b")
	b := secured(t, dir, "b", "b")
	for name, from := range map[string]*wire.TCP{
		"no TLS":             listen(t, impatient("a")),
		"another authority":  secured(t, other, "a", "a"),
		"another's identity": secured(t, dir, "a", "c"),
	} {
		require.NoError(t, from.AddPeer("b", b.Addr().String()))
		require.Error(t, from.Send(within(t), "b", piece(1, 1)), name)
	}
	imposter := secured(t, dir, "b", "c")
	a := secured(t, dir, "a", "a")
	require.NoError(t, a.AddPeer("b", imposter.Addr().String()))
	require.ErrorIs(t, a.Send(within(t), "b", piece(1, 1)), wire.ErrRefused, "the listener is not b")
	require.NoError(t, a.AddPeer("b", b.Addr().String()))
	require.NoError(t, a.Send(within(t), "b", piece(2, 1)))
	require.EqualValues(t, 2, take(t, b).Message.Op)

	plain := listen(t, impatient("b"))
	require.NoError(t, a.AddPeer("c", plain.Addr().String()))
	require.Error(t, a.Send(within(t), "c", piece(1, 1)), "a listener without TLS")
}

func TestNothingLeavesTheMachineWithoutTLS(t *testing.T) {
	_, err := wire.Listen("0.0.0.0:0", impatient("a"))
	require.ErrorContains(t, err, "no TLS")
	_, err = wire.Listen(":0", impatient("a"))
	require.ErrorContains(t, err, "no TLS")
	a := listen(t, impatient("a"))
	require.ErrorContains(t, a.AddPeer("b", "192.0.2.1:7000"), "no TLS")
	require.ErrorContains(t, a.AddPeer("b", "board.local:7000"), "no TLS")
	require.NoError(t, a.AddPeer("b", "localhost:7000"))
	o := impatient("a")
	o.Insecure = true
	open, err := wire.Listen("0.0.0.0:0", o)
	require.NoError(t, err)
	require.NoError(t, open.Close())
}

func TestAuthorityIsKept(t *testing.T) {
	dir := authority(t, "a")
	first, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	again, err := wire.OpenAuthority(dir)
	require.NoError(t, err)
	require.NoError(t, again.Issue("b"))
	second, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	require.Equal(t, first, second)
	for _, name := range []string{"ca.key", "a.key", "b.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
	}
	for _, name := range []string{"", "../x", "ca", "a b"} {
		require.Error(t, again.Issue(name), name)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "ca.key")))
	_, err = wire.OpenAuthority(dir)
	require.ErrorContains(t, err, "other half")
	_, err = wire.LoadTLS(dir, "nobody")
	require.ErrorContains(t, err, "nobody")
}
