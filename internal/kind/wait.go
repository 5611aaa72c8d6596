package kind

import (
	"context"
	"time"
)

// Poll is the shortest time that drivers wait between two looks at a guest.
const Poll = 100 * time.Millisecond

// Nudge is how often a guest is asked again for something, because a guest that is still booting
// hears nothing.
const Nudge = 5 * time.Second

// Pause waits for a time, or for the end of ctx.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// HalfTime is how long a guest that restarts may take to shut down, or to release a device: half of
// the time that ctx leaves, because the other half is for starting it again.
func HalfTime(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return time.Minute
	}
	return time.Until(deadline) / 2
}
