// Package recent lets many callers who ask the same at about the same time share one answer.
package recent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Answers keeps the last answer to each question for a short while. The zero value is not usable;
// see New. Its methods may be called concurrently.
type Answers[K comparable, V any] struct {
	age    time.Duration
	asking singleflight.Group

	mu    sync.Mutex
	epoch int // how often all answers were forgotten
	known map[K]answer[V]
}

type answer[V any] struct {
	asked time.Time
	value V
}

// New returns Answers that are at most that old.
func New[K comparable, V any](age time.Duration) *Answers[K, V] {
	return &Answers[K, V]{age: age, known: map[K]answer[V]{}}
}

// Get returns the answer to a question. If no recent one is known, it asks, together with all others
// who want to know. The context of ask has the values of the first of them, and does not end when
// that one gives up: ask bounds itself. Callers share the value and must not change it. An error is
// not kept.
func (a *Answers[K, V]) Get(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	a.mu.Lock()
	last, known := a.known[key]
	epoch := a.epoch
	a.mu.Unlock()
	if known && time.Since(last.asked) < a.age {
		return last.value, nil
	}
	var none V
	asked := a.asking.DoChan(fmt.Sprint(epoch, key), func() (any, error) {
		began := time.Now()
		value, err := ask(context.WithoutCancel(ctx))
		if err == nil {
			a.keep(key, answer[V]{began, value}, epoch)
		}
		return value, err
	})
	select {
	case result := <-asked:
		if result.Err != nil {
			return none, result.Err
		}
		return result.Val.(V), nil //nolint:forcetypeassert // the function above returns it
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func (a *Answers[K, V]) keep(key K, v answer[V], epoch int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch == epoch {
		a.known[key] = v
	}
}

// Forget makes the next Get of every question ask again: the caller has changed what is asked about.
func (a *Answers[K, V]) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.epoch++
	clear(a.known)
}
