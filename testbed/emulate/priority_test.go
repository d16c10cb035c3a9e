package emulate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindCgroups(t *testing.T) {
	hybrid := "31 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n" +
		"32 24 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n33 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\nodd\n"
	require.Equal(t, cgroups{v1: "/sys/fs/cgroup/cpu,cpuacct", v2: "/sys/fs/cgroup/unified", parents: []string{"/sys/fs/cgroup/unified"}}, findCgroups(hybrid, "1:cpu:/x\n0::/\n"))
	unified := "33 24 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	require.Equal(t, []string{"/sys/fs/cgroup", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup/user.slice/user-1.slice"}, findCgroups(unified, "0::/user.slice/user-1.slice\n").parents)
	require.Equal(t, cgroups{}, findCgroups("", ""))
}

// The first group that can be made is taken; one that cannot is told of, and not left behind.
func TestRaise(t *testing.T) {
	root := t.TempDir()
	delegated := filepath.Join(root, "user")
	require.NoError(t, os.Mkdir(delegated, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("memory pids\n"), 0o600))
	var noted []*Priority
	note := func(p *Priority) error { noted = append(noted, p); return nil }
	c := cgroups{v2: root, parents: []string{root, delegated}}
	p, err := c.raise("hidp-1", note)
	require.NoError(t, err)
	require.Empty(t, p.Group)
	require.Contains(t, p.How, "not delegated to this user")

	require.NoError(t, os.WriteFile(filepath.Join(delegated, "cgroup.subtree_control"), []byte("cpu memory\n"), 0o600))
	noted = nil
	p, err = c.raise("hidp-1", func(p *Priority) error {
		require.NoDirExists(t, p.Group, "it is noted before it is made")
		return note(p)
	})
	require.NoError(t, err)
	require.Equal(t, []*Priority{p}, noted)
	require.Equal(t, &Priority{Group: filepath.Join(delegated, "hidp-1"), How: "cpu.weight 10000"}, p)
	weight, err := os.ReadFile(filepath.Join(p.Group, "cpu.weight"))
	require.NoError(t, err)
	require.Equal(t, "10000", string(weight))

	c = cgroups{v1: filepath.Join(root, "nowhere")}
	p, err = c.raise("hidp-1", note)
	require.NoError(t, err)
	require.Empty(t, p.Group)
	require.Contains(t, p.How, "not raised above other load")
}
