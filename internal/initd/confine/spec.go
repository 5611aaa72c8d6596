//go:build linux

// Package confine starts the programs of a container. A program is started in two steps: the parent
// clones a process into the user namespace, which executes nova-init once more, as a stage. The
// stage takes away what the program must not have, and executes it.
package confine

import "github.com/novacron/terraform-provider-novacron/internal/initd"

// Names of stages, as the first argument of nova-init.
const (
	stageRun     = "run"     // executes a program
	stagePrepare = "prepare" // writes files
	stageHold    = "hold"    // keeps a user namespace open until its input ends
	stageConsole = "console" // copies its input, a terminal, to the log
)

// Files of a stage, besides standard input and output.
const (
	specFD   = 3 // has the spec, as JSON; for a console, the log
	reportFD = 4 // takes the report; for a console, the other end of the terminal
)

// spec is what a stage is told. It has secrets, so it goes through a pipe.
type spec struct {
	Process initd.Process
	// Confined takes away capabilities and system calls.
	Confined bool
	Files    []initd.File
	Dirs     []string
}

// begun is the first byte of a report: all that follows is why the program was not executed.
const begun = 'x'
