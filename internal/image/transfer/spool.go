package transfer

import (
	"errors"
	"fmt"
	"math"

	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/spool"
)

const adviceSpool = "Set TMPDIR to a directory with more room, make room in the pool, or leave parent_version out, " +
	"so that nothing is compared."

// advised adds to the error of a spool what to do.
func advised(err error) error {
	if full, ok := errors.AsType[*spool.FullError](err); ok {
		return fmt.Errorf("%w. %s", full, adviceSpool)
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

// roomIn is how much may be put into the file, given what the pool could hold. It leaves one
// sixteenth of the free room to others.
func roomIn(s *spool.File, pool int64) spoolBound {
	b := spoolBound{bytes: pool, dir: s.Dir(), free: -1, pool: pool}
	if bytes, free, known := s.Room(); known {
		b.free = free
		b.bytes = min(pool, bytes)
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
