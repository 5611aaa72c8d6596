package image

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/blockmap"
)

// sendPass sends what passes once. It closes the pass.
func (im *Image) sendPass(ctx context.Context, p *pass, sink Sink, s sending) (Result, error) {
	var transferred int64
	blocks := s.blocks && im.Format == FormatRaw
	mapped := blockmap.New(0).Writer()
	digest, err := im.through(ctx, p, s, func(r io.Reader, limit int64) (err error) {
		if blocks {
			behind := newBehindWriter(mapped)
			defer behind.end()
			r = io.TeeReader(r, behind)
		}
		transferred, err = im.sendRuns(ctx, sink, &runs{r: r}, limit)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	result := Result{Digest: digest, Transferred: transferred, Size: im.Size}
	if blocks {
		result.Blocks = mapped.End()
	}
	return result, nil
}

// through lets take read all of a pass, limit bytes at most, and hashes it meanwhile. Reading ends with ctx. It closes the pass.
func (im *Image) through(ctx context.Context, p *pass, s sending, take func(r io.Reader, limit int64) error) (digest string, err error) {
	defer p.close()
	shown := newProgress(im.PackedSize, s.progress)
	shown.done = p.in.n
	p.in.notice = shown.at
	d := NewDigester(im.want)
	if im.Compression != "" {
		d = NewDigester(Checksum{}) // the checksum is of what comes from the source
	}
	limit, tooLong := im.limit(s.room)
	if s.tooLong != nil && limit == s.room {
		tooLong = s.tooLong
	}
	if im.Size >= 0 {
		limit, tooLong = im.Size, im.origin.Failed("reading", fmt.Errorf("more came than the %d bytes that were announced", im.Size), "Apply again.")
	}
	in := &bounded{r: &cancelled{ctx, im.origin, p.out}, left: limit, over: tooLong}
	behind := newBehindWriter(d)
	err = take(io.TeeReader(in, behind), limit)
	behind.end()
	if err == nil {
		err = p.end(im, limit-in.left)
	}
	if err != nil {
		return "", err
	}
	if digest, err = d.Finish(im.origin); err != nil {
		return "", err
	}
	im.digest = digest
	if s.onDigest != nil {
		if err := s.onDigest(digest); err != nil {
			return "", err
		}
	}
	shown.end()
	return digest, nil
}

// sendRuns lets the sink read one run of data after another, in the goroutine that looks for the next.
func (im *Image) sendRuns(ctx context.Context, sink Sink, runs *runs, limit int64) (transferred int64, err error) {
	for {
		offset, more := runs.next()
		if runs.err != nil && !ended(runs.err) {
			return transferred, im.origin.Unread(runs.err)
		}
		if !more {
			return transferred, nil
		}
		e := extent{offset, limit - offset}
		er := &extentReader{ctx: ctx, r: runs, left: e.length, notice: func(n int64) { transferred += n }}
		if err := im.sendExtent(ctx, sink, er, e); err != nil {
			return transferred, err
		}
	}
}

// cancelled is a reader until ctx ends. What is read from may be without end, as what is decompressed can be.
type cancelled struct {
	ctx    context.Context //nolint:containedctx // io.Reader has none
	origin Origin
	r      io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, fmt.Errorf("reading %s: %w", c.origin, err)
	}
	return c.r.Read(p)
}

// bounded fails once there is more than left bytes.
type bounded struct {
	r    io.Reader
	left int64
	over error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		p = p[:min(1, len(p))]
	} else {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.r.Read(p)
	if b.left == 0 && n > 0 {
		return 0, b.over
	}
	b.left -= int64(n)
	return n, err
}

// runBlock is the unit in which zeros are looked for, in bytes.
const runBlock = 64 << 10

// runs divides what is read into runs of data and the long stretches of zeros between them. The last run ends where all
// ends, be that zeros. Reading gives the bytes of one run.
type runs struct {
	r     io.Reader
	block [runBlock]byte
	data  []byte // of block, not handed out yet
	zeros int64  // that come before data
	pos   int64  // where the next byte that is handed out belongs, without those zeros
	err   error  // that reading ended with
}

// fill reads until there is data, or nothing more.
func (r *runs) fill() {
	for len(r.data) == 0 && r.err == nil {
		n, err := io.ReadFull(r.r, r.block[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		r.err = err
		if block := r.block[:n]; bytes.Equal(block, zeros[:n]) {
			r.zeros += int64(n)
		} else {
			r.data = block
		}
	}
}

// next goes to the beginning of the next run, and tells where that is; there is none where more is false.
func (r *runs) next() (offset int64, more bool) {
	r.fill()
	skip := r.zeros
	if len(r.data) == 0 { // what follows is zeros to the end
		skip = max(0, r.zeros-lastBytes)
	}
	r.pos += skip
	r.zeros -= skip
	return r.pos, len(r.data) > 0 || r.zeros > 0
}

// Read gives io.EOF at the end of a run.
func (r *runs) Read(p []byte) (int, error) {
	if len(r.data) == 0 && r.zeros == 0 {
		r.fill()
	}
	if r.err != nil && !ended(r.err) {
		return 0, r.err
	}
	var n int
	switch {
	case r.zeros >= joinGap || len(r.data) == 0 && r.zeros == 0:
		return 0, io.EOF
	case r.zeros > 0:
		n = copy(p, zeros[:min(r.zeros, int64(len(zeros)))])
		r.zeros -= int64(n)
	default:
		n = copy(p, r.data)
		r.data = r.data[n:]
	}
	r.pos += int64(n)
	return n, nil
}
