package recent

import (
	"context"
	"sync"
)

// Fresh lets callers who ask the same share the next answer to it: one that is asked for after all
// of them wanted it, so it has everything that existed by then. At most one answer to a question is
// being asked for at a time. The zero value is ready for use. Its methods may be called
// concurrently.
type Fresh[K comparable, V any] struct {
	mu   sync.Mutex
	next map[K]*round[V] // rounds that have not begun; nil for a question whose last round is running
}

// round is one answer to a question.
type round[V any] struct {
	done  chan struct{} // closed once value and err are there
	value V
	err   error
}

// Get returns an answer that is asked for after Get was called. The context of ask has the values of
// one of the callers, and does not end when that one gives up: ask bounds itself. Callers share the
// value and must not change it.
func (f *Fresh[K, V]) Get(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	r := f.join(key, func() (V, error) { return ask(context.WithoutCancel(ctx)) })
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// join returns the next round of a question, and makes sure that it is asked.
func (f *Fresh[K, V]) join(key K, ask func() (V, error)) *round[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, running := f.next[key]
	if r != nil {
		return r
	}
	r = &round[V]{done: make(chan struct{})}
	if f.next == nil {
		f.next = map[K]*round[V]{}
	}
	f.next[key] = r
	if !running {
		go f.run(key, ask)
	}
	return r
}

// run asks as long as somebody waits for an answer.
func (f *Fresh[K, V]) run(key K, ask func() (V, error)) {
	for r := f.begin(key); r != nil; r = f.begin(key) {
		r.value, r.err = ask()
		close(r.done)
	}
}

// begin takes the next round of a question. It returns nil, and ends the question, if there is none.
func (f *Fresh[K, V]) begin(key K) *round[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.next[key]
	if r == nil {
		delete(f.next, key)
	} else {
		f.next[key] = nil
	}
	return r
}
