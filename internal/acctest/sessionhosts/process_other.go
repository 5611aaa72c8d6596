//go:build !linux

package sessionhosts

import (
	"errors"
	"os/exec"
)

func apart(*exec.Cmd) {}

// Freeze makes the host's daemon stand still. It does not answer until Thaw.
func (h Host) Freeze() error { return errors.ErrUnsupported }

// Thaw lets the host's daemon go on.
func (h Host) Thaw() error { return errors.ErrUnsupported }
