package transfer

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// sendFile sends a local file that is stored as it is.
func sendFile(ctx context.Context, im *Image, sink Sink, s sending) (Result, error) {
	var total int64
	for _, e := range im.extents {
		total += e.Length
	}
	p := newProgress(total, s.progress)
	shrunk := im.origin.Failed("reading", image.ErrChanged, "")
	result := Result{Transferred: total, Size: im.Size}

	var blocks *fileSums
	if s.blocks {
		var err error
		if blocks, err = mapping(ctx, im); err != nil {
			return Result{}, err
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		var got sums
		if known := im.digests[s.form]; known != "" && s.onSHA256 == nil && blocks == nil {
			got.digest = known
		} else if got, err = im.sum(groupCtx, s.summing(blocks.shown())); err != nil {
			return err
		}
		result.Digest = got.digest
		return s.digested(got, nil)
	})
	group.Go(func() error {
		if s.into != nil {
			copied, done, err := im.file.CopyTo(groupCtx, s.into, p.add)
			if err != nil {
				return err
			}
			if done {
				result.Copied, result.Transferred, result.Shared = true, copied.Bytes, copied.Shared
				p.at(p.total)
				return nil
			}
			p.done = 0
		}
		for _, e := range im.extents {
			r := io.NewSectionReader(im.file, e.Offset, e.Length)
			er := &extentReader{ctx: groupCtx, r: r, left: e.Length, notice: p.add, short: shrunk}
			if err := sendExtent(groupCtx, im.origin, sink, er, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	if err := im.file.Unchanged(); err != nil {
		return Result{}, err
	}
	if blocks != nil {
		var err error
		if result.Blocks, err = blocks.mapped(ctx, im); err != nil {
			return Result{}, err
		}
	}
	p.end()
	return result, nil
}

// sendExtent lets the sink read one extent, to its end.
func sendExtent(ctx context.Context, o image.Origin, sink Sink, er *extentReader, e image.Extent) error {
	err := sink.WriteAt(ctx, er, e.Offset, e.Length)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("sending %s: %w", o, context.Cause(ctx))
	case er.err != nil: // regardless of what the sink returned
		return o.Unread(er.err)
	case err != nil:
		return fmt.Errorf("sending %s from byte %d on: %w", o, e.Offset, err)
	case er.left > 0 && !er.ended:
		return fmt.Errorf("sending %s from byte %d on: the last %d bytes were not taken", o, e.Offset, er.left)
	}
	return nil
}

// extentReader yields left bytes of r, or an error that it keeps: a sink may lose it.
type extentReader struct {
	ctx    context.Context //nolint:containedctx // io.Reader has none
	r      io.Reader
	left   int64
	notice func(n int64) // of bytes that were read
	short  error         // for an r that ends early; nil if it may
	ended  bool          // r has ended
	err    error
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
	e.notice(int64(n))
	switch {
	case err == io.EOF && e.left > 0 && e.short != nil:
		e.err = e.short
	case err == io.EOF:
		e.ended = true
		return n, err
	default:
		e.err = err
	}
	return n, e.err
}
