package hypervisor

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// gather runs fn for each item, bulkWidth at a time, and returns the results in
// the items' order. Items for which fn says gone have vanished since they were
// listed and are left out.
func gather[In, Out any](ctx context.Context, items []In, gone error, fn func(context.Context, In) (Out, error)) ([]Out, error) {
	results := make([]Out, len(items))
	present := make([]bool, len(items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bulkWidth)
	for i, item := range items {
		group.Go(func() error {
			out, err := fn(ctx, item)
			if errors.Is(err, gone) {
				return nil
			}
			results[i], present[i] = out, err == nil
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	kept := make([]Out, 0, len(items))
	for i, ok := range present {
		if ok {
			kept = append(kept, results[i])
		}
	}
	return kept, nil
}

// backoff yields attempts. Each gets a function that pauses, 10 ms at first and
// twice as long each time up to a second, and tells whether to try again: no
// more once patience or ctx is over.
func backoff(ctx context.Context, patience time.Duration) func(yield func(func() bool) bool) {
	return func(yield func(func() bool) bool) {
		end := time.Now().Add(patience)
		pause := 10 * time.Millisecond
		wait := func() bool {
			if time.Now().Add(pause).After(end) {
				return false
			}
			timer := time.NewTimer(pause)
			defer timer.Stop()
			pause = min(2*pause, time.Second)
			select {
			case <-timer.C:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for yield(wait) {
		}
	}
}
