// Package scaffold writes the beginning of a strategy in Go: a package that compiles, plans and conforms, to be changed step by step.
// The template is a package itself, mystrategy, so that it is built and tested as all others.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"hidp/internal/durable"
	"hidp/strategies/catalog"
)

//go:embed mystrategy/*.go
var template embed.FS

// words are what the template calls itself: its package, and its strategy.
const (
	templatePackage = "mystrategy"
	templateName    = "my-strategy"
)

// goodName matches names of strategies.
var goodName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// mostName bounds the length of a name, which stands in tables.
const mostName = 30

// Package returns the name of the Go package of a strategy. The error says what is wrong with the strategy's name.
func Package(name string) (string, error) {
	if len(name) > mostName || !goodName.MatchString(name) {
		return "", fmt.Errorf("strategy name %q: write lower-case letters, digits and single dashes, from a letter on, at most %d", name, mostName)
	}
	if _, err := catalog.Find(name); err == nil {
		return "", fmt.Errorf("strategy name %q: there is a strategy of that name", name)
	}
	pkg := strings.ReplaceAll(name, "-", "")
	if token.IsKeyword(pkg) {
		return "", fmt.Errorf("strategy name %q: %s is a word of Go's and cannot be a package", name, pkg)
	}
	return pkg, nil
}

// Files returns the files of a strategy called name, by path from the module's root.
func Files(name string) (map[string][]byte, error) {
	pkg, err := Package(name)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	renamed := strings.NewReplacer(templatePackage, pkg, templateName, name)
	entries, err := fs.ReadDir(template, templatePackage)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := template.ReadFile(templatePackage + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		files[filepath.Join("strategies", pkg, renamed.Replace(e.Name()))] = []byte(renamed.Replace(string(data)))
	}
	return files, nil
}

// Write writes the files of a strategy called name below root, the folder of the source code, and returns its package. Nothing that is
// there is touched.
func Write(root, name string) (pkg string, err error) {
	files, err := Files(name)
	if err != nil {
		return "", err
	}
	if pkg, err = Package(name); err != nil {
		return "", err
	}
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !strings.HasPrefix(string(module), "module hidp\n") {
		return "", fmt.Errorf("%s is not the folder of hidp's source code, with its go.mod: a strategy in Go is a part of the program; change there, or name it with --source", root)
	}
	folder := filepath.Join(root, "strategies", pkg)
	if err := os.Mkdir(folder, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("%s is there already; choose another name", folder)
		}
		return "", err
	}
	for path, data := range files {
		if err := durable.WriteFile(durable.Disk{}, filepath.Join(root, path), data); err != nil {
			return "", errors.Join(err, os.RemoveAll(folder)) // half a package would not compile
		}
	}
	return pkg, nil
}

// Import and Line are what the catalog needs of a strategy's package: an import, and a line in Entries.
func Import(pkg string) string { return fmt.Sprintf("%q", "hidp/strategies/"+pkg) }

// Line returns the line for Entries of strategies/catalog/catalog.go.
func Line(pkg string) string { return fmt.Sprintf("[]strategies.Entry{%s.Entry()},", pkg) }
