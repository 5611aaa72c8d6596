package storage

import (
	"context"
	"sync"
)

// turns lets concurrent callers that ask a pool the same question share the next answer that is
// asked for: everything that they want to see existed before it. A refresh and a listing look at
// every volume, and an apply of many instances asks for several of them for each.
type turns[T any] struct {
	mu   sync.Mutex
	next map[string]*turn[T] // turns that have not begun, by pool
	last map[string]*turn[T] // turns that began last, by pool
}

type turn[T any] struct {
	done  chan struct{} // closed at its end
	value T
	err   error
	cut   bool // its caller gave up
}

// do asks a pool with work, or waits for the answer to another caller who asks after now. If ctx
// ends meanwhile, it returns what fail makes of the context's error.
func (s *turns[T]) do(
	ctx context.Context, pool string, fail func(error) error, work func() (T, error),
) (value T, err error) {
	for {
		t, before, mine := s.join(pool)
		if mine {
			s.run(ctx, pool, t, before, fail, work)
			return t.value, t.err
		}
		select {
		case <-ctx.Done():
			return value, fail(ctx.Err())
		case <-t.done:
			if !t.cut {
				return t.value, t.err
			}
		}
	}
}

// join returns the next turn and the one before it. mine says that the caller must take the turn.
func (s *turns[T]) join(pool string) (t, before *turn[T], mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next, s.last = map[string]*turn[T]{}, map[string]*turn[T]{}
	}
	if t = s.next[pool]; t == nil {
		t, mine = &turn[T]{done: make(chan struct{})}, true
		s.next[pool] = t
	}
	return t, s.last[pool], mine
}

func (s *turns[T]) run(
	ctx context.Context, pool string, t, before *turn[T], fail func(error) error, work func() (T, error),
) {
	defer close(t.done)
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	delete(s.next, pool)
	if ctx.Err() == nil {
		s.last[pool] = t
	}
	s.mu.Unlock()
	if t.err = fail(ctx.Err()); t.err == nil {
		t.value, t.err = work()
	}
	t.cut = t.err != nil && ctx.Err() != nil
}
