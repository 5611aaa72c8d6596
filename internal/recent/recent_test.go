package recent_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/recent"
)

var errAsking = errors.New("no answer")

// asks is a question whose answer is how often it was asked, after a second.
type asks struct {
	n   atomic.Int64
	err error
}

func (a *asks) ask(ctx context.Context) (int64, error) {
	n := a.n.Add(1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return n, a.err
}

func wants(t *testing.T, a *recent.Answers[string, int64], q *asks, want int64, wantErr error) {
	t.Helper()
	if got, err := a.Get(t.Context(), "q", q.ask); got != want || !errors.Is(err, wantErr) {
		t.Errorf("got answer %d, %v, want %d, %v", got, err, want, wantErr)
	}
}

func TestAnAnswerIsKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, q := recent.New[string, int64](3*time.Second), &asks{}
		wants(t, a, q, 1, nil)
		time.Sleep(1900 * time.Millisecond)
		wants(t, a, q, 1, nil)
		time.Sleep(100 * time.Millisecond) // 3 s after it was asked
		wants(t, a, q, 2, nil)
		a.Forget()
		wants(t, a, q, 3, nil)
		if other, err := a.Get(t.Context(), "other", q.ask); other != 4 || err != nil {
			t.Errorf("another question has the answer %d, %v", other, err)
		}
	})
}

func TestAnErrorIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, q := recent.New[string, int64](time.Minute), &asks{err: errAsking}
		wants(t, a, q, 0, errAsking)
		q.err = nil
		wants(t, a, q, 2, nil)
	})
}

func TestManyCallersAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, q := recent.New[string, int64](time.Minute), &asks{}
		for range 10 {
			go wants(t, a, q, 1, nil)
		}
		synctest.Wait()
		wants(t, a, q, 1, nil)
	})
}

// The one who asks gives up; the others get the answer all the same.
func TestAGivenUpQuestionIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, q := recent.New[string, int64](time.Minute), &asks{}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := a.Get(ctx, "q", q.ask); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		}()
		synctest.Wait()
		go wants(t, a, q, 1, nil)
		synctest.Wait()
		cancel()
		wants(t, a, q, 1, nil)
	})
}

// An answer to what was asked before a change is not kept, and not given to those who ask after it.
func TestAnAnswerFromBeforeAChangeIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, q := recent.New[string, int64](time.Minute), &asks{}
		go wants(t, a, q, 1, nil)
		synctest.Wait()
		a.Forget()
		go wants(t, a, q, 2, nil)
		time.Sleep(2 * time.Second)
		wants(t, a, q, 2, nil)
	})
}

func TestAFreshAnswerIsAskedForAfterItWasWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f recent.Fresh[string, int64]
		q := &asks{}
		wantsFresh := func(want int64) {
			if got, err := f.Get(t.Context(), "q", q.ask); got != want || err != nil {
				t.Errorf("got answer %d, %v, want %d", got, err, want)
			}
		}
		for round := range int64(3) {
			go wantsFresh(2*round + 1)
			synctest.Wait()
			for range 10 { // while the first one is asked for
				go wantsFresh(2*round + 2)
			}
			time.Sleep(3 * time.Second)
		}
		if n := q.n.Load(); n != 6 {
			t.Errorf("it was asked %d times, want 6", n)
		}
	})
}

// An error is given to those who wanted that answer, and to nobody else. One who gives up takes no
// answer from the others.
func TestAFreshAnswerOutlivesWhoAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f recent.Fresh[string, int64]
		q := &asks{err: errAsking}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := f.Get(ctx, "q", q.ask); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		}()
		synctest.Wait()
		cancel()
		if _, err := f.Get(t.Context(), "q", q.ask); !errors.Is(err, errAsking) {
			t.Errorf("the second answer is %v", err)
		}
		q.err = nil
		if got, err := f.Get(t.Context(), "q", q.ask); got != 3 || err != nil {
			t.Errorf("the third answer is %d, %v", got, err)
		}
	})
}
