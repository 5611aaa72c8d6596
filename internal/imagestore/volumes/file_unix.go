//go:build unix

package volumes

import (
	"errors"
	"os"
	"syscall"
)

var errOtherFile = errors.New("it is not the file of a new volume")

// OpenFile opens a regular file of that size for writing. The path is the host's word for it, so it may lead anywhere on
// this machine: nothing is made, no link followed, no device or pipe opened, and nobody waited for.
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
