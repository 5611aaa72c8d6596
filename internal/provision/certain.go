package provision

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// unclearError says that the host may have made a change, or may make it yet, although the request for it failed.
type unclearError struct{ err error }

func (e *unclearError) Error() string { return e.err.Error() }
func (e *unclearError) Unwrap() error { return e.err }

// unclear tells whether a request that failed with an error may have been carried out, or may be yet.
func unclear(err error) bool {
	for _, kind := range []error{host.ErrUnreachable, host.ErrNoAnswer, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// certainly makes a request that may be made twice, because what follows depends on whether it was carried out. If its answer
// is lost, it makes the request again, with time of its own. It returns *unclearError if that answer is lost, too.
func certainly(ctx context.Context, request func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := request(host.Whole(ctx))
	if err == nil || !unclear(err) {
		return err
	}
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	if repeated := request(again); repeated == nil || !unclear(repeated) {
		return repeated
	}
	return &unclearError{err}
}
