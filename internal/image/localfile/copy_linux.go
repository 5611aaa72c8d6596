package localfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// shareBlocks gives one file the content of another, block for block, without copying: FICLONE of
// ioctl_ficlonerange(2). Both must be on one file system, of a kind that can do this (Btrfs, XFS).
func shareBlocks(to, from *os.File) error {
	return uninterrupted(func() error { return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) })
}

// copyRange copies length bytes at offset, or fewer, within the kernel or the server of the file
// system, by copy_file_range(2).
func copyRange(to, from *os.File, offset, length int64) (n int64, err error) {
	err = uninterrupted(func() error {
		there, here := offset, offset
		copied, err := unix.CopyFileRange(int(from.Fd()), &here, int(to.Fd()), &there, int(length), 0)
		n = int64(max(copied, 0))
		return err
	})
	return n, err
}

// uninterrupted repeats a system call until no signal interrupts it: Go's runtime sends signals to
// its own threads.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
