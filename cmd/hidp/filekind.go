package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
)

// fileKind is a kind of file that people write or that commands make. It is known by keys that stand at its top.
type fileKind struct {
	name string
	has  []string // keys that it has, all of them
	not  []string // and that it has not
	use  string   // the command that takes it
}

// fileKinds lists the kinds that can be taken for one another. The first that fits a file is its kind.
func fileKinds() []fileKind {
	return []fileKind{
		{"an optimization", []string{"objective", "axis"}, nil, "hidp optimize FILE"},
		{"a sweep", []string{"scenario", "axis"}, []string{"objective"}, "hidp sweep FILE --out DIR"},
		{"a fleet", []string{"site", "workload"}, nil, "hidp fleet FILE"},
		{"a scenario", []string{"platform", "workload"}, []string{"axis"}, "hidp run FILE"},
		{"a board", []string{"cluster", "memory"}, nil, "hidp board check FILE, or --platform board:FILE"},
		{"a layer table", []string{"layer"}, nil, "--model FILE"},
		{"an agents file", []string{"agent"}, nil, "hidp replay PLAN.json --agents FILE"},
		{"a hosts file", []string{"host"}, nil, "hidp testbed deploy FILE"},
		{"a testbed", []string{"platform", "node"}, nil, "hidp testbed up FILE"},
		{"a platform", []string{"node"}, []string{"platform"}, "--platform FILE"},
		{"a platform", []string{"base"}, []string{"platform", "kind"}, "--platform FILE"},
		{"a validation matrix", []string{"models", "method"}, nil, "hidp validate --matrix FILE"},
		{"a plan", []string{"ops", "model"}, nil, "hidp simulate FILE"},
	}
}

// takes is the kind of file that a command takes as its first argument, by the command's path.
func takes() map[string]string {
	return map[string]string{"hidp run": "a scenario", "hidp sweep": "a sweep", "hidp optimize": "an optimization", "hidp fleet": "a fleet",
		"hidp simulate": "a plan", "hidp replay": "a plan", "hidp testbed up": "a testbed", "hidp testbed deploy": "a hosts file",
		"hidp model inspect": "a layer table", "hidp board show": "a board", "hidp board check": "a board",
		"hidp calibrate check": "a board", "hidp calibrate plan": "a board"}
}

// flagTakes is the kind of file that a flag takes, by the flag's name.
func flagTakes() map[string]string {
	return map[string]string{"platform": "a platform", "board": "a board", "model": "a layer table", "agents": "an agents file", "matrix": "a validation matrix"}
}

// misplaced says that a file on the command line is of another kind than what the command or the flag takes, and who takes it; "" where
// nothing of that kind is wrong. It is for commands that have failed already.
func misplaced(c *cobra.Command) string {
	if want, ok := takes()[c.CommandPath()]; ok && c.Flags().NArg() > 0 {
		if hint := mistaken(c.Flags().Arg(0), want); hint != "" {
			return hint
		}
	}
	for name, want := range flagTakes() {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			if hint := mistaken(f.Value.String(), want); hint != "" {
				return hint
			}
		}
	}
	return ""
}

// mistaken says what the file at path is if it is not of the wanted kind.
func mistaken(path, want string) string {
	keys := topKeys(path)
	for _, k := range fileKinds() {
		if k.fits(keys) {
			if k.name == want {
				return ""
			}
			return fmt.Sprintf("%s is %s, not %s; use %s", path, asFile(k.name), asFile(want), k.use)
		}
	}
	return ""
}

// asFile is the name of a kind with the word file, as in "a sweep file"; some names have it already.
func asFile(name string) string {
	switch {
	case strings.HasSuffix(name, " file"), name == "a layer table", name == "a plan":
		return name
	}
	return name + " file"
}

func (k *fileKind) fits(keys map[string]any) bool {
	for _, key := range k.has {
		if _, there := keys[key]; !there {
			return false
		}
	}
	for _, key := range k.not {
		if _, there := keys[key]; there {
			return false
		}
	}
	return true
}

// topKeys reads the keys at the top of a small regular TOML or JSON file; none if it is something else.
func topKeys(path string) map[string]any {
	const most = 8 << 20
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil
	}
	keys := map[string]any{}
	if json.Unmarshal(data, &keys) == nil {
		return keys
	}
	if _, err := toml.Decode(string(data), &keys); err != nil {
		return nil
	}
	return keys
}
