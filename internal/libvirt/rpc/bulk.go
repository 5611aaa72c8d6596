package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/digitalocean/go-libvirt"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// bulkWidth is how many requests a listing keeps in flight. libvirtd works on five requests of a
// client at a time (max_client_requests in libvirtd.conf). The rest wait in the socket, so that a
// remote host is never idle for a round trip.
const bulkWidth = 16

// Gather runs fn for each item, bulkWidth at a time, and returns the results in the items' order.
// It leaves out items for which fn returns gone, because they have vanished since they were listed.
func Gather[In, Out any](
	ctx context.Context, items []In, gone error, fn func(context.Context, In) (Out, error),
) ([]Out, error) {
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

// Backoff yields attempts. Each attempt gets a function that pauses and reports whether to try
// again. The first pause is 10 ms, and each next one is twice as long, up to a second. The function
// returns false once patience or ctx is over.
func Backoff(ctx context.Context, patience time.Duration) func(yield func(func() bool) bool) {
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

// DescribeAll is Gather for objects that are described one by one. It leaves out objects that
// cannot be described, and returns their names. about reports which of libvirt's error codes mean
// that.
func DescribeAll[In, Out any](ctx context.Context, items []In, gone error, about func(libvirt.ErrorNumber) bool,
	name func(In) host.Undescribed,
	describe func(context.Context, In) (Out, error),
) (all []Out, undescribed []host.Undescribed, err error) {
	type answer struct {
		out Out
		not *host.Undescribed
	}
	answers, err := Gather(ctx, items, gone, func(ctx context.Context, item In) (answer, error) {
		out, err := describe(ctx, item)
		if err != nil && virterr.CannotDescribe(err, about) && !errors.Is(err, gone) {
			not := name(item)
			not.Err = err
			return answer{not: &not}, nil
		}
		return answer{out: out}, err
	})
	for _, a := range answers {
		if a.not != nil {
			undescribed = append(undescribed, *a.not)
		} else {
			all = append(all, a.out)
		}
	}
	return all, undescribed, err
}
