// Package build says which program this is, so that what two programs computed is not mixed.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// Identity names the program: module version and commit. Where these do not tell what the program was built from, which is so for
// changes that are not committed, a hash of the program's own file follows.
func Identity() string { return identity() }

var identity = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown) " + ownHash()
	}
	return describe(info, ownHash)
})

// describe is Identity for what the program knows of its build.
func describe(info *debug.BuildInfo, hash func() string) string {
	text, revision, modified := info.Main.Version, "", false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if revision != "" {
		text += " " + revision
	}
	if modified || revision == "" {
		text += " modified " + hash()
	}
	return text
}

// ownHash returns a hash of the program's file.
func ownHash() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
