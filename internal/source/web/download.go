package web

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// download reads a URL from beginning to end, even if the connection is cut on the way. It
// continues where it was, with a range of the same file: the file's validators show that it is the
// same (RFC 9110, section 13.1.5), or the source's checksum confirms it later. If the server offers
// no ranges, everything is read again, and the part that was read before is compared by its hash.
type download struct {
	source   Source
	patience patience
	client   *http.Client
	ctx      context.Context //nolint:containedctx // io.Reader has none
	cancel   context.CancelCauseFunc
	timer    *time.Timer // ends ctx when nothing arrives

	rc        io.ReadCloser // the body of the current answer; nil for none
	size      int64         // of the file; -1 if not announced
	validator string        // for If-Range: a strong ETag, or a date that is old enough; "" for none
	etag      string
	whole     bool // the server did not keep to a range
	ending    ending
	until     int64 // where the current answer ends, if it endsWithRange

	at       int64        // bytes that were returned
	had      maphash.Hash // of those bytes
	failures int          // since the last progress
	progress int64        // bytes at the last failure
	err      error        // with which it has ended
}

// ending is what the end of an answer's body says about the end of the file.
type ending int

const (
	endsTold      ending = iota // the body has the file to its end: by length, in chunks, or in frames
	endsWithRange               // the body has a range, which may be followed by more
	endsUntold                  // the connection ends, with the file or not (RFC 9112, section 6.3)
)

func newDownload(ctx context.Context, s Source, p patience) *download {
	d := &download{source: s, patience: p, client: s.client(p), size: -1}
	d.ctx, d.cancel = context.WithCancelCause(ctx)
	d.timer = time.AfterFunc(p.stall, func() { d.cancel(fmt.Errorf("%w for %s", errStalled, p.stall)) })
	d.timer.Stop()
	return d
}

// Read returns a *SourceError unless the file ended where the server said it would. If the server
// did not say, unproved says so after the end.
func (d *download) Read(p []byte) (int, error) {
	for d.err == nil {
		n, err := d.read(p)
		d.at += int64(n)
		_, _ = d.had.Write(p[:n]) // never fails
		switch {
		case n > 0:
			return n, nil // the next call returns an error again
		case image.Ended(err):
			if err = d.endedHere(); image.Ended(err) {
				return 0, err
			}
		case err == nil:
			continue
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = &image.CutError{Err: err}
		}
		_ = d.again(err) // kept in d.err
	}
	return 0, d.err
}

// endedHere is what the end of the current answer's body means: io.EOF if the file has ended as
// well.
func (d *download) endedHere() error {
	switch {
	case d.at == d.size, d.size < 0 && d.ending != endsWithRange:
		return io.EOF
	case d.size < 0 && d.at == d.until:
		return errMore
	default:
		return io.ErrUnexpectedEOF
	}
}

// errMore is temporary: the rest is requested until the server says that there is none.
var errMore = errors.New("the server sent a part of the file without its total length")

// unproved reports, for a file that has ended, that only the end of a connection shows it.
func (d *download) unproved() bool { return d.size < 0 && d.ending == endsUntold }

// untold is the error for a file that has ended if only the end of a connection shows it, and nil
// for others.
func (d *download) untold() error {
	if !d.unproved() {
		return nil
	}
	return source.Origin(d.source).Failed("downloading", errUntold, "Set a checksum, or use another mirror.")
}

// errUntold says why the end of a connection is not enough.
var errUntold = errors.New("the server announces neither the length nor the end of the file, so a truncated file " +
	"would pass for the whole")

// read reads from the current answer. The time counts while it waits for the server, not while the
// reader is busy elsewhere.
func (d *download) read(p []byte) (int, error) {
	d.timer.Reset(d.patience.stall)
	defer d.timer.Stop()
	return d.rc.Read(p)
}

// connect opens the URL for the first time.
func (d *download) connect() error {
	if err := d.open(); err != nil {
		return d.again(err)
	}
	return nil
}

const (
	// maxFailures is how often in a row it is retried if nothing arrives in between.
	maxFailures = 3
	// enoughProgress is how many bytes restart the count of failures.
	enoughProgress = 1 << 20
	// maxRetryAfter is how long a server may make us wait.
	maxRetryAfter = 30 * time.Second
)

// again continues after an error, if that makes sense, as often as makes sense.
func (d *download) again(err error) error {
	for {
		if why := context.Cause(d.ctx); why != nil {
			return d.failed(why) // the reason for the close, not the close itself
		}
		if d.at-d.progress >= enoughProgress {
			d.failures, d.progress = 0, d.at
		}
		if d.failures == maxFailures || !passing(err) {
			return d.failed(err)
		}
		if err := d.wait(err); err != nil {
			return d.failed(err)
		}
		d.failures++
		if err = d.open(); err == nil {
			return nil
		}
	}
}

func (d *download) wait(after error) error {
	pause := d.patience.retry << d.failures
	if status, ok := errors.AsType[*statusError](after); ok {
		pause = max(pause, min(status.retryAfter, maxRetryAfter))
	}
	select {
	case <-d.ctx.Done():
		return context.Cause(d.ctx)
	case <-time.After(pause):
		return nil
	}
}

// failed is the error of the download.
func (d *download) failed(err error) error {
	advice := "Apply again; if it happens every time, download the file by other means and use path."
	status, answered := errors.AsType[*statusError](err)
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		advice = ""
	case errors.Is(err, errOther):
		advice = "Apply again; a URL that names one release, and a checksum, keep that from happening."
	case errors.Is(err, errStalled):
		advice = "Apply again, or use a mirror; source.stall_timeout_seconds says how long to wait."
	case answered:
		advice = adviceOnStatus(status.Code)
	case d.at == 0 && d.rc == nil:
		advice = "Check that the machine that runs Terraform reaches the server and trusts its certificate; " +
			"HTTPS_PROXY names a proxy."
	}
	if d.failures > 0 {
		err = fmt.Errorf("%w (after %d attempts)", err, d.failures+1)
	}
	d.err = source.Origin(d.source).Failed("downloading", err, advice)
	return d.err
}

// close ends the connection, also in the middle of a read.
func (d *download) close(cause error) {
	d.cancel(cause)
	d.timer.Stop()
	d.client.CloseIdleConnections()
}
