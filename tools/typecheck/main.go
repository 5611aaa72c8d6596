// Typecheck finds code that does not compile on another system, from sources alone. Building all
// dependencies for that system, as go build does, takes several times as long. Of other modules and
// the standard library, Typecheck needs only declarations.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck DIR GOOS")
		os.Exit(2)
	}
	env := append(os.Environ(), "GOOS="+os.Args[2], "CGO_ENABLED=0")
	config := &packages.Config{
		Mode: packages.LoadAllSyntax | packages.NeedModule, Dir: os.Args[1], Env: env, ParseFile: parseOf(os.Args[1]),
	}
	found, err := packages.Load(config, "./...")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	own := 0
	for pkg := range packages.Postorder(found) {
		if pkg.Module != nil && pkg.Module.Main {
			own++
		} else {
			pkg.Errors = nil // without bodies, some imports seem unused
		}
	}
	if own == 0 {
		fmt.Fprintln(os.Stderr, "typecheck: no packages in", os.Args[1])
		os.Exit(1)
	}
	if packages.PrintErrors(found) > 0 {
		os.Exit(1)
	}
}

// parseOf returns a parser that keeps the bodies of functions in a directory and drops all others,
// which are most of the work.
func parseOf(directory string) func(*token.FileSet, string, []byte) (*ast.File, error) {
	return func(files *token.FileSet, name string, source []byte) (*ast.File, error) {
		file, err := parser.ParseFile(files, name, source, parser.AllErrors|parser.SkipObjectResolution)
		if file != nil && !strings.HasPrefix(name, filepath.Clean(directory)+string(filepath.Separator)) {
			for _, declaration := range file.Decls {
				if function, ok := declaration.(*ast.FuncDecl); ok {
					function.Body = nil
				}
			}
		}
		return file, err
	}
}
