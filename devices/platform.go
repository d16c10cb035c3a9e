package devices

import (
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/suggest"
)

//go:embed platforms/*.toml
var platformFiles embed.FS

// DefaultRuntime is what a lone board runs if nothing else is said and it has it: the default framework of the base assumptions.
const DefaultRuntime = "tensorflow/fp32"

// PlatformNames returns the names of the catalogue's platforms, sorted.
func PlatformNames() []string { return catalogue(platformFiles, "platforms") }

// Open returns a platform: one of the catalogue by name, one from a TOML file by its path (anything that ends in .toml), or a lone
// board as board:NAME or board:FILE.toml, which runs DefaultRuntime or else its own first, or board:NAME@RUNTIME/PRECISION. Errors list all faults
// with file and line, and suggest the nearest known name for an unknown one.
func Open(nameOrPath string) (*Platform, error) {
	if spec, ok := strings.CutPrefix(nameOrPath, "board:"); ok {
		return loneBoard(nameOrPath, spec)
	}
	if data, err := platformFiles.ReadFile("platforms/" + nameOrPath + ".toml"); err == nil {
		return ParsePlatform(nameOrPath+".toml", data, "")
	}
	if !strings.HasSuffix(nameOrPath, ".toml") {
		return nil, fmt.Errorf("no platform %q%s; known are %s, board:NAME|FILE.toml[@RUNTIME/PRECISION], or a path that ends in .toml",
			nameOrPath, suggest.Phrase(nameOrPath, PlatformNames()), strings.Join(PlatformNames(), ", "))
	}
	data, err := input.Read(nameOrPath, input.Config)
	if err != nil {
		return nil, fmt.Errorf("platform file: %w", err)
	}
	return ParsePlatform(nameOrPath, data, filepath.Dir(nameOrPath))
}

func loneBoard(name, spec string) (*Platform, error) {
	boardName, runtime, given := strings.Cut(spec, "@")
	b, err := OpenBoard(boardName)
	if err != nil {
		return nil, err
	}
	switch {
	case !given && !slices.Contains(b.Runtimes, DefaultRuntime):
		runtime = b.Runtimes[0]
	case !given:
		runtime = DefaultRuntime
	}
	p := &Platform{Name: name, Network: Network{Paths: make([][]Path, 1)}}
	p.Network.Paths[0] = make([]Path, 1)
	return p.resolve([]origin{{b, Setting{Name: b.Name, Runtime: runtime}}}, nil)
}

// ParsePlatform reads a platform file. The name stands for it in messages and, without folder and .toml, names the platform.
// Boards given as paths are looked up relative to dir. All faults are returned at once, with their lines.
func ParsePlatform(name string, data []byte, dir string) (*Platform, error) {
	var f platformFile
	problems, _ := strict.Parse(name, data, &f)
	f.stated()
	f.check(problems)
	if f.Base != "" {
		return f.derive(name, problems)
	}
	if len(f.Node) > mostNodes {
		return nil, problems.Err()
	}
	origins := f.origins(problems, dir)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	p := &Platform{Name: platformName(name), Network: f.network()}
	for i, n := range f.Node {
		if n.Name == f.Leader {
			p.Leader = i
		}
	}
	return p.resolve(origins, f.assumptions())
}

// derive makes a platform from another one of the catalogue.
func (f *platformFile) derive(name string, problems *strict.Problems) (*Platform, error) {
	if err := problems.Err(); err != nil {
		return nil, err
	}
	p, err := f.baseless(problems)
	if err != nil {
		return nil, err
	}
	step := func(key string, change func() (*Platform, error)) {
		if !problems.Has(key) {
			return
		}
		if next, err := change(); err != nil {
			problems.Faultf(key, "%v", err)
		} else {
			p = next
		}
	}
	step("keep", func() (*Platform, error) { return p.Subset(f.Keep...) })
	step("runtime", func() (*Platform, error) { return p.WithRuntime(f.Runtime) })
	step("leader", func() (*Platform, error) { return p.WithLeader(f.Leader) })
	p.Name = platformName(name)
	return p, problems.Err()
}

