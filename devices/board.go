package devices

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/suggest"
)

//go:embed boards/*.toml
var boardFiles embed.FS

// Board is a kind of hardware: what a board file says. It is immutable once made.
type Board struct {
	Name     string
	Title    string         // "NVIDIA Jetson TX2"
	Clusters []BoardCluster // the physical ones, then the groups
	Memory   int64          // bytes
	Modes    []string       // power modes; the first is the default, and the one the parameters hold in
	Runtimes []string       // "tensorflow/fp32", in the file's order

	// Warnings says which stored parameters were not used, because they were fitted on other rows than those of the file.
	Warnings []string

	file   boardFile
	fitted []fittedFile // complete: one per declared runtime
}

// BoardCluster describes a core cluster of a Board.
type BoardCluster struct {
	Name    string
	Kind    Kind
	Core    string  // "Cortex-A57"; for a group, its members
	Cores   int     // CPU cores, or streaming multiprocessors and their like
	Clock   float64 // Hz, in the first mode; 0 for a group
	Peak    float64 // single-precision FLOP/s in theory
	Members []int   // of a group: indices of its clusters
}

// BoardNames returns the names of the catalogue's boards, sorted.
func BoardNames() []string { return catalogue(boardFiles, "boards") }

// catalogue lists the names of the TOML files of an embedded folder.
func catalogue(files fs.FS, folder string) []string {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		panic(fmt.Sprintf("devices: embedded %s: %v", folder, err))
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	slices.Sort(names)
	return names
}

// LoadBoard returns the catalogue's board called name. The error for an unknown name suggests the nearest known one.
func LoadBoard(name string) (*Board, error) {
	b, err := readBoard(name)
	if err != nil {
		return nil, err
	}
	if err := b.complete(name + ".toml"); err != nil {
		return nil, err
	}
	return b, nil
}

// OpenBoard returns a board of the catalogue by its name, or one from a TOML file by its path (anything that ends in
// .toml).
func OpenBoard(nameOrPath string) (*Board, error) {
	data, err := BoardText(nameOrPath)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(nameOrPath, ".toml") {
		nameOrPath += ".toml"
	}
	return ParseBoard(nameOrPath, data)
}

// BoardText returns the text of a board file: of the catalogue by its name, or at a path that ends in .toml.
func BoardText(nameOrPath string) ([]byte, error) {
	if strings.HasSuffix(nameOrPath, ".toml") {
		data, err := input.Read(nameOrPath, input.Config)
		if err != nil {
			return nil, fmt.Errorf("board file: %w", err)
		}
		return data, nil
	}
	return catalogueText(nameOrPath)
}

func catalogueText(name string) ([]byte, error) {
	data, err := boardFiles.ReadFile("boards/" + name + ".toml")
	if err != nil {
		return nil, fmt.Errorf("no board %q%s; known are %s, or a path that ends in .toml", name, suggest.Phrase(name, BoardNames()),
			strings.Join(BoardNames(), ", "))
	}
	return data, nil
}

// readBoard is LoadBoard without the parameters.
func readBoard(name string) (*Board, error) {
	data, err := catalogueText(name)
	if err != nil {
		return nil, err
	}
	return parseBoard(name, name+".toml", data)
}

// ParseBoard reads a board file; the name stands for it in messages, and without folder and .toml it names the board.
// All faults are returned at once, with their lines. Parameters that the file does not hold are fitted on its measured
// rows.
func ParseBoard(name string, data []byte) (*Board, error) {
	b, err := parseBoard(boardName(name), name, data)
	if err != nil {
		return nil, err
	}
	if err := b.complete(name); err != nil {
		return nil, err
	}
	return b, nil
}

// boardName is the name of a board whose file has the given path.
func boardName(file string) string { return strings.TrimSuffix(path.Base(file), ".toml") }

func parseBoard(name, file string, data []byte) (*Board, error) {
	b := &Board{Name: name}
	p, _ := strict.Parse(file, data, &b.file)
	b.check(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	b.describe()
	return b, nil
}

// describe fills the exported fields from the file.
func (b *Board) describe() {
	b.Title = b.file.Title
	b.Memory = b.file.Memory.Capacity.Value.Bytes()
	for _, c := range b.file.Cluster {
		kind, _ := parseKind(c.Kind)
		b.Clusters = append(b.Clusters, BoardCluster{Name: c.Name, Kind: kind, Core: c.Core, Cores: c.Cores,
			Clock: c.Clock.Value.Hertz(), Peak: c.Peak.Value.FLOPsPerSecond()})
	}
	for _, g := range b.file.Group {
		group := BoardCluster{Name: g.Name, Kind: CPU, Core: strings.Join(g.Members, " + ")}
		for _, m := range g.Members {
			i := b.cluster(m)
			group.Members = append(group.Members, i)
			group.Cores += b.Clusters[i].Cores
			group.Peak += b.Clusters[i].Peak
		}
		b.Clusters = append(b.Clusters, group)
	}
	for _, m := range b.file.Mode {
		b.Modes = append(b.Modes, m.Name)
	}
	for _, r := range b.file.Runtime {
		if !slices.Contains(b.Runtimes, r.Name) {
			b.Runtimes = append(b.Runtimes, r.Name)
		}
	}
}

// cluster returns the index of the cluster or group called name, -1 if there is none.
func (b *Board) cluster(name string) int {
	return slices.IndexFunc(b.Clusters, func(c BoardCluster) bool { return c.Name == name })
}

// complete takes the stored parameters, and fits those that are missing or stale.
func (b *Board) complete(file string) error {
	var stale []string
	fit := false
	for _, r := range b.file.Runtime {
		f := b.stored(&r)
		switch {
		case f == nil:
			fit = true
			b.fitted = append(b.fitted, fittedFile{})
		case b.stale(f):
			stale = append(stale, r.Name+" on "+r.Cluster)
			b.fitted = append(b.fitted, fittedFile{})
		default:
			b.fitted = append(b.fitted, *f)
		}
	}
	if !fit && stale == nil {
		return nil
	}
	fits, err := Fit(b)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i := range b.fitted {
		if b.fitted[i].Runtime == "" {
			b.fitted[i] = fits[i].file()
		}
	}
	if stale != nil {
		b.Warnings = []string{fmt.Sprintf("board %s: the [[fitted]] parameters of %s come from other rows than those in the file; they were fitted again",
			b.Name, strings.Join(stale, ", "))}
	}
	return nil
}

// stored returns the parameters of a runtime in the file, or nil.
func (b *Board) stored(r *runtimeFile) *fittedFile {
	i := slices.IndexFunc(b.file.Fitted, func(f fittedFile) bool { return f.Runtime == r.Name && f.Cluster == r.Cluster })
	if i < 0 {
		return nil
	}
	return &b.file.Fitted[i]
}

func parseKind(s string) (Kind, bool) {
	switch s {
	case "cpu":
		return CPU, true
	case "gpu":
		return GPU, true
	}
	return 0, false
}
