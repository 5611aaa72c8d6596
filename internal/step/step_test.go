package step

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var errStep = errors.New("no")

// worked does three steps and returns what was undone. The step at failing fails after it has left
// something behind.
func worked(ctx context.Context, w *Work, failing int) (undone []int, err error) {
	for n := range 3 {
		err = w.Do(ctx, []string{"one", "two", "three"}[n], func(context.Context) error {
			w.UndoLater(func(context.Context) error {
				undone = append(undone, n)
				return nil
			})
			if n == failing {
				return errStep
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	err = w.End(ctx, err)
	return undone, err
}

func TestFailedWorkIsUndoneInReverse(t *testing.T) {
	for failing, want := range [][]int{{0}, {1, 0}, {2, 1, 0}} {
		undone, err := worked(t.Context(), Begin(nil), failing)
		if !errors.Is(err, errStep) || !slices.Equal(undone, want) {
			t.Errorf("failing at %d, it undid %v, want %v; %v", failing, undone, want, err)
		}
	}
}

func TestWorkThatSucceedsOrIsKeptStays(t *testing.T) {
	if undone, err := worked(t.Context(), Begin(nil), -1); err != nil || undone != nil {
		t.Errorf("it undid %v, %v", undone, err)
	}
	kept := Begin(nil)
	kept.Keep()
	if undone, err := worked(t.Context(), kept, 1); !errors.Is(err, errStep) || undone != nil {
		t.Errorf("it undid %v, %v", undone, err)
	}
}

func TestWhatCannotBeUndoneIsAmongTheErrors(t *testing.T) {
	w, left, last := Begin(nil), errors.New("left"), false
	w.UndoLater(func(context.Context) error { last = true; return nil })
	w.UndoLater(func(context.Context) error { return left })
	if err := w.End(t.Context(), errStep); !errors.Is(err, errStep) || !errors.Is(err, left) || !last {
		t.Errorf("%v, and what is below it was undone: %t", err, last)
	}
	clean := Begin(nil)
	clean.UndoLater(func(context.Context) error { return nil })
	if err := clean.End(t.Context(), errStep); !w.Left() || clean.Left() {
		t.Errorf("work with %v left something: %t, and work that was undone: %t", left, w.Left(), clean.Left())
	} else if !errors.Is(err, errStep) {
		t.Error(err)
	}
}

// A cancel ends the work. The undo has extra time, which is bounded.
func TestACancelUndoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w, began := Begin(nil), time.Now()
		w.UndoLater(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		cancel()
		err := w.Do(ctx, "never", func(context.Context) error { t.Error("it was done"); return nil })
		if !errors.Is(err, context.Canceled) || len(w.Steps()) > 0 {
			t.Errorf("%v, with the steps %v", err, w.Steps())
		}
		if err := w.End(ctx, err); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != UndoTime {
			t.Errorf("an undo that hangs ended after %s, %v", time.Since(began), err)
		}
	})
}

func TestStepsAreTimedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Step
		var errs []error
		w := Begin(func(_ context.Context, s Step, err error) { told, errs = append(told, s), append(errs, err) })
		takes := func(d time.Duration, err error) func(context.Context) error {
			return func(context.Context) error { time.Sleep(d); return err }
		}
		_ = w.Do(t.Context(), "a", takes(time.Second, nil))
		time.Sleep(time.Hour) // between steps
		_ = w.Do(t.Context(), "b", takes(time.Minute, errStep))
		if want := []Step{{"a", time.Second}, {"b", time.Minute}}; !slices.Equal(told, want) ||
			!slices.Equal(w.Steps(), want) {
			t.Errorf("told %v, and kept %v, want %v", told, w.Steps(), want)
		}
		if !slices.Equal(errs, []error{nil, errStep}) {
			t.Errorf("told of the errors %v", errs)
		}
	})
}

func TestATimerAddsUpWhatIsDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timer := NewTimer()
		for _, name := range []string{"open", "send", "open"} {
			time.Sleep(time.Second)
			timer.Done(name)
		}
		if want := []Step{{"open", 2 * time.Second}, {"send", time.Second}}; !slices.Equal(timer.Steps(), want) {
			t.Errorf("got %v, want %v", timer.Steps(), want)
		}
		if took := time.Since(timer.Started); took != 3*time.Second {
			t.Errorf("it began %s ago", took)
		}
	})
}
