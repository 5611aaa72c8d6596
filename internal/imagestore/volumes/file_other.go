//go:build !unix

package volumes

import (
	"errors"
	"os"
)

// OpenFile finds none: libvirt's hosts are UNIX machines.
func OpenFile(string, int64) (*os.File, error) { return nil, errors.ErrUnsupported }
