package coalesce

import (
	"context"
	"sync"
	"time"
)

// keyed has a value of its own for each key.
type keyed[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]*V
}

// of returns the value of a key, which create creates once.
func (k *keyed[K, V]) of(key K, create func() *V) *V {
	k.mu.Lock()
	defer k.mu.Unlock()
	value := k.values[key]
	if value == nil {
		if k.values == nil {
			k.values = map[K]*V{}
		}
		value = create()
		k.values[key] = value
	}
	return value
}

// CallsByKey are Calls for one thing each. The zero value has had no call. All methods may be called
// concurrently.
type CallsByKey[K comparable, T any] struct{ keyed[K, Calls[T]] }

// Do is Calls.Do for the thing of that key.
func (c *CallsByKey[K, T]) Do(ctx context.Context, key K, work func() (T, error)) (T, error) {
	return c.of(key, func() *Calls[T] { return &Calls[T]{} }).Do(ctx, work)
}

// Answers keep the answers to several questions, as Answer does. Callers share them and must not
// change them. All methods may be called concurrently.
type Answers[K comparable, T any] struct {
	age time.Duration
	keyed[K, Answer[T]]
}

// NewAnswers returns Answers that are at most so old. Zero means any age.
func NewAnswers[K comparable, T any](age time.Duration) *Answers[K, T] {
	return &Answers[K, T]{age: age}
}

// Get is Answer.Get for the question of that key.
func (a *Answers[K, T]) Get(ctx context.Context, key K, ask func() (T, error)) (T, error) {
	return a.of(key, func() *Answer[T] { return &Answer[T]{Age: a.age} }).Get(ctx, ask)
}

// Forget makes the next Get of every question ask again, even if another caller is asking right now.
func (a *Answers[K, T]) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, answer := range a.values {
		answer.Forget()
	}
}
