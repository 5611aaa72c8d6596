package image

import (
	"context"
	"errors"
	"io"
)

func (im *Image) openPath(ctx context.Context) error {
	var err error
	if im.file, err = openLocal(im.origin, im.source.Path); err != nil {
		return err
	}
	im.Size = im.file.Size()
	head := make([]byte, headSize)
	n, err := im.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return im.origin.Unread(err)
	}
	im.PackedSize = im.Size
	if compressionOf(head[:n]) == nil {
		im.Format, im.VirtualSize, err = probe(im.origin, im.file, im.Size)
		if err == nil {
			im.extents, err = im.file.Extents(ctx)
		}
		if err == nil && im.Format == FormatQcow2 {
			err = CheckWhole(ctx, im.origin, im.file, im.Size)
		}
		return err
	}
	p, err := streamFile(im)
	if p != nil {
		p.close()
	}
	return err
}

// streamFile starts a reading of a file, whatever it holds.
func streamFile(im *Image) (*stream, error) {
	return newStream(im, io.NewSectionReader(im.file, 0, im.PackedSize), im.PackedSize)
}
