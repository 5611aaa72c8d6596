package host

import (
	"context"
	"time"
)

// wholeAfter is how long a request that is not to be cut off is waited for after a cancel.
const wholeAfter = time.Minute

// Whole is ctx for short requests that change the host. One that is cut off goes on there all the same, and whatever
// undoes it might come first. So a cancel cuts none off for a minute; the end of the caller's own time does.
func Whole(ctx context.Context) context.Context {
	whole := context.WithoutCancel(ctx)
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return whole
	}
	whole, cancel := context.WithDeadline(whole, deadline)
	context.AfterFunc(ctx, func() { time.AfterFunc(wholeAfter, cancel) })
	return whole
}
