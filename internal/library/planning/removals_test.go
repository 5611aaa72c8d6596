package planning

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// name is a name that is taken until it is freed.
type name struct{ free atomic.Bool }

func (n *name) claim() error {
	if n.free.Load() {
		return nil
	}
	return Taken(errors.New("taken"))
}

// removed removes something instantly.
func removed(r *Removals, what string) {
	end, _ := r.Begin(what)
	end()
}

func TestTakenNameIsWaitedForWhileSomethingIsRemoved(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(r *Removals, n *name) // beside the create
		free bool
		took time.Duration
	}{
		{"nothing goes", func(*Removals, *name) {}, false, Grace},
		{"a removal under way", func(r *Removals, n *name) {
			end, _ := r.Begin("it")
			time.Sleep(time.Hour)
			n.free.Store(true)
			end()
		}, true, time.Hour},
		{"a removal that begins later", func(r *Removals, n *name) {
			time.Sleep(Grace - time.Second)
			end, _ := r.Begin("it")
			time.Sleep(time.Minute)
			n.free.Store(true)
			end()
		}, true, Grace - time.Second + time.Minute},
		{"a removal that has to go before", func(r *Removals, n *name) {
			removed(r, "it")
			for range 3 {
				time.Sleep(Grace - time.Second)
				end, _ := r.Begin("it")
				time.Sleep(time.Minute)
				end()
			}
			n.free.Store(true)
			removed(r, "it")
		}, true, 3 * (Grace - time.Second + time.Minute)},
		{"a removal that fails", func(r *Removals, _ *name) {
			end, _ := r.Begin("it")
			time.Sleep(time.Minute)
			end()
		}, false, time.Minute + Grace},
		{"the state turns out to have it", func(r *Removals, n *name) {
			time.Sleep(time.Second)
			n.free.Store(true)
			New(r).StateHasInstance("uuid")
		}, true, time.Second},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, n, begun := NewRemovals(Grace), &name{}, time.Now()
				go c.do(r, n)
				err := r.WhileTaken(t.Context(), n.claim)
				if took := time.Since(begun); (err == nil) != c.free || took != c.took {
					t.Errorf("after %s: %v, want free %t after %s", took, err, c.free, c.took)
				}
			})
		})
	}
}

func TestTakenNameIsWaitedForNoLongerThanTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRemovals(Grace)
		end, _ := r.Begin("it")
		defer end()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		err := r.WhileTaken(ctx, (&name{}).claim)
		if _, taken := errors.AsType[*TakenError](err); !taken || time.Since(begun) != time.Minute {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

// Terraform plans a bounded number of resources at once: plans that wait leave room for what they
// wait for.
func TestPlansThatWaitLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, n := NewRemovals(Grace), &name{}
		answers := make(chan error, planningWaits)
		for range planningWaits {
			go func() { answers <- r.WhilePlanning(t.Context(), n.claim) }()
		}
		synctest.Wait()
		begun := time.Now()
		if err := r.WhilePlanning(t.Context(), n.claim); err != nil || time.Since(begun) != 0 {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		for range planningWaits {
			if _, taken := errors.AsType[*TakenError](<-answers); !taken {
				t.Error("a taken name was not told of")
			}
		}
		if err := r.WhilePlanning(t.Context(), n.claim); err == nil {
			t.Error("a taken name was not told of once there was room")
		}
	})
}
