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
}

// Get returns the answer. If there is none, or it is too old, one caller asks, and the others wait
// for its answer. After an error the next caller asks again; see Calls.Do for who gets the error.
func (a *Answer[T]) Get(ctx context.Context, ask func() (T, error)) (T, error) {
	if value, known, _ := a.kept(); known {
		return value, nil
	}
	return a.calls.Do(ctx, func() (T, error) {
		value, known, era := a.kept()
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

// Forget makes the next Get ask again, even if another caller is asking right now.
func (a *Answer[T]) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = false
	a.era++
}

func (a *Answer[T]) kept() (value T, known bool, era int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.value, a.known && (a.Age == 0 || time.Since(a.asked) <= a.Age), a.era
}

// keep keeps an answer that was asked for in that era, unless it was forgotten since.
func (a *Answer[T]) keep(value T, asked time.Time, era int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.era == era {
		a.value, a.asked, a.known = value, asked, true
	}
}
