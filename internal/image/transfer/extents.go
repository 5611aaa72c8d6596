package transfer

import (
	"context"
	"fmt"
)

// extent is a stretch of a file that may hold data; what lies between extents reads as zeros.
type extent struct{ offset, length int64 }

func (e extent) end() int64 { return e.offset + e.length }

const (
	// joinGap: sending this many zeros costs less than the round trips of another upload.
	joinGap = 1 << 20
	// maxExtents bounds the list (1 MiB of memory) for files of any size and fragmentation.
	maxExtents = 1 << 16
	// lastBytes are sent even when they are a hole, so that the copy is as long as the file.
	lastBytes = 4096
)

// Extents lists where the file holds data, in order, ending where the file ends. Extents that lie nearer to each other than
// joinGap are one.
func (f *File) Extents(ctx context.Context) ([]extent, error) {
	size := f.Size()
	gap := max(joinGap, size/maxExtents)
	var list []extent
	add := func(e extent) {
		if last := len(list) - 1; last >= 0 && e.offset-list[last].end() < gap {
			list[last].length = e.end() - list[last].offset
			return
		}
		list = append(list, e)
	}
	for from := int64(0); from < size; {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
		}
		e, found := nextData(f.File, from, size)
		if !found {
			break
		}
		add(e)
		from = e.end()
	}
	if len(list) == 0 || list[len(list)-1].end() < size {
		start := max(0, size-lastBytes)
		add(extent{start, size - start})
	}
	return list, nil
}
