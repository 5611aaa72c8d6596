//go:build linux || darwin

package spool

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes is how much room the file system of a file has for its user.
func freeBytes(f *os.File) (free int64, known bool) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return 0, false
	}
	return int64(min(st.Bavail*uint64(st.Bsize), math.MaxInt64)), true
}
