package emulate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Priority is a control group that gives its processes the CPU before others. The numbers are the most that the kernel takes: 256
// times the share of a group of its own in version 1, 100 times in version 2 (cgroups(7)).
type Priority struct {
	Group string `json:"group,omitempty"` // its folder; empty if nothing could be done
	How   string `json:"how"`             // what was done, or why nothing
}

const (
	mostShares = "262144"
	mostWeight = "10000"
)

// cgroups is what the machine has for grouping processes.
type cgroups struct {
	v1      string   // where version 1 of the cpu controller is mounted; empty: nowhere
	v2      string   // where version 2 is mounted; empty: nowhere
	parents []string // folders below v2 that a group may be made in, the uppermost first
}

// findCgroups reads the mounts and the group of this process, in the format of /proc/self/mountinfo and /proc/self/cgroup.
func findCgroups(mountinfo, own string) cgroups {
	var c cgroups
	for _, line := range strings.Split(mountinfo, "\n") {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		switch {
		case right[0] == "cgroup" && slices.Contains(strings.Split(right[2], ","), "cpu"):
			c.v1 = left[4]
		case right[0] == "cgroup2":
			c.v2 = left[4]
		}
	}
	if c.v2 == "" {
		return c
	}
	c.parents = []string{c.v2}
	for _, line := range strings.Split(own, "\n") {
		path, ok := strings.CutPrefix(line, "0::/")
		if !ok {
			continue
		}
		at := c.v2
		for _, name := range strings.Split(path, "/") {
			if plain(name) {
				at = filepath.Join(at, name)
				c.parents = append(c.parents, at)
			}
		}
	}
	return c
}

func theseCgroups() cgroups {
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	own, _ := os.ReadFile("/proc/self/cgroup")
	return findCgroups(string(mounts), string(own))
}

// candidate is a group that could be made.
type candidate struct{ folder, file, value, how string }

func (c cgroups) candidates(name string) (list []candidate) {
	if c.v1 != "" {
		list = append(list, candidate{filepath.Join(c.v1, name), "cpu.shares", mostShares, "cpu.shares " + mostShares})
	}
	for _, parent := range c.parents {
		control, err := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
		if err == nil && slices.Contains(strings.Fields(string(control)), "cpu") {
			list = append(list, candidate{filepath.Join(parent, name), "cpu.weight", mostWeight, "cpu.weight " + mostWeight})
		}
	}
	return list
}

// raise makes a group of the given name that processes can be put into. note is called with what is about to be made. A machine
// on which it cannot be done is no error: Priority tells.
func (c cgroups) raise(name string, note func(*Priority) error) (*Priority, error) {
	var why []string
	for _, x := range c.candidates(name) {
		p := &Priority{Group: x.folder, How: x.how}
		if err := note(p); err != nil {
			return nil, err
		}
		err := os.Mkdir(x.folder, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(x.folder, x.file), []byte(x.value), 0o644)
		}
		if err == nil {
			return p, nil
		}
		if left := p.remove(); left != nil {
			return nil, left
		}
		why = append(why, err.Error())
	}
	if len(why) == 0 {
		why = []string{"the cpu controller of control groups is not there, or not delegated to this user"}
	}
	p := notRaised(strings.Join(why, "; "))
	return p, note(p)
}

func notRaised(why string) *Priority {
	return &Priority{How: "agents are not raised above other load: " + why}
}

// add puts a process into the group.
func (p *Priority) add(pid int) error {
	return os.WriteFile(filepath.Join(p.Group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
}

// remove takes the group away, waiting a little until the kernel has let go of its last process.
func (p *Priority) remove() error {
	if p == nil || p.Group == "" {
		return nil
	}
	var err error
	for range 100 {
		err = os.Remove(p.Group)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		time.Sleep(lookAgain)
	}
	return fmt.Errorf("control group %s: %w", p.Group, err)
}
