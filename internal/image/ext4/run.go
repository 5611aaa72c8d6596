package ext4

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// piece is bytes of a file system, which are valid until the next piece is asked for.
type piece struct {
	offset int64
	data   []byte
}

// run is what comes next to a sink: pieces, as long as each begins where the one before ended.
type run struct {
	ctx  context.Context //nolint:containedctx // io.Reader has none
	pull func() (piece, error, bool)
	next piece
	at   int64 // where the next byte that is returned belongs
	end  int64 // where the run ends at the latest
	read int64
	err  error // with which the pieces ended; io.EOF if there are no more
}

// fill asks for pieces until there is a byte.
func (r *run) fill() {
	for len(r.next.data) == 0 && r.err == nil {
		if r.err = context.Cause(r.ctx); r.err != nil {
			return
		}
		p, err, more := r.pull()
		if !more {
			err = io.EOF
		}
		r.next, r.err = p, err
	}
}

// Read returns the bytes of one run.
func (r *run) Read(p []byte) (int, error) {
	r.fill()
	if r.err != nil {
		return 0, r.err
	}
	if r.next.offset != r.at || r.at == r.end {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.end-r.at)], r.next.data)
	r.next.data = r.next.data[n:]
	r.next.offset += int64(n)
	r.at += int64(n)
	r.read += int64(n)
	return n, nil
}

// send lets the sink read one run of pieces after another. endOf says where the run ends at the
// latest that begins at an offset. It returns how many bytes were sent.
func send(
	ctx context.Context, o image.Origin, sink Sink, pieces iter.Seq2[piece, error], endOf func(offset int64) int64,
) (int64, error) {
	pull, stop := iter.Pull2(pieces)
	defer stop()
	r := &run{ctx: ctx, pull: pull}
	for {
		r.fill()
		if image.Ended(r.err) {
			return r.read, nil
		}
		if r.err != nil {
			return r.read, sending(ctx, o, r.err)
		}
		r.at = r.next.offset
		r.end = endOf(r.at)
		from, before := r.at, r.read
		err := sink.WriteAt(ctx, r, from, r.end-from)
		switch {
		case r.err != nil && !image.Ended(r.err): // regardless of what the sink returned
			return r.read, sending(ctx, o, r.err)
		case err != nil:
			return r.read, sending(ctx, o, fmt.Errorf("from byte %d on: %w", from, err))
		case r.read == before || r.err == nil && r.next.offset == r.at && r.at < r.end:
			return r.read, sending(ctx, o, fmt.Errorf("from byte %d on: not all bytes were taken", from))
		}
	}
}

// sending says what failed, unless the error already blames the source.
func sending(ctx context.Context, o image.Origin, err error) error {
	if _, blamed := err.(interface{ Attribute() string }); blamed {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("sending the file system of %s: %w", o, err)
}
