package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

// fileSums are the sums of a file's blocks, taken while the file is hashed. They make the map of
// its disk without another reading.
type fileSums struct {
	m      *blockmap.Map
	mu     sync.Mutex
	chunks map[int64][]blockmap.Sum // by their first block; the zero Sum for blocks of zeros
}

func newFileSums() *fileSums {
	return &fileSums{m: blockmap.New(0), chunks: map[int64][]blockmap.Sum{}}
}

// chunkBlocks is how many blocks are shown at once.
const chunkBlocks = verity.ChunkSize / blockmap.BlockSize

// visit implements verity.Visit.
func (f *fileSums) visit(offset int64, data []byte) {
	sums := make([]blockmap.Sum, 0, chunkBlocks)
	for block := range slices.Chunk(data, blockmap.BlockSize) {
		var sum blockmap.Sum
		if !bytes.Equal(block, zeros[:len(block)]) {
			sum = f.m.SumOf(block)
		}
		sums = append(sums, sum)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chunks[offset/blockmap.BlockSize] = sums
}

// shown is what the sums are taken by; nil if f is.
func (f *fileSums) shown() verity.Visit {
	if f == nil {
		return nil
	}
	return f.visit
}

// add adds a block of the file to the map, as a block of the disk.
func (f *fileSums) add(disk, file int64) {
	within := file % chunkBlocks
	sums := f.chunks[file-within] // none for zeros
	if within < int64(len(sums)) && sums[within] != (blockmap.Sum{}) {
		f.m.Append(disk, sums[within])
	}
}

// ofRaw is the map of a file that is the disk itself, of size bytes.
func (f *fileSums) ofRaw(size int64) *blockmap.Map {
	f.m.Size = size
	for _, first := range slices.Sorted(maps.Keys(f.chunks)) {
		for n := range f.chunks[first] {
			f.add(first+int64(n), first+int64(n))
		}
		delete(f.chunks, first)
	}
	return f.m
}

// ofQcow2 is the map of the disk in a qcow2 image whose clusters are all whole blocks. The image is
// in a file of size bytes. Other images have no map.
func (f *fileSums) ofQcow2(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) (*blockmap.Map, error) {
	err := qcow2.Stored(ctx, o, r, size, func(disk, file, length int64) error {
		for ; length >= blockmap.BlockSize; length -= blockmap.BlockSize {
			f.add(disk/blockmap.BlockSize, file/blockmap.BlockSize)
			disk, file = disk+blockmap.BlockSize, file+blockmap.BlockSize
		}
		if length == 0 {
			return nil
		}
		// The disk ends within a block, and what follows in the file is not part of it.
		last := make([]byte, length)
		if _, err := r.ReadAt(last, file); err != nil && !image.Ended(err) { // a cluster may be cut short
			return o.Unread(err)
		}
		if !bytes.Equal(last, zeros[:length]) {
			f.m.Append(disk/blockmap.BlockSize, f.m.SumOf(last))
		}
		return nil
	})
	if errors.Is(err, qcow2.ErrPacked) {
		return nil, nil
	}
	return f.m, err
}

// mapping prepares the map of the disk in a local file that is not compressed. sums is nil if the
// file's blocks are not those of the disk: clusters that are compressed, or smaller than a block.
// Their map takes another reading, which waits until it is needed.
func mapping(ctx context.Context, im *Image) (sums *fileSums, err error) {
	if im.Format == image.FormatQcow2 {
		err = qcow2.Stored(ctx, im.origin, im.file, im.Size, func(int64, int64, int64) error { return nil })
	}
	if errors.Is(err, qcow2.ErrPacked) {
		return nil, nil
	}
	return newFileSums(), err
}

// mapped is the map of the disk of a file that was hashed as a whole. The tables of a qcow2 image
// are read again for it, so it returns image.ErrChanged if the file has changed by then.
func (f *fileSums) mapped(ctx context.Context, im *Image) (m *blockmap.Map, err error) {
	if im.Format == image.FormatQcow2 {
		f.m.Size = im.VirtualSize
		m, err = f.ofQcow2(ctx, im.origin, im.file, im.Size)
	} else {
		m = f.ofRaw(im.VirtualSize)
	}
	if changed := im.file.Unchanged(); changed != nil {
		return nil, changed
	}
	return m, err
}
