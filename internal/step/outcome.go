package step

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// unclearError says that the host may have made a change, or may make it yet, although the request
// for it failed.
type unclearError struct{ err error }

func (e *unclearError) Error() string { return e.err.Error() }
func (e *unclearError) Unwrap() error { return e.err }

// MayBeDone tells whether an error is that of a request that the host may have carried out, or may
// carry out yet. Only errors of Uninterrupted and Certainly say so, because other requests change
// nothing, or nothing depends on them.
func MayBeDone(err error) bool {
	_, unclear := errors.AsType[*unclearError](err)
	return unclear
}

// unanswered tells whether a request that failed with this error may have been carried out, or may
// be yet.
func unanswered(err error) bool {
	for _, kind := range []error{host.ErrUnreachable, host.ErrNoAnswer, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// Uninterrupted makes a short request that changes the host, unless ctx has ended before. A cancel
// does not cut it off: the host would go on with it, and whatever undoes it might come first.
// MayBeDone tells of its error whether the host has not answered.
func Uninterrupted(ctx context.Context, request func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return Completed(ctx, request)
}

// Completed is Uninterrupted for a request that completes what other requests began: it is made
// also if ctx was cancelled since.
func Completed(ctx context.Context, request func(context.Context) error) error {
	if err := request(uninterruptible(ctx)); err != nil {
		if unanswered(err) {
			return &unclearError{err}
		}
		return err
	}
	return nil
}

// Certainly is Uninterrupted for a request that may be made twice, where what follows depends on
// whether it was carried out. If its answer is lost, Certainly makes the request again, with time
// of its own.
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

// patience is how long a request that is not to be cut off is waited for after a cancel.
const patience = time.Minute

// uninterruptible is ctx for short requests that change the host. A cancel does not end it for a
// minute; the end of the caller's own time does at once.
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
