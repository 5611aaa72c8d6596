package poolstore

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A batch has the time of the change that has the most, and continues while any of its changes
// waits.
func TestABatchHasTheTimeOfItsChanges(t *testing.T) {
	short, stopShort := context.WithTimeout(t.Context(), time.Minute)
	long, stopLong := context.WithTimeout(t.Context(), time.Hour)
	defer stopLong()
	b := batch{open: []*change{{ctx: short}, {ctx: long}}}
	ctx, end := b.context()
	want, _ := long.Deadline()
	if got, bounded := ctx.Deadline(); !bounded || !got.Equal(want) {
		t.Errorf("the deadline is %v, %v, want %v", got, bounded, want)
	}
	stopShort()
	if err := ctx.Err(); err != nil {
		t.Errorf("one of two gave up: %v", err)
	}
	end()

	b.open = append(b.open, &change{ctx: t.Context()})
	ctx, end = b.context()
	if got, bounded := ctx.Deadline(); bounded {
		t.Errorf("one of them has no deadline, and all have %v", got)
	}
	end()

	late, stopLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stopLate()
	b.open = []*change{{ctx: late}}
	ctx, end = b.context()
	defer end()
	if <-ctx.Done(); !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("it ended by %v", ctx.Err())
	}
}
