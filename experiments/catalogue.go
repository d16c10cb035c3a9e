package experiments

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"

	"hidp/internal/strict"
)

//go:embed fig5.toml claims.toml
var files embed.FS

// Names lists the experiments, in the order in which they are reproduced.
func Names() []string { return []string{"fig5", "claims"} }

// Get returns the experiment called name. The error for an unknown name suggests the nearest known one.
func Get(name string) (*Experiment, error) {
	data, err := files.ReadFile(name + ".toml")
	if err != nil {
		return nil, fmt.Errorf("no experiment %q%s; known are %s", name, strict.Suggest(name, Names()), strings.Join(Names(), ", "))
	}
	return parseExperiment(name+".toml", data)
}

// configHash returns the SHA-256 of the experiment's file.
func configHash(name string) string {
	data, err := files.ReadFile(name + ".toml")
	if err != nil {
		panic("experiments: no file of " + name)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
