package step

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// unclearError says that the host may have made a change, or may still make it, although the
// request for it failed.
type unclearError struct{ err error }

func (e *unclearError) Error() string { return e.err.Error() }
func (e *unclearError) Unwrap() error { return e.err }

// MayBeDone reports whether an error comes from a request that the host may have carried out, or
// may still carry out. Only errors of Uninterrupted and Certainly say so, because other requests
// change nothing, or nothing depends on them.
func MayBeDone(err error) bool {
	_, unclear := errors.AsType[*unclearError](err)
	return unclear
}

// unanswered reports whether a request that failed with this error may have been carried out, or
// may still be.
func unanswered(err error) bool {
	return host.Unanswered(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Uninterrupted makes a short request that changes the host, unless ctx has already ended. A cancel
// does not cut the request off: the host would continue with it, and an undo might overtake it. If
// the host has not answered, MayBeDone is true of the error.
func Uninterrupted(ctx context.Context, request func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return Completed(ctx, request)
}

// Completed is Uninterrupted for a request that completes what other requests began: it runs even
// if ctx was cancelled since.
func Completed(ctx context.Context, request func(context.Context) error) error {
	if err := request(uninterruptible(ctx)); err != nil {
		if unanswered(err) {
			return &unclearError{err}
		}
		return err
	}
	return nil
}

// Certainly is Uninterrupted for a request that is safe to repeat, if what follows depends on
// whether it was carried out. If the answer is lost, Certainly repeats the request, with extra
// time.
func Certainly(ctx context.Context, request func(context.Context) error) error {
	err := Uninterrupted(ctx, request)
	if !MayBeDone(err) {
		return err
	}
	again, cancel := UndoContext(ctx)
	defer cancel()
	if repeated := request(again); repeated == nil || !unanswered(repeated) {
		return repeated
	}
	return err
}

// patience is how long after a cancel to wait for a request that must not be cut off.
const patience = time.Minute

// uninterruptible returns a context for short requests that change the host. A cancel of ctx ends
// it only after a minute; the caller's own deadline ends it at once. Without a deadline nothing
// ends it.
func uninterruptible(ctx context.Context) context.Context {
	long := context.WithoutCancel(ctx)
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return long
	}
	long, cancel := context.WithDeadline(long, deadline)
	context.AfterFunc(ctx, func() { time.AfterFunc(patience, cancel) })
	return long
}
