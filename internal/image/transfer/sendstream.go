package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// sendStream sends an image that passes once. It closes the stream.
func sendStream(ctx context.Context, p *stream, sink Sink, s sending) (Result, error) {
	im := p.im
	var transferred int64
	var blocks *fileSums
	if s.blocks && im.Format == image.FormatRaw {
		blocks = newFileSums()
	}
	digest, err := p.through(ctx, s, blocks.shown(), func(r io.Reader, limit int64) (err error) {
		transferred, err = sendRuns(ctx, im.origin, sink, &runs{r: r}, limit)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	result := Result{Digest: digest, Transferred: transferred, Size: im.Size}
	if blocks != nil {
		result.Blocks = blocks.ofRaw(im.Size)
	}
	return result, nil
}

// SendBytes sends what r has to the sink, without long stretches of zeros, and returns how many bytes it has
// sent. It is an error if r does not have just size bytes. name says in messages what r reads.
func SendBytes(ctx context.Context, name string, sink Sink, r io.Reader, size int64) (transferred int64, err error) {
	o, all := image.Origin{Name: name}, &runs{r: io.LimitReader(r, size)}
	if transferred, err = sendRuns(ctx, o, sink, all, size); err != nil {
		return transferred, err
	}
	if all.pos != size {
		return transferred, fmt.Errorf("%s ends after %d of its %d bytes", o, all.pos, size)
	}
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return transferred, fmt.Errorf("%s has more than its %d bytes", o, size)
	case !image.Ended(err):
		return transferred, o.Unread(err)
	}
	return transferred, nil
}

// sendRuns lets the sink read one run of data after another, in the goroutine that looks for the
// next.
func sendRuns(ctx context.Context, o image.Origin, sink Sink, runs *runs, limit int64) (transferred int64, err error) {
	for {
		offset, more := runs.next()
		if runs.err != nil && !image.Ended(runs.err) {
			return transferred, o.Unread(runs.err)
		}
		if !more {
			return transferred, nil
		}
		e := image.Extent{Offset: offset, Length: limit - offset}
		er := &extentReader{ctx: ctx, r: runs, left: e.Length, notice: func(n int64) { transferred += n }}
		if err := sendExtent(ctx, o, sink, er, e); err != nil {
			return transferred, err
		}
	}
}
