package localfile

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// nextData finds the first stretch of data at or after from, by lseek(2) with SEEK_DATA and
// SEEK_HOLE. If the file system does not support that, the whole rest counts as data: that is
// always right, only slower.
func nextData(f *os.File, from, size int64) (image.Extent, bool) {
	start, err := f.Seek(from, unix.SEEK_DATA)
	if errors.Is(err, syscall.ENXIO) { // only a hole follows
		return image.Extent{}, false
	}
	if err != nil {
		return image.Extent{Offset: from, Length: size - from}, true
	}
	end, err := f.Seek(start, unix.SEEK_HOLE)
	if err != nil || end > size {
		end = size
	}
	return image.Extent{Offset: start, Length: end - start}, start < end
}
