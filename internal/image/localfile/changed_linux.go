package localfile

import (
	"os"
	"syscall"
	"time"
)

// changed is when a file's content, name or mode was last changed, which no program can set, and
// the number of the file.
func changed(info os.FileInfo) (at time.Time, inode uint64) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return at, 0
	}
	return time.Unix(stat.Ctim.Unix()).UTC(), stat.Ino
}
