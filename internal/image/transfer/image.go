// Package transfer opens disk images and moves their bytes: it recognises an image by its content,
// decompresses it on the way, and sends its bytes to a sink, or copies them, while it hashes them.
package transfer

import (
	"context"
	"errors"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/compression"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/probe"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
)

// Image is an opened image whose format is known. It is not safe for concurrent use.
type Image struct {
	Format      image.Format
	Compression string // gzip, xz, zstd, bzip2; "" for none
	VirtualSize int64  // bytes of the disk that a guest sees; 0 while it is only known after sending
	Size        int64  // bytes of the image, decompressed; -1 while it is only known after sending
	PackedSize  int64  // bytes of the file at its source; -1 if unknown

	origin image.Origin
	want   image.Checksum // zero when the source has no checksum
	head   []byte         // how the image begins, decompressed

	// For a file.
	file    *localfile.File
	extents []image.Extent         // nil when it is compressed
	digests map[digest.Form]string // those that are known

	// For an image that passes only once.
	from       Stream  // zero for a file
	once       *stream // nil once it was sent
	proveWhole bool    // no sign showed that the end was the real one, so the image has to show that it is whole
}

// Stream is the source of an image that passes only once.
type Stream struct {
	Reader io.Reader
	Size   int64             // bytes that Reader has; -1 where that is not known
	Abort  func(cause error) // fails a read in progress, and releases what the reader holds
	// Untold returns, once Reader has ended, an error if the end may have come too early, because no
	// sign showed where the end is. It is nil for a reader that always knows.
	Untold func() error
	// Done is called once everything was read, and may find that it is unusable. It is nil if there is
	// nothing to do.
	Done func(ctx context.Context) error
}

// FromFile recognises the image in a local file by its content, never by its name. Want is the
// checksum of the file; zero for none. The image closes the file, also when FromFile fails.
//
// Errors: *SourceError when the bytes cannot be read, *NotAnImageError when they are not a disk
// image, *UnsupportedImageError when they are an image that cannot be used.
func FromFile(ctx context.Context, o image.Origin, want image.Checksum, file *localfile.File) (*Image, error) {
	im := &Image{origin: o, want: want, file: file, Size: file.Size(), PackedSize: file.Size()}
	if err := im.recogniseFile(ctx); err != nil {
		_ = im.Close() // nothing was written: err says everything
		return nil, err
	}
	return im, nil
}

// FromStream is FromFile for an image that passes only once. A stream is passed on as it arrives,
// and decompressed on the way; nothing is kept in files. So the size of an image is known
// beforehand only if the stream announces it and is not compressed. The virtual size is known in
// that case, too, or when the image is a qcow2.
func FromStream(o image.Origin, want image.Checksum, from Stream) (*Image, error) {
	im := &Image{origin: o, want: want, from: from}
	var err error
	im.once, err = newStream(im, from.Reader, from.Size)
	// nothing in it could show later where it ends
	if err == nil && im.Compression == "" && im.Format == image.FormatRaw {
		err = im.checkTold(0)
	}
	if err != nil {
		_ = im.Close() // nothing was written
		return nil, err
	}
	return im, nil
}

// Close releases the file or the connection. It may be called at any time, also twice.
func (im *Image) Close() (err error) {
	if im.from.Abort != nil {
		im.from.Abort(errors.New("the image was closed"))
		im.from.Abort = nil
	}
	if im.once != nil {
		im.once.close()
		im.once = nil
	}
	if im.file != nil {
		err = im.file.Close()
		im.file = nil
	}
	return err
}

// Plain reports whether the image is a local file that is stored as it is: its bytes can be read in
// any order, and again.
func (im *Image) Plain() bool { return im.file != nil && im.Compression == "" }

// CheckStored checks a qcow2 image that was sent, and whose file r has: its tables were not seen
// when it was opened, unless it is Plain. If no sign showed that it had ended, the image has to
// show that it is whole. Errors are those of FromFile.
func (im *Image) CheckStored(ctx context.Context, r io.ReaderAt) error {
	switch {
	case im.Format != image.FormatQcow2 || im.Plain():
		return nil
	case im.proveWhole:
		return qcow2.ProveWhole(ctx, im.origin, r, im.Size)
	default:
		return qcow2.CheckWhole(ctx, im.origin, r, im.Size)
	}
}

// recogniseFile finds out what kind of image a file holds.
func (im *Image) recogniseFile(ctx context.Context) error {
	head := make([]byte, probe.HeadSize)
	n, err := im.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return im.origin.Unread(err)
	}
	if compression.Of(head[:n]) != nil {
		p, err := streamFile(im)
		if err == nil {
			p.close()
		}
		return err
	}
	if im.Format, im.VirtualSize, err = probe.Image(im.origin, im.file, im.Size); err != nil {
		return err
	}
	if im.extents, err = im.file.Extents(ctx); err != nil || im.Format != image.FormatQcow2 {
		return err
	}
	return qcow2.CheckWhole(ctx, im.origin, im.file, im.Size)
}

// streamFile starts a reading of a file with any content.
func streamFile(im *Image) (*stream, error) {
	return newStream(im, io.NewSectionReader(im.file, 0, im.PackedSize), im.PackedSize)
}
