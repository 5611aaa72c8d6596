//go:build !unix

package tfacc

import "os/exec"

// asUser is nobody: the test hosts run on Linux.
type asUser struct{}

func (*asUser) runs(*exec.Cmd) {}

func (*asUser) owns(string) error { return nil }
