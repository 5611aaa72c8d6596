package localfile

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

const (
	// JoinGap is how many zeros, in bytes, cost less to send than the round trips of another upload.
	JoinGap = 1 << 20
	// maxExtents limits the list (1 MiB of memory) for files of any size and fragmentation.
	maxExtents = 1 << 16
	// LastBytes are sent even when they are a hole, so that the copy is as long as the file.
	LastBytes = 4096
)

// Extents lists where the file holds data, in order. The last extent ends where the file ends.
// Extents that are nearer to each other than JoinGap are joined.
func (f *File) Extents(ctx context.Context) ([]image.Extent, error) {
	size := f.Size()
	gap := max(JoinGap, size/maxExtents)
	var list []image.Extent
	add := func(e image.Extent) {
		if last := len(list) - 1; last >= 0 && e.Offset-list[last].End() < gap {
			list[last].Length = e.End() - list[last].Offset
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
		from = e.End()
	}
	if len(list) == 0 || list[len(list)-1].End() < size {
		start := max(0, size-LastBytes)
		add(image.Extent{Offset: start, Length: size - start})
	}
	return list, nil
}
