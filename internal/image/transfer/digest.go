package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

var zeros [asyncBufferSize]byte

// Digest returns the digest, of that form, of the image in a local file without sending it, and
// verifies the checksum of the file. Holes are not read. A second call, or a call after the file
// was sent, does not read the file again.
//
// Errors: *SourceError, also for ErrChanged; *ChecksumError; for a compressed file, also those of
// FromFile. The digest of an image that passes only once is known only by sending it.
func (im *Image) Digest(ctx context.Context, form digest.Form) (string, error) {
	switch known := im.digests[form]; {
	case im.file == nil:
		return "", im.origin.Failed("hashing", errors.New("it is not a local file, or closed"), "")
	case known != "":
		return known, im.file.Unchanged()
	case im.Compression != "":
		read, err := im.Send(ctx, Discard, As(form))
		return read.Digest, err
	}
	got, err := im.sum(ctx, summing{form: form})
	return got.digest, err
}

// DigestFile returns the digest of a file with any content.
func DigestFile(ctx context.Context, file *localfile.File, form digest.Form) (string, error) {
	extents, err := file.Extents(ctx)
	if err != nil {
		return "", err
	}
	got, err := sumsOf(ctx, file, extents, summing{form: form})
	return got.digest, err
}

// sum hashes the image in a local file that is not compressed, and verifies its checksum.
func (im *Image) sum(ctx context.Context, of summing) (sums, error) {
	of.want = im.want
	got, err := sumsOf(ctx, im.file, im.extents, of)
	im.known(of.form, got.digest)
	return got, err
}

// known keeps a digest; "" is none.
func (im *Image) known(form digest.Form, text string) {
	if text != "" {
		im.digests = map[digest.Form]string{form: text}
	}
}

func sumsOf(ctx context.Context, file *localfile.File, extents []image.Extent, of summing) (sums, error) {
	sum := hashInOrder
	if of.treeAlone() {
		sum = hashTree
	}
	got, err := sum(ctx, file, extents, of)
	switch _, wrong := errors.AsType[*image.ChecksumError](err); {
	case ctx.Err() != nil:
		return sums{}, fmt.Errorf("hashing %s: %w", file.Origin(), context.Cause(ctx))
	case wrong:
		if changed := file.Unchanged(); changed != nil {
			return sums{}, changed
		}
		return sums{}, err
	case err != nil:
		return sums{}, file.Origin().Unread(err)
	}
	if err := file.Unchanged(); err != nil {
		return sums{}, err
	}
	return got, nil
}

// hashTree reads a file in any order, on all processors.
func hashTree(ctx context.Context, file *localfile.File, extents []image.Extent, of summing) (sums, error) {
	hex, err := verity.File(ctx, file, file.Size(), extents, of.visit)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = image.ErrChanged // the file has become shorter
	}
	return sums{digest: digest.FSVerity.Of(hex)}, err
}

// hashInOrder reads a file once, from its beginning to its end.
func hashInOrder(ctx context.Context, file *localfile.File, extents []image.Extent, of summing) (sums, error) {
	s := of.start()
	defer s.end()
	buffer := make([]byte, asyncBufferSize)
	from := int64(0)
	for _, e := range extents {
		for hole := e.Offset - from; hole > 0; {
			if err := context.Cause(ctx); err != nil {
				return sums{}, err
			}
			n := min(hole, zerosAtOnce)
			s.zeros(n)
			hole -= n
		}
		for from = e.Offset; from < e.End(); {
			if err := context.Cause(ctx); err != nil {
				return sums{}, err
			}
			data := buffer[:min(e.End()-from, int64(len(buffer)))]
			if read, err := file.ReadAt(data, from); read < len(data) {
				if image.Ended(err) {
					err = image.ErrChanged // the file has become shorter
				}
				return sums{}, err
			}
			_, _ = s.Write(data)
			from += int64(len(data))
		}
	}
	return s.finish(file.Origin())
}

// zerosAtOnce is how many zeros, in bytes, are hashed between two checks for a cancel.
const zerosAtOnce = 8 << 20
