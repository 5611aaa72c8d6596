package coalesce

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

// result is what a caller gets.
type result struct {
	value int
	err   error
}

// asked is a thing that callers ask for. Each call takes a while and returns the number of the
// call, unless it fails.
type asked struct {
	calls Calls[int]
	begun atomic.Int64
	takes time.Duration
	fails func(ctx context.Context, call int) error // nil for never
}

// by asks for the thing in another goroutine.
func (a *asked) by(ctx context.Context) <-chan result {
	got := make(chan result, 1)
	go func() {
		value, err := a.calls.Do(ctx, func() (int, error) {
			call := int(a.begun.Add(1))
			select {
			case <-time.After(a.takes):
			case <-ctx.Done():
				return 0, ctx.Err()
			}
			if a.fails != nil {
				if err := a.fails(ctx, call); err != nil {
					return 0, err
				}
			}
			return call, nil
		})
		got <- result{value, err}
	}()
	synctest.Wait() // callers come one after another
	return got
}

// crowd asks for the thing n times.
func (a *asked) crowd(ctx context.Context, n int) (got []<-chan result) {
	for range n {
		got = append(got, a.by(ctx))
	}
	return got
}

func want(t *testing.T, who string, got <-chan result, call int, err error) {
	t.Helper()
	if r := <-got; r.value != call || !errors.Is(r.err, err) || err == nil && r.err != nil {
		t.Errorf("%s got %d and %v, want %d and %v", who, r.value, r.err, call, err)
	}
}

// A caller may want to see what came after a running call began, so it shares only the next one.
func TestCallersShareTheNextCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{takes: time.Second}
		first, others := a.by(t.Context()), a.crowd(t.Context(), 9)
		if n := a.begun.Load(); n != 1 {
			t.Errorf("%d calls run at once, want 1", n)
		}
		want(t, "the first caller", first, 1, nil)
		for _, other := range others {
			want(t, "a caller that came while it ran", other, 2, nil)
		}
		want(t, "a caller that came after that", a.by(t.Context()), 3, nil)
	})
}

func TestACallerThatGivesUpGetsItsOwnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{takes: time.Minute}
		first := a.by(t.Context())
		next := a.by(t.Context())
		cancelled, cancel := context.WithCancel(t.Context())
		hurried, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		gone, late := a.by(cancelled), a.by(hurried)
		begun := time.Now()
		cancel()
		want(t, "the cancelled caller", gone, 0, context.Canceled)
		if r := <-late; !errors.Is(r.err, context.DeadlineExceeded) || !strings.Contains(r.err.Error(), "waiting") {
			t.Errorf("the caller without time got %v", r.err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("giving up took %s", took)
		}
		want(t, "the first caller", first, 1, nil)
		want(t, "the next caller", next, 2, nil)
	})
}

// The caller that makes a call may be cancelled, or run out of time, while the call runs or before
// it begins. The others, which have time left, make their own.
func TestTheTimeOfOneCallerDoesNotBindTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		kind error
	}{
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(2*time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
		"late": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2*time.Second)
		}, context.DeadlineExceeded},
	} {
		t.Run(name+" while the call runs", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{takes: time.Minute}
				ctx, cancel := c.end(t.Context())
				defer cancel()
				first, others := a.by(ctx), a.crowd(t.Context(), 9)
				want(t, "the caller that ended", first, 0, c.kind)
				for _, other := range others {
					want(t, "another", other, 2, nil)
				}
			})
		})
		t.Run(name+" before the call begins", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{takes: time.Minute}
				first := a.by(t.Context())
				ctx, cancel := c.end(t.Context())
				defer cancel()
				second, others := a.by(ctx), a.crowd(t.Context(), 9)
				want(t, "the caller that ended", second, 0, c.kind)
				want(t, "the first caller", first, 1, nil)
				for _, other := range others {
					want(t, "another", other, 2, nil)
				}
			})
		})
		t.Run(name+" while others share the call", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{takes: time.Second + time.Millisecond}
				first := a.by(t.Context())
				ctx, cancel := c.end(t.Context()) // ends while the second call runs
				defer cancel()
				second, others := a.by(ctx), a.crowd(t.Context(), 9)
				want(t, "the first caller", first, 1, nil)
				want(t, "the caller that ended", second, 0, c.kind)
				for _, other := range others {
					want(t, "another", other, 3, nil)
				}
			})
		})
	}
}

