//go:build !linux

package localfile

import (
	"errors"
	"os"
)

// shareBlocks has no call that it could make.
func shareBlocks(_, _ *os.File) error { return errors.ErrUnsupported }

// copyRange leaves the copying to reading and writing.
func copyRange(_, _ *os.File, _, _ int64) (int64, error) { return 0, errors.ErrUnsupported }
