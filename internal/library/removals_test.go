package library

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// name is one that something has until it is freed.
type name struct{ free atomic.Bool }

func (n *name) claim() error {
	if n.free.Load() {
		return nil
	}
	return Taken(errors.New("taken"))
}

func TestTakenNameIsWaitedForWhileSomethingIsRemoved(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(l *Library, n *name) // beside the create
		free bool
		took time.Duration
	}{
		{"nothing goes", func(*Library, *name) {}, false, removalGrace},
		{"a removal under way", func(l *Library, n *name) {
			end := l.Removing()
			time.Sleep(time.Hour)
			n.free.Store(true)
			end()
		}, true, time.Hour},
		{"a removal that begins later", func(l *Library, n *name) {
			time.Sleep(removalGrace - time.Second)
			end := l.Removing()
			time.Sleep(time.Minute)
			n.free.Store(true)
			end()
		}, true, removalGrace - time.Second + time.Minute},
		{"a removal that has to go before", func(l *Library, n *name) {
			l.Removing()()
			for range 3 {
				time.Sleep(removalGrace - time.Second)
				end := l.Removing()
				time.Sleep(time.Minute)
				end()
			}
			n.free.Store(true)
			l.Removing()()
		}, true, 3 * (removalGrace - time.Second + time.Minute)},
		{"a removal that fails", func(l *Library, _ *name) {
			end := l.Removing()
			time.Sleep(time.Minute)
			end()
		}, false, time.Minute + removalGrace},
		{"the state turns out to have it", func(l *Library, n *name) {
			time.Sleep(time.Second)
			n.free.Store(true)
			l.OwnInstance("uuid")
		}, true, time.Second},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, n, begun := New(Options{}), &name{}, time.Now()
				go c.do(l, n)
				err := l.WhileTaken(t.Context(), n.claim)
				if took := time.Since(begun); (err == nil) != c.free || took != c.took {
					t.Errorf("after %s: %v, want free %t after %s", took, err, c.free, c.took)
				}
			})
		})
	}
}

func TestTakenNameIsWaitedForNoLongerThanTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		defer l.Removing()()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		err := l.WhileTaken(ctx, (&name{}).claim)
		if _, taken := errors.AsType[*TakenError](err); !taken || time.Since(begun) != time.Minute {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

// Terraform plans a bounded number of resources at once: those that wait leave room for what they wait for.
func TestPlansThatWaitLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := New(Options{}), &name{}
		answers := make(chan error, planningWaits)
		for range planningWaits {
			go func() { answers <- l.PlanName(t.Context(), n.claim) }()
		}
		synctest.Wait()
		begun := time.Now()
		if err := l.PlanName(t.Context(), n.claim); err != nil || time.Since(begun) != 0 {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		for range planningWaits {
			if _, taken := errors.AsType[*TakenError](<-answers); !taken {
				t.Error("a taken name was not told of")
			}
		}
		if err := l.PlanName(t.Context(), n.claim); err == nil {
			t.Error("a taken name was not told of once there was room")
		}
	})
}
