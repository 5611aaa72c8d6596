//go:build !unix

package tfacc

import "os/exec"

// asUser stands for a user. It is empty here, because test hosts run on Linux only.
type asUser struct{}

func (*asUser) runs(*exec.Cmd) {}

func (*asUser) owns(string) error { return nil }
