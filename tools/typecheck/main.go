// Typecheck finds what does not compile on another system, from sources alone: building all dependencies for it anew,
// as go build does, takes several times as long.
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck DIR GOOS")
		os.Exit(2)
	}
	env := append(os.Environ(), "GOOS="+os.Args[2], "CGO_ENABLED=0")
	found, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax, Dir: os.Args[1], Env: env}, "./...")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(found) == 0 || packages.PrintErrors(found) > 0 {
		os.Exit(1)
	}
}
