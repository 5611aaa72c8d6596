package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

var zeros [asyncBufferSize]byte

// Digest returns "sha256:hex" of the image in a local file without sending it, and verifies the
// checksum of the file. Holes are hashed without being read. A second call, or a call after the
// file was sent, does not read the file again.
//
// Errors: *SourceError, also for ErrChanged; *ChecksumError; for a compressed file, also those of
// FromFile. The digest of an image that passes only once is known only by sending it.
func (im *Image) Digest(ctx context.Context) (string, error) {
	switch {
	case im.file == nil:
		return "", im.origin.Failed("hashing", errors.New("it is not a local file, or closed"), "")
	case im.digest != "":
		return im.digest, im.file.Unchanged()
	case im.Compression != "":
		read, err := im.Send(ctx, Discard)
		return read.Digest, err
	}
	digest, err := digestOf(ctx, im.file, im.extents, im.want)
	im.digest = digest
	return digest, err
}

// DigestFile returns "sha256:hex" of a file with any content.
func DigestFile(ctx context.Context, file *localfile.File) (string, error) {
	extents, err := file.Extents(ctx)
	if err != nil {
		return "", err
	}
	return digestOf(ctx, file, extents, image.Checksum{})
}

func digestOf(ctx context.Context, file *localfile.File, extents []image.Extent, want image.Checksum) (string, error) {
	d := image.NewDigester(want)
	if err := hashTo(ctx, d, file, extents); ctx.Err() != nil {
		return "", fmt.Errorf("hashing %s: %w", file.Origin(), context.Cause(ctx))
	} else if err != nil {
		return "", file.Origin().Unread(err)
	}
	if err := file.Unchanged(); err != nil {
		return "", err
	}
	return d.Finish(file.Origin())
}

// hashTo writes a file to a hash, with the zeros between its extents.
func hashTo(ctx context.Context, hash io.Writer, file io.ReaderAt, extents []image.Extent) error {
	async := newAsyncWriter(hash)
	defer async.end()
	from := int64(0)
	for _, e := range extents {
		for hole := e.Offset - from; hole > 0; {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			n := min(hole, int64(len(zeros)))
			async.put(zeros[:n], async.buffer())
			hole -= n
		}
		for from = e.Offset; from < e.End(); {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			buffer := async.buffer()
			data := buffer[:min(e.End()-from, int64(len(buffer)))]
			if read, err := file.ReadAt(data, from); read < len(data) {
				if err == io.EOF {
					err = image.ErrChanged // the file has become shorter
				}
				return err
			}
			async.put(data, buffer)
			from += int64(len(data))
		}
	}
	return nil
}
