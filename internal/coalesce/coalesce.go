// Package coalesce lets concurrent callers that ask for the same thing share one call.
package coalesce

import (
	"context"
	"fmt"
	"sync"
)

// Calls are calls for one thing, which run one after another. Callers that come while a call runs
// share the next one. The zero value has had no call. All methods may be called concurrently.
type Calls[T any] struct {
	mu   sync.Mutex
	last *call[T] // the call that began last
	next *call[T] // the call that has not begun
}

// call is one call. What follows done is set when done is closed.
type call[T any] struct {
	number  int // of the calls that have begun, from 1; 0 before it begins
	done    chan struct{}
	value   T
	err     error
	cut     bool // its caller was cancelled, or ran out of time
	bounded bool // its caller had a deadline
}

// Do makes a call with work, or waits for another caller's call that begins after Do was called.
//
// A caller whose ctx ends while it waits gets the error of its own ctx. A failure that may be due to
// the time of the caller that made the call is not handed to the others: one that has time left
// makes another call. That goes for a call whose ctx has ended. It also goes for a call without a
// deadline, whose requests have limits of their own, if the other caller has a deadline, which these
// limits must not cut short.
func (c *Calls[T]) Do(ctx context.Context, work func() (T, error)) (T, error) {
	for after := c.begun(); ; {
		shared, before, mine := c.join(after)
		if mine {
			c.lead(ctx, shared, before, work)
			return shared.value, shared.err
		}
		select {
		case <-ctx.Done():
			var none T
			return none, gaveUp(ctx)
		case <-shared.done:
			if shared.binds(ctx) {
				return shared.value, shared.err
			}
			after = max(after, shared.number)
		}
	}
}

func gaveUp(ctx context.Context) error {
	return fmt.Errorf("waiting for another caller's request: %w", ctx.Err())
}

// failure waits for the call that is running, and returns its error; nil if none is running. It returns the
// error of ctx if that ends first.
func (c *Calls[T]) failure(ctx context.Context) error {
	c.mu.Lock()
	running := c.last
	c.mu.Unlock()
	if running == nil {
		return nil
	}
	select {
	case <-running.done: // before the caller came
		return nil
	default:
	}
	select {
	case <-ctx.Done():
		return gaveUp(ctx)
	case <-running.done:
	}
	if !running.binds(ctx) {
		return nil
	}
	return running.err
}

// begun returns the number of the call that began last.
func (c *Calls[T]) begun() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		return 0
	}
	return c.last.number
}

// join returns a call with a higher number, which may have begun, or the next one. mine says that
// the caller must make the call, once the one before it has ended.
func (c *Calls[T]) join(after int) (shared, before *call[T], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.last.number > after {
		return c.last, nil, false
	}
	if c.next == nil {
		c.next, mine = &call[T]{done: make(chan struct{})}, true
	}
	return c.next, c.last, mine
}

// lead makes a call once the one before it has ended.
func (c *Calls[T]) lead(ctx context.Context, own, before *call[T], work func() (T, error)) {
	defer close(own.done)
	_, own.bounded = ctx.Deadline()
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
		}
	}
	if own.err = c.begin(ctx, own, before); own.err == nil {
		own.value, own.err = work()
	}
	own.cut = own.err != nil && ctx.Err() != nil
}

// begin makes the next call the last one, unless its ctx has ended.
func (c *Calls[T]) begin(ctx context.Context, own, before *call[T]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = nil
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	own.number = 1
	if before != nil {
		own.number = before.number + 1
	}
	c.last = own
	return nil
}

// binds reports whether the result of an ended call is also the one of a caller with ctx.
func (c *call[T]) binds(ctx context.Context) bool {
	_, bounded := ctx.Deadline()
	return c.err == nil || !c.cut && (c.bounded || !bounded)
}
