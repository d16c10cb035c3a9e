package emulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"hidp/internal/durable"
	"hidp/internal/input"
)

// State is what is known of a testbed in its folder. It is on disk before anything that it names is made, so that whatever a crash
// left can be found and taken away.
type State struct {
	Version  int     `json:"version"`
	ID       string  `json:"id"`   // in the names of everything of the testbed, and in its processes' environment
	Boot     string  `json:"boot"` // of the machine: after a restart only files are left
	Phase    Phase   `json:"phase"`
	Builder  Process `json:"builder"` // that made, or makes, the testbed
	Spec     string  `json:"spec"`
	Platform string  `json:"platform"`
	Net      Net     `json:"net"`

	Need    float64 `json:"need"`    // cores that emulated clusters need
	Limit   float64 `json:"limit"`   // cores that they may need
	Cores   [][]int `json:"cores"`   // logical CPUs of the cores that they compute on
	Network []int   `json:"network"` // CPUs of everything else that agents do

	Agents     []Agent   `json:"agents"`
	Priority   *Priority `json:"priority,omitempty"`
	Namespaces []string  `json:"namespaces,omitempty"` // names of network namespaces
	Entries    []string  `json:"entries,omitempty"`    // files and folders in Dir, besides those of agents

	Dir string `json:"-"` // absolute
}

// Agent is an agent of a testbed.
type Agent struct {
	Node      string `json:"node"`
	Process          // zero until it is started
	Namespace string `json:"namespace,omitempty"`
	Address   string `json:"address,omitempty"` // in the namespace
}

// Phase is how far a testbed is.
type Phase string

// The phases.
const (
	Starting Phase = "starting"
	Running  Phase = "up"
	Stopping Phase = "stopping"
)

// Net is how the network between emulated boards is made.
type Net string

// The kinds of networks.
const (
	Shaped     Net = "shaped" // agents pace what they send over loopback
	Namespaces Net = "ns"     // network namespaces with the kernel's traffic control; root only
)

const (
	stateVersion = 1
	stateName    = "state.json"
	rosterName   = "agents.toml"
	clocksName   = "clocks"
	tlsName      = "tls"
	logSuffix    = ".log"
	longestPath  = 107 // of a unix socket: sockaddr_un.sun_path, unix(7)
)

// Roster returns the path of the agents file.
func (s *State) Roster() string { return filepath.Join(s.Dir, rosterName) }

// Socket returns the path of an agent's socket.
func (s *State) Socket(node string) string { return filepath.Join(s.Dir, node+".sock") }

// Log returns the path of an agent's log.
func (s *State) Log(node string) string { return filepath.Join(s.Dir, node+logSuffix) }

// Folder returns the path of an agent's private folder.
func (s *State) Folder(node string) string { return filepath.Join(s.Dir, node) }

// NoTestbedError says that a folder holds no testbed.
type NoTestbedError struct{ Dir string }

// Error implements error.
func (e *NoTestbedError) Error() string {
	return fmt.Sprintf("no testbed in %s; start one with: hidp testbed up", e.Dir)
}

// LoadState reads the state of the testbed in a folder. The error is a *NoTestbedError if there is none.
func LoadState(dir string) (*State, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	data, err := input.Read(filepath.Join(dir, stateName), input.Record)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, &NoTestbedError{dir}
	}
	if err != nil {
		return nil, err
	}
	s := &State{Dir: dir}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w; it is no state of a testbed. Remove the folder once its processes are gone", filepath.Join(dir, stateName), err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("%s is of another version (%d) of the program than this one (%d): run hidp testbed down with that one", filepath.Join(dir, stateName), s.Version, stateVersion)
	}
	if err := s.sane(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stateName), err)
	}
	return s, nil
}

// sane refuses a state whose names lead elsewhere: what it names gets removed.
func (s *State) sane() error {
	names := slices.Clone(s.Entries)
	for i := range s.Agents {
		names = append(names, s.Agents[i].Node)
	}
	for _, name := range names {
		if !plain(name) {
			return fmt.Errorf("%q is no name of a file in the folder", name)
		}
	}
	if !plain(s.ID) || len(s.ID) < idDigits {
		return fmt.Errorf("%q is no id of a testbed", s.ID)
	}
	for _, name := range s.Namespaces {
		if !plain(name) || !strings.HasPrefix(name, mark(s.ID)) {
			return fmt.Errorf("%q is no namespace of the testbed", name)
		}
	}
	if p := s.Priority; p != nil && p.Group != "" && filepath.Base(p.Group) != mark(s.ID) {
		return fmt.Errorf("%q is no control group of the testbed", p.Group)
	}
	return nil
}

// plain reports whether a name can be that of a file in a folder.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// save writes the state, all at once: whoever reads meanwhile, or after a crash, gets the old or the new one.
func (s *State) save() error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("emulate: " + err.Error())
	}
	return durable.WriteFileMode(durable.Disk{}, filepath.Join(s.Dir, stateName), append(data, '\n'), 0o600)
}
