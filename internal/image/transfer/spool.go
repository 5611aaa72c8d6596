package transfer

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"

	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
)

// spool is a file that only this process knows, and that is removed with it.
type spool struct {
	file *os.File
	dir  string
	left bool // it could not be removed before use, as on Windows
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "novacron-image-*")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file for the image: %w", err)
	}
	return &spool{f, os.TempDir(), os.Remove(f.Name()) != nil}, nil
}

const adviceSpool = "Set TMPDIR to a directory with more room, make room in the pool, or leave parent_version out, " +
	"so that nothing is compared."

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the temporary directory %s is full. %s", s.dir, adviceSpool)
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, offset int64) (int, error) { return s.file.ReadAt(p, offset) }

// Close removes the file.
func (s *spool) Close() error {
	err := s.file.Close()
	if s.left {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// spoolBound is how much may be put into a temporary file.
type spoolBound struct {
	bytes int64  // the smaller of both
	dir   string // the directory of temporary files
	free  int64  // bytes there; -1 if unknown
	pool  int64  // the longest image that the pool could hold; math.MaxInt64 for one that it already has
}

// room is how much may be put into the file, given what the pool could hold. It leaves one
// sixteenth of the free room to others.
func (s *spool) room(pool int64) spoolBound {
	b := spoolBound{bytes: pool, dir: s.dir, free: -1, pool: pool}
	if free, known := freeBytes(s.file); known {
		b.free = free
		b.bytes = min(pool, free-free/16)
	}
	return b
}

// exceeded is the error for an image that is longer.
func (b spoolBound) exceeded(im *Image) error {
	reason := fmt.Sprintf("it goes into a temporary file so that its blocks can be compared, and is longer "+
		"than the %d MiB that it may take: ", b.bytes>>20)
	if b.free >= 0 {
		reason += fmt.Sprintf("%s has %d MiB free", b.dir, b.free>>20)
	}
	if b.pool < math.MaxInt64 {
		if b.free >= 0 {
			reason += ", and "
		}
		reason += fmt.Sprintf("the pool has room for %d MiB with what the image below holds", b.pool>>20)
	}
	return im.origin.Unsupported(adviceSpool, "%s", reason)
}

// spoolRoom is how long a qcow2 image may be, in bytes, if the pool has that much room for what is
// not in the image below. The data of the image below, tables and spare clusters come on top.
func spoolRoom(room int64, below *blockmap.Map) int64 {
	disk := below.Data() * blockmap.BlockSize
	if more := disk + disk/8 + 64<<20; room < (math.MaxInt64-more)/9*8 {
		return room + room/8 + more
	}
	return math.MaxInt64
}
