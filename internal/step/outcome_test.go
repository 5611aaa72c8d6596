package step

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestOnlyAnErrorThatAnswersNothingMayBeDone(t *testing.T) {
	for err, unclear := range map[error]bool{
		nil:                      false,
		errStep:                  false,
		host.ErrExists:           false,
		host.ErrNoVolume:         false,
		host.ErrOperationInvalid: false,
		host.ErrUnreachable:      true,
		host.ErrNoAnswer:         true,
		context.Canceled:         true,
		context.DeadlineExceeded: true,
		&host.Error{Op: "creating", Object: "x", Err: host.ErrNoAnswer}: true,
	} {
		for name, do := range map[string]func(context.Context, func(context.Context) error) error{
			"uninterrupted": Uninterrupted, "completed": Completed, "certainly": Certainly,
		} {
			got := do(t.Context(), func(context.Context) error { return err })
			if !errors.Is(got, err) || MayBeDone(got) != unclear || MayBeDone(fmt.Errorf("more: %w", got)) != unclear {
				t.Errorf("%s: %v may be done: %t, want %t", name, got, MayBeDone(got), unclear)
			}
			if got != nil && got.Error() != err.Error() {
				t.Errorf("%s: it reads %q, want %q", name, got, err)
			}
		}
	}
	if MayBeDone(host.ErrNoAnswer) {
		t.Error("a request that changes nothing may be done")
	}
}

func TestACancelCutsNoChangeOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := Uninterrupted(ctx, func(ctx context.Context) error { cancel(); return ctx.Err() }); err != nil {
		t.Errorf("it was cut off: %v", err)
	}
	err := Uninterrupted(ctx, func(context.Context) error { t.Error("it was made all the same"); return nil })
	if !errors.Is(err, context.Canceled) || MayBeDone(err) {
		t.Errorf("after a cancel: %v, may be done: %t", err, MayBeDone(err))
	}
	completed := false
	if err := Completed(ctx, func(context.Context) error { completed = true; return nil }); err != nil || !completed {
		t.Errorf("what completes others was made: %t, %v", completed, err)
	}
}

// The caller's own deadline ends a change at once, and a cancel ends it after a minute.
func TestAChangeDoesNotHangForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		if err := Uninterrupted(ctx, hang); !MayBeDone(err) || time.Since(began) != time.Hour {
			t.Errorf("it ended after %s, %v", time.Since(began), err)
		}
		cancel()
		began = time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		if err := Uninterrupted(ctx, hang); !MayBeDone(err) || time.Since(began) != time.Minute+time.Second {
			t.Errorf("cancelled, it ended after %s, %v", time.Since(began), err)
		}
	})
}

// Certainly repeats a request whose answer was lost, also after a cancel, and the second answer
// counts.
func TestCertainlyAsksOnceMore(t *testing.T) {
	for name, c := range map[string]struct {
		answers []error
		want    error
		unclear bool
	}{
		"done":                 {[]error{nil}, nil, false},
		"refused":              {[]error{errStep}, errStep, false},
		"lost, then done":      {[]error{host.ErrNoAnswer, nil}, nil, false},
		"lost, then refused":   {[]error{host.ErrUnreachable, errStep}, errStep, false},
		"lost, and lost again": {[]error{host.ErrUnreachable, host.ErrNoAnswer}, host.ErrUnreachable, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			asked := 0
			err := Certainly(ctx, func(ctx context.Context) error {
				cancel()
				if err := ctx.Err(); err != nil {
					t.Errorf("request %d was cut off: %v", asked, err)
				}
				asked++
				return c.answers[asked-1]
			})
			if asked != len(c.answers) || !errors.Is(err, c.want) || MayBeDone(err) != c.unclear {
				t.Errorf("asked %d times: %v, may be done: %t", asked, err, MayBeDone(err))
			}
		})
	}
}
