package inference

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// release is a library that scripts/fetch-ort.sh fetches. A test holds the sums here against those of the script.
type release struct {
	name    string
	buildID string // what the linker wrote into it
	size    int64
	sum     string // SHA-256
}

func releases() []release {
	return []release{
		{"ONNX Runtime 1.27.0 for amd64", "078ad2493ead9dc6f21e4cc125f14089b1e27995", 38023776,
			"d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221"},
		{"ONNX Runtime 1.27.0 for arm64", "f1ceeb789ab2b5985c32dbb9019bb069945b11d7", 20001880,
			"c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f"},
	}
}

// DamagedError says that a library claims to be a release, by the build ID or by the size, and is not: some bytes differ.
type DamagedError struct{ Path, Release, Got, Want string }

// Error implements error.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is %s but for some bytes, so that it is damaged, and is not loaded: fetch it again (rm the file, make ort); "+
		"its SHA-256 is %s and should be %s", e.Path, e.Release, e.Got, e.Want)
}

// checkGenuine refuses a damaged copy of a release. A library that claims to be none of them is the user's own choice.
func checkGenuine(path string, f *elf.File) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	id := buildID(f)
	for _, r := range releases() {
		if r.buildID != id && r.size != info.Size() {
			continue
		}
		got, err := sum(path, r.size)
		if err != nil {
			return err
		}
		if got != r.sum {
			return &DamagedError{path, r.name, got, r.sum}
		}
	}
	return nil
}

// sum returns the SHA-256 of a file, of which no more is read than one byte over most.
func sum(path string, most int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, most+1)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// buildID returns what the linker wrote into the note of that name, or "".
func buildID(f *elf.File) string {
	s := f.Section(".note.gnu.build-id")
	if s == nil || s.Size > 1024 {
		return ""
	}
	note, err := s.Data()
	const header = 12 // sizes of name and description, type
	if err != nil || len(note) < header {
		return ""
	}
	name, size := f.ByteOrder.Uint32(note), f.ByteOrder.Uint32(note[4:])
	at := header + (int64(name)+3)/4*4
	if !bytes.HasPrefix(note[header:], []byte("GNU\x00")) || at+int64(size) > int64(len(note)) {
		return ""
	}
	return hex.EncodeToString(note[at : at+int64(size)])
}
