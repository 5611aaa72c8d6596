package lease

import (
	"context"
	"time"
)

// Lease says which process works on something, and by when it must be done.
type Lease struct {
	Holder   string    // the process, as This names it; "" if it is not recorded
	Since    time.Time // when the work began
	Deadline time.Time // by then, on the clock of Since, the work is over or its holder is dead
}

// Slack is how long after its deadline a process counts as dead. It covers what a deadline leaves
// out: two undos in a row (step.UndoTime), a request that is not cut off, and clocks that are a
// little wrong if an earlier release wrote its own machine's time.
const Slack = 5 * time.Minute

// unbounded is how long work without a deadline of its own may take.
const unbounded = time.Hour

// New is this process's lease on work that begins now and ends with the context. now is the time of
// the clock by which other processes will judge the lease.
func New(ctx context.Context, now time.Time) Lease {
	return Lease{Holder: This(), Since: now, Deadline: Deadline(ctx, now)}
}

// Deadline is the time, by the clock of now, at which work that begins now ends with the context.
func Deadline(ctx context.Context, now time.Time) time.Time {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return now.Add(unbounded)
	}
	return now.Add(time.Until(deadline))
}

// Expires is the time after which the holder counts as dead in any case: Slack after its deadline.
func (l Lease) Expires() time.Time { return l.Deadline.Add(Slack) }

// Overdue reports whether the holder counts as dead because its time is up. now is the time of the
// clock by which the deadline was written.
func (l Lease) Overdue(now time.Time) bool { return now.After(l.Expires()) }

// Ended reports whether another process may clear away or take over what the holder left: the
// holder is certainly dead, or its time is up by the clock of its deadline.
func (l Lease) Ended(now time.Time) bool { return Dead(l.Holder) || l.Overdue(now) }

// Abandoned is like Ended. It asks clock for the time only if the holder is not certainly dead, and
// returns the clock's error.
func (l Lease) Abandoned(ctx context.Context, clock func(context.Context) (time.Time, error)) (bool, error) {
	if Dead(l.Holder) {
		return true, nil
	}
	now, err := clock(ctx)
	return err == nil && l.Overdue(now), err
}
