package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/spool"
)

// visit looks at a block that is not zeros. It owns data until it returns.
type visit func(block int64, data []byte) error

// MapImage maps the disk of an image, which it reads to the end.
func MapImage(ctx context.Context, im *Image) (*blockmap.Map, error) {
	m := blockmap.New(0)
	unbounded := newSending(nil)
	unbounded.spooled = math.MaxInt64
	_, err := eachBlock(ctx, im, unbounded, func(block int64, data []byte) error {
		m.Append(block, m.SumOf(data))
		return nil
	})
	m.Size = im.VirtualSize
	return m, err
}

// eachBlock reads the image from its beginning to its end, and calls do for all blocks of its disk
// that are not zeros, in order.
func eachBlock(ctx context.Context, im *Image, s sending, do visit) (digest string, err error) {
	if im.Plain() {
		return eachBlockOfFile(ctx, im, s, do)
	}
	err = im.stream(ctx, func(p *stream) error {
		if im.Format == image.FormatRaw {
			digest, err = p.through(ctx, s, nil, func(r io.Reader, _ int64) error { return blocksOf(r, do) })
			return err
		}
		digest, err = eachBlockSpooled(ctx, p, s, do)
		return err
	})
	return digest, err
}

func eachBlockOfFile(ctx context.Context, im *Image, s sending, do visit) (digest string, err error) {
	disk, err := contentsOf(ctx, im)
	if err != nil {
		return "", err
	}
	shown := newProgress(disk.size, s.progress)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		got, err := im.sum(groupCtx, s.summing(nil))
		digest = got.digest
		return s.digested(got, err)
	})
	group.Go(func() error {
		return disk.eachBlock(groupCtx, func(block int64, data []byte) error {
			shown.at(block * blockmap.BlockSize)
			return do(block, data)
		})
	})
	if err := group.Wait(); err != nil {
		return "", err
	}
	shown.at(disk.size)
	shown.end()
	return digest, im.file.Unchanged()
}

// eachBlockSpooled is eachBlock for a qcow2 image, once it has arrived as a whole.
func eachBlockSpooled(ctx context.Context, p *stream, s sending, do visit) (digest string, err error) {
	im := p.im
	spooled, err := spool.New()
	if err != nil {
		p.close()
		return "", err
	}
	defer func() { err = errors.Join(err, spooled.Close()) }()
	room := roomIn(spooled, s.spooled)
	if im.Size > room.bytes {
		p.close()
		return "", room.exceeded(im)
	}
	s.room, s.tooLong = room.bytes, room.exceeded(im)
	digest, err = p.through(ctx, s, nil, func(r io.Reader, _ int64) error {
		_, err := io.Copy(spooled, r)
		return advised(err)
	})
	if err == nil {
		err = im.CheckStored(ctx, spooled)
	}
	if err != nil {
		return "", err
	}
	disk, err := qcow2Contents(ctx, im.origin, spooled, im.Size)
	if err == nil {
		err = disk.eachBlock(ctx, do)
	}
	return digest, err
}

// contentsOf opens the disk in a local file that is not compressed.
func contentsOf(ctx context.Context, im *Image) (contents, error) {
	if im.Format == image.FormatQcow2 {
		return qcow2Contents(ctx, im.origin, im.file, im.Size)
	}
	shrunk := func(err error) error {
		if err == nil || image.Ended(err) {
			err = image.ErrChanged // the file has become shorter
		}
		return im.origin.Unread(err)
	}
	data := func(_ context.Context, do func(image.Extent) error) error {
		for _, e := range im.extents {
			if err := do(e); err != nil {
				return err
			}
		}
		return nil
	}
	return contents{origin: im.origin, ReaderAt: im.file, size: im.VirtualSize, data: data, blame: shrunk}, nil
}

// blocksOf passes on the blocks of a raw disk that arrives from its beginning to its end, as
// eachBlock does.
func blocksOf(r io.Reader, do func(block int64, data []byte) error) error {
	data := make([]byte, blockmap.BlockSize)
	for block := int64(0); ; block++ {
		n, err := io.ReadFull(r, data)
		if n > 0 && !bytes.Equal(data[:n], zeros[:n]) {
			if err := do(block, data[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
