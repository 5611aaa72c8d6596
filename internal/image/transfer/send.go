package transfer

import (
	"context"
	"errors"
	"io"
	"math"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
)

// Sink is where an image's bytes go. WriteAt stores one extent, which belongs at offset: all that r
// yields, length bytes at most. Extents come in order and do not overlap, one after another. Bytes
// between extents are zeros in the image and are never handed over, so they must already read as
// zeros in the sink; the last extent ends where the image ends. WriteAt returns soon after ctx has
// ended, and leaves r alone once it has returned.
type Sink interface {
	WriteAt(ctx context.Context, r io.Reader, offset, length int64) error
}

// Result is what Send did.
type Result struct {
	Digest      string // "sha256:hex" of the whole image, decompressed, holes included
	Transferred int64  // bytes handed to the sink, or copied
	Size        int64  // bytes of the image, decompressed
	Copied      bool   // to the file of Into
	Shared      int64  // bytes that the copy has in common with the source, instead of bytes transferred
	// Blocks is what the image's disk holds, where that was asked for; nil where it passed once, and
	// in another order.
	Blocks *blockmap.Map
}

// Option changes what Send tells its caller on the way.
type Option func(*sending)

type sending struct {
	onDigest func(digest string) error
	progress func(done, total int64)
	room     int64
	tooLong  error // instead of that there is no room
	spooled  int64 // how long the image may be where it is put into a temporary file
	into     *os.File
	blocks   bool
}

// digested hands the digest of a reading to the caller that asked for it.
func (s sending) digested(digest string, err error) error {
	if err != nil || s.onDigest == nil {
		return err
	}
	return s.onDigest(digest)
}

// OnDigest has f called once, as soon as the digest is known and the checksum verified; for a file
// that is usually long before it is sent. It is called while bytes are being sent, from another
// goroutine. An error cancels the sending, and Send returns it as it is: so a caller stops sending
// what somebody else already stores.
func OnDigest(f func(digest string) error) Option { return func(s *sending) { s.onDigest = f } }

// OnProgress has f called every few seconds, and when all is sent, with how much of the work is
// done, in bytes: of a file that is not compressed those that were sent, else those that were read
// from the source. Total is -1 where nobody knows it. It is called from the goroutine in which the
// sink reads, and holds that up.
func OnProgress(f func(done, total int64)) Option { return func(s *sending) { s.progress = f } }

// Room bounds an image whose size is not known beforehand: one that becomes longer, in bytes, is an
// *UnsupportedImageError.
func Room(bytes int64) Option { return func(s *sending) { s.room = bytes } }

// Into has Send copy an image that is a local file, and not compressed, into another file of this
// machine instead of handing it to the sink: by sharing its blocks where the file system can, else
// by the kernel, or by reading and writing. The file is open for reading and writing, as long as
// the image, and reads as zeros; Send closes it. What cannot be copied goes to the sink all the
// same, which has to lead to the same file.
func Into(file *os.File) Option { return func(s *sending) { s.into = file } }

// MapBlocks has the disk's blocks mapped on the way, for images that are to be stored as changes to
// this one: those of local files, and those that arrive as they are, raw.
func MapBlocks() Option { return func(s *sending) { s.blocks = true } }

// Send hands the image to the sink and verifies length and checksum. The sink holds a complete
// image only when Send returns no error.
//
// Of a local file, holes are not sent. It is hashed by a reader of its own that runs ahead of the
// sink as fast as it can, and leaves the bytes in the page cache for the sink, so that the disk is
// read once as long as the lead fits into memory. The file must not change meanwhile. What is
// compressed, or comes from elsewhere, is hashed as it passes, and long stretches of zeros are not
// sent. A download can be sent only once. In any case Send holds less than 4 MiB of the image in
// memory, and what a decompressor looks back at (see MaxWindow).
//
// Once it is sent, Size and VirtualSize are known. Errors: *image.SourceError, also for
// image.ErrChanged; *image.ChecksumError; of what is not known beforehand, the others of FromFile; what
// OnDigest or the sink returned.
func (im *Image) Send(ctx context.Context, sink Sink, options ...Option) (Result, error) {
	s := sending{room: math.MaxInt64}
	for _, option := range options {
		option(&s)
	}
	if s.into != nil {
		defer s.into.Close()
	}
	if im.Plain() {
		return sendFile(ctx, im, sink, s)
	}
	var result Result
	err := im.stream(ctx, func(p *stream) (err error) {
		result, err = sendStream(ctx, p, sink, s)
		return err
	})
	return result, err
}

// stream has what passes once, or is decompressed, sent by send, which closes the stream.
func (im *Image) stream(ctx context.Context, send func(*stream) error) error {
	switch {
	case im.file != nil:
		p, err := streamFile(im)
		if err == nil {
			err = send(p)
		}
		if _, blamed := errors.AsType[interface {
			error
			Attribute() string
		}](err); err == nil || blamed && ctx.Err() == nil { // a file that has become shorter looks damaged
			if changed := im.file.Unchanged(); changed != nil {
				return changed
			}
		}
		return err
	case im.once != nil:
		p, abort := im.once, im.from.Abort // Close, which may be called at any time, takes both
		im.once = nil
		stop := context.AfterFunc(ctx, func() { abort(context.Cause(ctx)) })
		defer stop()
		return send(p)
	default:
		return im.origin.Failed("sending", errors.New("it is closed, or a download that was already sent"), "")
	}
}
