package image

import (
	"context"
	"errors"
	"fmt"
	"io"
)

var zeros [asyncBufferSize]byte

// Digest gives "sha256:hex" of the image in a local file without sending it, and verifies the checksum of the file. Holes
// are hashed without being read. It is known without reading once it was asked for, or the file was sent.
//
// Errors: *SourceError, also for ErrChanged; *ChecksumError; of what is compressed, also those of Open. The digest of a
// download is known by sending it only.
func (im *Image) Digest(ctx context.Context) (string, error) {
	if im.file == nil {
		return "", im.origin.Failed("hashing", errors.New("it is not a local file, or closed"), "")
	}
	if im.digest != "" {
		return im.digest, im.file.Unchanged()
	}
	if im.Compression != "" {
		read, err := im.Send(ctx, nowhere{})
		return read.Digest, err
	}
	d := NewDigester(im.want)
	if err := im.hash(ctx, d); ctx.Err() != nil {
		return "", fmt.Errorf("hashing %s: %w", im.origin, context.Cause(ctx))
	} else if err != nil {
		return "", im.origin.Unread(err)
	}
	if err := im.file.Unchanged(); err != nil {
		return "", err
	}
	digest, err := d.Finish(im.origin)
	im.digest = digest
	return digest, err
}

func (im *Image) hash(ctx context.Context, w io.Writer) error {
	async := newAsyncWriter(w)
	defer async.end()
	from := int64(0)
	for _, e := range im.extents {
		for hole := e.offset - from; hole > 0; {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			n := min(hole, int64(len(zeros)))
			async.put(zeros[:n], async.buffer())
			hole -= n
		}
		for from = e.offset; from < e.end(); {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			buffer := async.buffer()
			data := buffer[:min(e.end()-from, int64(len(buffer)))]
			if read, err := im.file.ReadAt(data, from); read < len(data) {
				if err == io.EOF {
					err = ErrChanged // it has become shorter
				}
				return err
			}
			async.put(data, buffer)
			from += int64(len(data))
		}
	}
	return nil
}

// nowhere is a sink that keeps nothing.
type nowhere struct{}

// WriteAt implements Sink.
func (nowhere) WriteAt(_ context.Context, r io.Reader, _, _ int64) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
