package build

import (
	"regexp"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUncommittedBuildsAreToldApart(t *testing.T) {
	of := func(version, revision, modified, file string) string {
		info := &debug.BuildInfo{Main: debug.Module{Version: version}}
		if revision != "" {
			info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
		}
		return describe(info, func() string { return file })
	}
	require.Equal(t, "v1 abc", of("v1", "abc", "false", "f1"))
	require.Equal(t, of("v1", "abc", "false", "f1"), of("v1", "abc", "false", "f2"), "a commit says it all")
	require.NotEqual(t, of("v1", "abc", "true", "f1"), of("v1", "abc", "true", "f2"))
	require.NotEqual(t, of("v1", "abc", "true", "f1"), of("v1", "abc", "false", "f1"))
	require.NotEqual(t, of("(devel)", "", "", "f1"), of("(devel)", "", "", "f2"), "built without version control")
}

func TestThisProgram(t *testing.T) {
	require.Regexp(t, regexp.MustCompile(`modified [0-9a-f]{16}$`), Identity(), "test programs carry no commit")
	require.Equal(t, Identity(), Identity())
}
