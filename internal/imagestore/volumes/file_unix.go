//go:build unix

package volumes

import (
	"errors"
	"os"
	"syscall"
)

var errOtherFile = errors.New("it is not the file of a new volume")

// OpenFile opens a regular file of that size for writing. The path comes from the host, so it may
// lead anywhere on this machine: OpenFile creates nothing, follows no link, opens no device or
// pipe, and never blocks.
func OpenFile(path string, size int64) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() != size {
		return nil, errOtherFile
	}
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := file.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, errors.Join(errOtherFile, err, file.Close())
	}
	return file, nil
}
