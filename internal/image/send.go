package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// Sink is where an image's bytes go. WriteAt stores one extent: r yields exactly length bytes, unless it fails, and they
// belong at offset. Extents come in order and do not overlap, one after another. Bytes between extents are zeros in the
// image and are never handed over, so they must already read as zeros in the sink; the last extent ends at the image's
// Size. WriteAt returns soon after ctx has ended, and leaves r alone once it has returned.
type Sink interface {
	WriteAt(ctx context.Context, r io.Reader, offset, length int64) error
}

// Result is what Send did.
type Result struct {
	Digest      string // "sha256:hex" of the whole file, holes included
	Transferred int64  // bytes handed to the sink
	Size        int64  // bytes of the file
}

// Option changes what Send tells its caller on the way.
type Option func(*sending)

type sending struct {
	onDigest func(digest string) error
	progress func(sent, total int64)
}

// OnDigest has f called once, as soon as the digest is known and the checksum verified; for a file that is usually long
// before it is sent. It is called while bytes are being sent, from another goroutine. An error cancels the sending, and
// Send returns it as it is: so a caller stops sending what somebody else already stores.
func OnDigest(f func(digest string) error) Option { return func(s *sending) { s.onDigest = f } }

// OnProgress has f called every few seconds, and when all is sent, with the bytes handed to the sink and how many there
// will be. It is called from the goroutine in which the sink reads, and holds that up.
func OnProgress(f func(sent, total int64)) Option { return func(s *sending) { s.progress = f } }

// Send hands the image to the sink and verifies length and checksum. The sink holds a complete image only when Send
// returns no error.
//
// Of a local file, holes are not sent. It is hashed by a reader of its own that runs ahead of the sink as fast as it can,
// and leaves the bytes in the page cache for the sink, so that the disk is read once as long as the lead fits into memory.
// The file must not change meanwhile. A download is hashed as it passes, and can be sent only once. Either way Send holds
// less than 4 MiB of the image in memory.
//
// Errors: *SourceError, also for ErrChanged and ErrStalled; *ChecksumError; what OnDigest or the sink returned.
func (im *Image) Send(ctx context.Context, sink Sink, options ...Option) (Result, error) {
	var s sending
	for _, option := range options {
		option(&s)
	}
	switch {
	case im.file != nil:
		return im.sendFile(ctx, sink, s)
	case im.stream != nil:
		return im.sendStream(ctx, sink, s)
	default:
		return Result{}, im.source.failed("sending", errors.New("it is closed, or a download that was already sent"), "")
	}
}

func (im *Image) sendFile(ctx context.Context, sink Sink, s sending) (Result, error) {
	var total int64
	for _, e := range im.extents {
		total += e.length
	}
	p := newProgress(total, s.progress)
	shrunk := im.source.failed("reading", ErrChanged, "")

	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		digest, err := im.Digest(groupCtx)
		if err != nil || s.onDigest == nil {
			return err
		}
		return s.onDigest(digest)
	})
	group.Go(func() error {
		for _, e := range im.extents {
			r := io.NewSectionReader(im.file, e.offset, e.length)
			if err := im.sendExtent(groupCtx, sink, r, e, p, shrunk); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	if err := im.unchanged(); err != nil {
		return Result{}, err
	}
	p.done()
	return Result{Digest: im.digest, Transferred: p.sent, Size: im.Size}, nil
}

func (im *Image) sendStream(ctx context.Context, sink Sink, s sending) (Result, error) {
	stop := context.AfterFunc(ctx, func() { im.body.cancel(context.Cause(ctx)) })
	defer stop()
	stream := im.stream
	im.stream = nil

	p := newProgress(im.Size, s.progress)
	d := newDigester(im.want)
	behind := newBehindWriter(d)
	short := im.source.failed("downloading", fmt.Errorf("%w: the server announced %d bytes", &cutError{io.ErrUnexpectedEOF}, im.Size), "")
	err := im.sendExtent(ctx, sink, io.TeeReader(stream, behind), extent{0, im.Size}, p, short)
	behind.end()
	if err != nil {
		return Result{}, err
	}
	// HTTP/2 tells a body that goes on; HTTP/1 has no way to, its client stops at the announced length.
	if n, err := io.ReadFull(stream, make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		if err == nil {
			err = fmt.Errorf("the server sent more than the %d bytes that it announced", im.Size)
		}
		return Result{}, im.source.failed("downloading", err, "")
	}
	digest, err := d.finish(im.source)
	if err != nil {
		return Result{}, err
	}
	im.digest = digest
	if s.onDigest != nil {
		if err := s.onDigest(digest); err != nil {
			return Result{}, err
		}
	}
	p.done()
	return Result{Digest: digest, Transferred: p.sent, Size: im.Size}, nil
}

// sendExtent lets the sink read one extent from r, to its end; short is the error for an r that ends early.
func (im *Image) sendExtent(ctx context.Context, sink Sink, r io.Reader, e extent, p *progress, short error) error {
	er := &extentReader{ctx: ctx, r: r, left: e.length, progress: p, short: short}
	err := sink.WriteAt(ctx, er, e.offset, e.length)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("sending %s: %w", im.source, context.Cause(ctx))
	case er.err != nil: // whatever the sink made of it
		return im.source.failed("reading", cause(er.err), "")
	case err != nil:
		return fmt.Errorf("sending %d bytes from byte %d of %s: %w", e.length, e.offset, im.source, err)
	case er.left > 0:
		return fmt.Errorf("sending %d bytes from byte %d of %s: the last %d were not taken", e.length, e.offset, im.source,
			er.left)
	}
	return nil
}

// extentReader yields exactly left bytes of r, or an error that it keeps: a sink may lose it.
type extentReader struct {
	ctx      context.Context
	r        io.Reader
	left     int64
	progress *progress
	short    error
	err      error
}

func (e *extentReader) Read(p []byte) (int, error) {
	if e.err == nil {
		e.err = context.Cause(e.ctx)
	}
	switch {
	case e.err != nil:
		return 0, e.err
	case e.left == 0:
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	e.progress.add(int64(n))
	switch {
	case err == io.EOF && e.left > 0:
		e.err = e.short
	case err != io.EOF:
		e.err = err
	}
	return n, e.err
}

const progressInterval = 3 * time.Second

// progress counts what was sent, and tells it now and then.
type progress struct {
	sent, total int64
	tell        func(sent, total int64)
	told        time.Time
}

func newProgress(total int64, tell func(sent, total int64)) *progress {
	return &progress{total: total, tell: tell, told: time.Now()}
}

func (p *progress) add(n int64) {
	p.sent += n
	if p.tell != nil && time.Since(p.told) >= progressInterval {
		p.told = time.Now()
		p.tell(p.sent, p.total)
	}
}

func (p *progress) done() {
	if p.tell != nil {
		p.tell(p.sent, p.total)
	}
}
