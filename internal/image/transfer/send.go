package transfer

import (
	"context"
	"errors"
	"io"
	"math"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

// Sink is where an image's bytes go. WriteAt stores one extent, which belongs at offset: all that r
// yields, length bytes at most. Extents come in order and one after another, and do not overlap.
// Bytes between extents are zeros in the image and are never passed, so they must already read as
// zeros in the sink; the last extent ends where the image ends. WriteAt returns soon after ctx has
// ended, and does not touch r after it has returned.
type Sink interface {
	WriteAt(ctx context.Context, r io.Reader, offset, length int64) error
}

// Discard is a sink that keeps nothing. Sending an image to it reads the whole image.
var Discard Sink = discard{}

type discard struct{}

// WriteAt implements Sink.
func (discard) WriteAt(_ context.Context, r io.Reader, _, _ int64) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// Result is what Send did.
type Result struct {
	Digest      string // of the whole image, decompressed, holes included
	Transferred int64  // bytes sent to the sink, or copied
	Size        int64  // bytes of the image, decompressed
	Copied      bool   // to the file of Into
	Shared      int64  // bytes that the copy shares with the source, instead of bytes transferred
	// Blocks is what the image's disk holds, if the caller asked for it; nil if that takes another
	// reading: see MapBlocks.
	Blocks *blockmap.Map
}

// Option changes what Send does and reports to its caller on the way.
type Option func(*sending)

type sending struct {
	form     digest.Form
	onDigest func(digest string) error
	onSHA256 func(sum string) error
	progress func(done, total int64)
	room     int64
	tooLong  error // replaces the error for lack of room
	spooled  int64 // how long the image may be if it is put into a temporary file
	into     *os.File
	blocks   bool
}

// newSending has the options, and room without end.
func newSending(options []Option) sending {
	s := sending{form: digest.Current, room: math.MaxInt64}
	for _, option := range options {
		option(&s)
	}
	s.blocks = s.blocks && s.form == digest.FSVerity // the others show no bytes
	return s
}

// summing is what is to be computed, without the checksum.
func (s sending) summing(visit verity.Visit) summing {
	return summing{form: s.form, plain: s.onSHA256 != nil, visit: visit}
}

// digested passes the sums of a reading to the caller that asked for them.
func (s sending) digested(got sums, err error) error {
	if err == nil && s.onSHA256 != nil {
		err = s.onSHA256(got.plain)
	}
	if err == nil && s.onDigest != nil {
		err = s.onDigest(got.digest)
	}
	return err
}

// As has the digest computed in that form, instead of digest.Current.
func As(form digest.Form) Option { return func(s *sending) { s.form = form } }

// OnSHA256 has the SHA-256 of the image computed as well, and f called with it, "sha256:hex", just
// before the function of OnDigest would be. An error has the same effect.
func OnSHA256(f func(sum string) error) Option { return func(s *sending) { s.onSHA256 = f } }

// OnDigest has f called once, as soon as the digest is known and the checksum verified; for a file
// that is usually long before it is sent. It is called while bytes are being sent, from another
// goroutine. An error cancels the sending, and Send returns it as it is: so a caller can stop
// sending an image that another one already stores.
func OnDigest(f func(digest string) error) Option { return func(s *sending) { s.onDigest = f } }

// OnProgress has f called every few seconds, and when everything is sent, with how much of the work
// is done, in bytes: for an uncompressed file those that were sent, else those that were read from
// the source. Total is -1 if it is unknown. f is called from the goroutine in which the sink reads,
// and delays it.
func OnProgress(f func(done, total int64)) Option { return func(s *sending) { s.progress = f } }

// Room limits an image whose size is not known beforehand: if it becomes longer, in bytes, Send
// returns an *UnsupportedImageError.
func Room(bytes int64) Option { return func(s *sending) { s.room = bytes } }

// Into has Send copy an image that is an uncompressed local file into another file of this machine
// instead of sending it to the sink: by sharing its blocks if the file system can, else by the
// kernel, or by reading and writing. The file is open for reading and writing, as long as the
// image, and reads as zeros; Send closes it. An image that cannot be copied still goes to the sink,
// which has to lead to the same file.
func Into(file *os.File) Option { return func(s *sending) { s.into = file } }

// MapBlocks has the disk's blocks mapped on the way, for images that are to be stored as changes to
// this one. That is possible where the blocks are those of the image: in raw images, and in qcow2
// images in local files whose clusters are neither compressed nor smaller than a block. It works
// only with digest.FSVerity, which shows the bytes.
func MapBlocks() Option { return func(s *sending) { s.blocks = true } }

// Send sends the image to the sink and verifies length and checksum. The sink holds a complete
// image only when Send returns no error.
//
// Holes of a local file are neither sent nor read. A separate reader hashes the file. It runs ahead
// of the sink as fast as it can, and leaves the bytes in the page cache for the sink, so that the
// disk is read once as long as the lead fits into memory. The file must not change meanwhile. An
// image that is compressed, or comes from elsewhere, is hashed as it passes, and its long stretches
// of zeros are not sent. A download can be sent only once. In any case Send holds less than 10 MiB
// of the image in memory, plus the window of a decompressor (see MaxWindow).
//
// Size and VirtualSize are known once it is sent. Errors: *image.SourceError, also for
// image.ErrChanged; *image.ChecksumError; for an image not fully known beforehand, the others of
// FromFile; errors returned by OnDigest or the sink.
func (im *Image) Send(ctx context.Context, sink Sink, options ...Option) (Result, error) {
	s := newSending(options)
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

// stream has send send an image that passes once, or is decompressed; send closes the stream.
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
		p, abort := im.once, im.from.Abort // both are read here because Close may be called at any time
		im.once = nil
		stop := context.AfterFunc(ctx, func() { abort(context.Cause(ctx)) })
		defer stop()
		return send(p)
	default:
		return im.origin.Failed("sending", errors.New("it is closed, or a download that was already sent"), "")
	}
}
