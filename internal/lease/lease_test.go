package lease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// elsewhere is a process of another machine, of which nothing can be known.
const elsewhere = "elsewhere/4711/m/b/1-1/99"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestALeaseLastsAsLongAsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounded, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		for ctx, takes := range map[context.Context]time.Duration{bounded: 20 * time.Minute, t.Context(): time.Hour} {
			// noon is the time of a clock that is not this machine's.
			want := Lease{Holder: This(), Since: noon, Deadline: noon.Add(takes)}
			if got := New(ctx, noon); got != want {
				t.Errorf("for work that takes at most %s: %+v, want %+v", takes, got, want)
			}
			if got := Deadline(ctx, noon); !got.Equal(want.Deadline) {
				t.Errorf("work that takes at most %s ends at %s, want %s", takes, got, want.Deadline)
			}
		}
	})
}

func TestALeaseEndsAfterTheSlack(t *testing.T) {
	l := Lease{Holder: elsewhere, Since: noon, Deadline: noon.Add(time.Hour)}
	if want := noon.Add(time.Hour + Slack); !l.Expires().Equal(want) {
		t.Errorf("it expires at %s, want %s", l.Expires(), want)
	}
	for what, c := range map[string]struct {
		now   time.Time
		ended bool
	}{
		"before its deadline":  {l.Deadline.Add(-time.Nanosecond), false},
		"at its deadline":      {l.Deadline, false},
		"at the last moment":   {l.Deadline.Add(Slack), false},
		"a moment after that":  {l.Deadline.Add(Slack + time.Nanosecond), true},
		"before it was signed": {noon.Add(-time.Hour), false},
	} {
		if got := l.Overdue(c.now); got != c.ended {
			t.Errorf("%s it is overdue: %t, want %t", what, got, c.ended)
		}
		if got := l.Ended(c.now); got != c.ended {
			t.Errorf("%s it has ended: %t, want %t", what, got, c.ended)
		}
		got, err := l.Abandoned(t.Context(), func(context.Context) (time.Time, error) { return c.now, nil })
		if err != nil || got != c.ended {
			t.Errorf("%s it is abandoned: %t, %v, want %t", what, got, err, c.ended)
		}
	}
}

func TestALeaseThatCannotBeJudgedIsAnError(t *testing.T) {
	unknown := errors.New("the clock cannot be read")
	clock := func(context.Context) (time.Time, error) { return time.Time{}, unknown }
	for _, holder := range []string{elsewhere, This(), ""} {
		l := Lease{Holder: holder} // overdue by any clock
		if ended, err := l.Abandoned(t.Context(), clock); ended || !errors.Is(err, unknown) {
			t.Errorf("the lease of %q is abandoned: %t, %v, want the clock's error", holder, ended, err)
		}
	}
}
