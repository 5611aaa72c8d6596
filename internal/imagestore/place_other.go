//go:build !unix

package imagestore

import (
	"errors"
	"os"
)

// openVolumeFile finds none: libvirt's hosts are UNIX machines.
func openVolumeFile(string, int64) (*os.File, error) { return nil, errors.ErrUnsupported }
