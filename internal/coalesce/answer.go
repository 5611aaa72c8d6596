package coalesce

import (
	"context"
	"sync"
	"time"
)

// Answer keeps the answer to a question. The zero value has none, and keeps the first one. All
// methods may be called concurrently.
type Answer[T any] struct {
	// Age is how old the answer may be. Zero means any age. It must not change once Get was called.
	Age time.Duration

	calls Calls[T]

	mu    sync.Mutex
	known bool
	asked time.Time // when value was asked for
	value T
	era   int // how often the answer was forgotten
	asks  int // the era when it was asked for last
}

// Get returns the answer. If there is none, or it is too old, one caller asks, and the others wait
// for its answer, or get its error; see Calls.Do for the errors that they do not get. A caller that comes
// later asks again after an error.
func (a *Answer[T]) Get(ctx context.Context, ask func() (T, error)) (T, error) {
	value, known, asked := a.kept()
	if known {
		return value, nil
	}
	if asked {
		if err := a.calls.failure(ctx); err != nil {
			return value, err
		}
	}
	return a.calls.Do(ctx, func() (T, error) {
		value, known, era := a.begin()
		if known { // since the caller waited for its turn
			return value, nil
		}
		asked := time.Now()
		value, err := ask()
		if err == nil {
			a.keep(value, asked, era)
		}
		return value, err
	})
}

// Known returns the answer if there is one that is not too old.
func (a *Answer[T]) Known() (value T, known bool) {
	value, known, _ = a.kept()
	return value, known
}

// Forget makes the next Get ask again, even if another caller is asking right now.
func (a *Answer[T]) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = false
	a.era++
}

// kept returns the answer. asked reports whether it was asked for since it was forgotten.
func (a *Answer[T]) kept() (value T, known, asked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.value, a.fresh(), a.asks == a.era
}

func (a *Answer[T]) fresh() bool { return a.known && (a.Age == 0 || time.Since(a.asked) <= a.Age) }

// begin is kept for a caller that is about to ask.
func (a *Answer[T]) begin() (value T, known bool, era int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asks = a.era
	return a.value, a.fresh(), a.era
}

// keep keeps an answer that was asked for in that era, unless it was forgotten since.
func (a *Answer[T]) keep(value T, asked time.Time, era int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.era == era {
		a.value, a.asked, a.known = value, asked, true
	}
}
