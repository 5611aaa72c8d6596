// Typecheck finds what does not compile on another system, from sources alone: building all dependencies for it anew,
// as go build does, takes several times as long. Of the standard library it needs declarations only.
package main

import (
	"fmt"
	"go/ast"
	"go/build"
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
	found, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax, Dir: os.Args[1], Env: env, ParseFile: parse}, "./...")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for pkg := range packages.Postorder(found) {
		if pkg.Module == nil {
			pkg.Errors = nil // imports that nothing uses without the bodies
		}
	}
	if len(found) == 0 || packages.PrintErrors(found) > 0 {
		os.Exit(1)
	}
}

// parse leaves out the bodies of the standard library's functions, which are a good part of the work.
func parse(files *token.FileSet, name string, source []byte) (*ast.File, error) {
	file, err := parser.ParseFile(files, name, source, parser.AllErrors|parser.SkipObjectResolution)
	if file != nil && strings.HasPrefix(name, filepath.Join(build.Default.GOROOT, "src")+string(filepath.Separator)) {
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				function.Body = nil
			}
		}
	}
	return file, err
}