// baseless opens the base, which must have none itself, so that no circle can arise.
func (f *platformFile) baseless(problems *strict.Problems) (*Platform, error) {
	data, err := platformFiles.ReadFile("platforms/" + f.Base + ".toml")
	var base platformFile
	if err == nil {
		_, err = strict.Parse(f.Base+".toml", data, &base)
	}
	if err != nil || base.Base != "" {
		knownWord(problems, "base", "platform without a base", f.Base, basePlatforms())
		return nil, problems.Err()
	}
	return ParsePlatform(f.Base+".toml", data, "")
}

// basePlatforms lists the catalogue's platforms that have no base.
func basePlatforms() []string {
	return slices.DeleteFunc(PlatformNames(), func(name string) bool {
		data, _ := platformFiles.ReadFile("platforms/" + name + ".toml")
		var f platformFile
		return strict.Decode(name, data, &f) != nil || f.Base != ""
	})
}

func platformName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".toml") }

// origin is the board and setting that a node was made from.
type origin struct {
	board   *Board
	setting Setting
}

// origins loads the boards; each is read once.
func (f *platformFile) origins(p *strict.Problems, dir string) []origin {
	loaded := map[string]*Board{}
	var out []origin
	for i, n := range f.Node {
		at := p.Under(strict.Index("node", i))
		b, ok := loaded[n.Board]
		if !ok && n.Board != "" {
			b = f.loadBoard(at, n.Board, dir)
			loaded[n.Board] = b
		}
		if b == nil {
			if ok {
				at.Faultf("board", "%s cannot be used, see above", n.Board)
			}
			continue
		}
		s := Setting{Name: n.Name, Runtime: n.Runtime, Mode: n.Mode, Ignore: f.Measured == "ignore", WiFi: f.Medium != nil}
		if s.Runtime == "" {
			s.Runtime = f.Runtime
		}
		b.checkNode(at, s, n.Runtime != "")
		out = append(out, origin{b, s})
	}
	return out
}

// checkNode faults an unknown runtime or mode where it was written.
func (b *Board) checkNode(p *strict.Problems, s Setting, own bool) {
	if b.modeIndex(s.Mode) < 0 {
		knownWord(p, "mode", "mode of "+b.Name, s.Mode, b.Modes)
		return
	}
	if err := b.checkSetting(s); err != nil && s.Runtime != "" {
		key := ""
		if own {
			key = "runtime"
		}
		p.Faultf(key, "%v", err)
	}
}

func (f *platformFile) loadBoard(p *strict.Problems, name, dir string) *Board {
	var b *Board
	var err error
	if strings.HasSuffix(name, ".toml") {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		var data []byte
		if data, err = input.Read(file, input.Config); err == nil {
			b, err = ParseBoard(file, data)
		}
	} else {
		b, err = LoadBoard(name)
	}
	if err == nil {
		return b
	}
	var faults *strict.Error
	if errors.As(err, &faults) {
		for _, fault := range faults.Faults {
			p.Faultf("board", "%v", fault)
		}
	} else {
		p.Faultf("board", "%v", err)
	}
	return nil
}

// resolve makes the nodes of a platform that has everything else.
func (p *Platform) resolve(origins []origin, assumptions []string) (*Platform, error) {
	p.origins, p.ownAssumptions = origins, assumptions
	p.Nodes = nil
	p.Assumptions, p.Warnings = append([]string(nil), assumptions...), nil
	seen := map[string]bool{}
	for _, o := range origins {
		for _, w := range o.board.Warnings {
			if !slices.Contains(p.Warnings, w) {
				p.Warnings = append(p.Warnings, w)
			}
		}
		n, assumed, err := o.board.Node(o.setting)
		if err != nil {
			return nil, err
		}
		p.Nodes = append(p.Nodes, n)
		for _, a := range assumed {
			if !seen[a] {
				seen[a] = true
				p.Assumptions = append(p.Assumptions, a)
			}
		}
	}
	return p, nil
}
