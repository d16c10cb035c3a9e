package control

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"hidp/internal/parts"
)

// The generated code is that of control.proto.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	protoc := parts.Program(t, parts.Protoc, "protoc")
	file := filepath.Join(t.TempDir(), "set")
	out, err := exec.Command(protoc, "-I", ".", "--descriptor_set_out="+file, "control.proto").CombinedOutput()
	require.NoError(t, err, "%s", out)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var set descriptorpb.FileDescriptorSet
	require.NoError(t, proto.Unmarshal(data, &set))
	require.Len(t, set.File, 1)
	require.True(t, proto.Equal(set.File[0], protodesc.ToFileDescriptorProto(File_control_proto)), "run `make proto`")
}
