//go:build !linux

package localfile

import (
	"errors"
	"os"
)

// shareBlocks always fails: this system has no such call.
func shareBlocks(_, _ *os.File) error { return errors.ErrUnsupported }

// copyRange leaves the copying to reading and writing.
func copyRange(_, _ *os.File, _, _ int64) (int64, error) { return 0, errors.ErrUnsupported }