// A failure with time left is the answer of all callers that shared the call: asking again would
// fail alike.
func TestAFailureIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{takes: time.Second, fails: func(context.Context, int) error { return errBroken }}
		for _, got := range append([]<-chan result{a.by(t.Context())}, a.crowd(t.Context(), 9)...) {
			want(t, "a caller", got, 0, errBroken)
		}
		if n := a.begun.Load(); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
	})
}

// Requests of a caller without a deadline have limits of their own. A caller with a deadline has
// all of its time.
func TestALimitDoesNotBindACallerWithADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{takes: time.Minute, fails: func(ctx context.Context, _ int) error {
			if _, bounded := ctx.Deadline(); !bounded {
				return errBroken
			}
			return nil
		}}
		patient, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		first := a.by(t.Context())
		second, unbounded, bounded := a.by(t.Context()), a.by(t.Context()), a.crowd(patient, 9)
		for who, got := range map[string]<-chan result{"first": first, "second": second, "third": unbounded} {
			want(t, "the "+who+" caller without a deadline", got, 0, errBroken)
		}
		for _, got := range bounded {
			want(t, "a caller with a deadline", got, 3, nil)
		}
	})
}

func TestAnAnswerIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answer[int]
		asked := 0
		get := func(ctx context.Context) <-chan result {
			got := make(chan result, 1)
			go func() {
				value, err := a.Get(ctx, func() (int, error) {
					asked++
					n := asked
					select {
					case <-time.After(time.Second):
						return n, nil
					case <-ctx.Done():
						return 0, ctx.Err()
					}
				})
				got <- result{value, err}
			}()
			synctest.Wait()
			return got
		}
		hurried, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		late := get(hurried)
		var others []<-chan result
		for range 9 {
			others = append(others, get(t.Context()))
		}
		want(t, "the caller without enough time", late, 0, context.DeadlineExceeded)
		for _, other := range others {
			want(t, "another", other, 2, nil)
		}
		want(t, "a later caller", get(t.Context()), 2, nil)

		a.Forget()
		again := get(t.Context())
		a.Forget() // while it is asked for: that answer may be older than what the next caller wants to see
		want(t, "the caller that asked when it was forgotten", again, 3, nil)
		want(t, "the caller after that", get(t.Context()), 4, nil)
		want(t, "the last caller", get(t.Context()), 4, nil)

		a.Age = time.Minute
		time.Sleep(time.Minute - time.Second) // asking took a second
		want(t, "a caller to whom the answer is new enough", get(t.Context()), 4, nil)
		time.Sleep(time.Millisecond)
		want(t, "a caller to whom it is too old", get(t.Context()), 5, nil)
	})
}

// A question that takes long and gets no answer costs all who wait for the answer that time once. If the answer
// is forgotten meanwhile, those who come then ask again.
func TestCallersShareAFailureToAnswer(t *testing.T) {
	for forgotten, want := range map[bool]time.Duration{false: time.Minute, true: 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var a Answer[int]
			begun, ended := time.Now(), make(chan error)
			get := func() {
				_, err := a.Get(t.Context(), func() (int, error) {
					time.Sleep(time.Minute)
					return 0, errBroken
				})
				ended <- err
			}
			for range 4 {
				go get()
				synctest.Wait()
			}
			if forgotten {
				a.Forget()
			}
			go get()
			for range 5 {
				if err := <-ended; !errors.Is(err, errBroken) {
					t.Errorf("got %v", err)
				}
			}
			if took := time.Since(begun); took != want {
				t.Errorf("forgotten %t: it took %s, want %s", forgotten, took, want)
			}
			if _, err := a.Get(t.Context(), func() (int, error) { return 1, nil }); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
}
