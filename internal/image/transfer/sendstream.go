package transfer

import (
	"context"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
)

// sendStream sends an image that passes once. It closes the stream.
func sendStream(ctx context.Context, p *stream, sink Sink, s sending) (Result, error) {
	im := p.im
	var transferred int64
	blocks := s.blocks && im.Format == image.FormatRaw
	mapped := blockmap.New(0).Writer()
	digest, err := p.through(ctx, s, func(r io.Reader, limit int64) (err error) {
		if blocks {
			async := newAsyncWriter(mapped)
			defer async.end()
			r = io.TeeReader(r, async)
		}
		transferred, err = sendRuns(ctx, im.origin, sink, &runs{r: r}, limit)
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
