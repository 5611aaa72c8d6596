package localfile

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// nextData finds the first stretch of data at or after from, by lseek(2) with SEEK_DATA and SEEK_HOLE. Where the file
// system does not tell, the whole rest is taken for data: that is always right, only slower.
func nextData(f *os.File, from, size int64) (Extent, bool) {
	start, err := f.Seek(from, unix.SEEK_DATA)
	if errors.Is(err, syscall.ENXIO) { // nothing but a hole
		return Extent{}, false
	}
	if err != nil {
		return Extent{from, size - from}, true
	}
	end, err := f.Seek(start, unix.SEEK_HOLE)
	if err != nil || end > size {
		end = size
	}
	return Extent{start, end - start}, start < end
}
