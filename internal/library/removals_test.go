package library

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// name is one that something has until it is freed.
type name struct{ free atomic.Bool }

func (n *name) claim() error {
	if n.free.Load() {
		return nil
	}
	return Taken(errors.New("taken"))
}

// removed removes something in no time.
func removed(l *Library, what string) {
	end, _ := l.Removing(what)
	end()
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
			end, _ := l.Removing("it")
			time.Sleep(time.Hour)
			n.free.Store(true)
			end()
		}, true, time.Hour},
		{"a removal that begins later", func(l *Library, n *name) {
			time.Sleep(removalGrace - time.Second)
			end, _ := l.Removing("it")
			time.Sleep(time.Minute)
			n.free.Store(true)
			end()
		}, true, removalGrace - time.Second + time.Minute},
		{"a removal that has to go before", func(l *Library, n *name) {
			removed(l, "it")
			for range 3 {
				time.Sleep(removalGrace - time.Second)
				end, _ := l.Removing("it")
				time.Sleep(time.Minute)
				end()
			}
			n.free.Store(true)
			removed(l, "it")
		}, true, 3 * (removalGrace - time.Second + time.Minute)},
		{"a removal that fails", func(l *Library, _ *name) {
			end, _ := l.Removing("it")
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
		end, _ := l.Removing("it")
		defer end()
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

// A template that a process left without a word may be in a state all the same, at an address that has just left the
// configuration: then the same apply removes it, and creates it at another address.
func TestWhatACreateTakesOverIsNotRemovedBesideIt(t *testing.T) {
	dead := runner.This()[:strings.LastIndex(runner.This(), "/")+1] + "1" // another process had the number
	create := func(t *testing.T, l *Library) (catalog.Template, error) {
		return l.CreateTemplate(t.Context(), catalog.Template{ID: web, Type: catalog.TypeVM})
	}
	there := func(t *testing.T, m *memory) (catalog.Template, bool) {
		rec, err := m.templates.Get(t.Context(), web.String())
		return rec.Value, err == nil
	}
	lost := func(t *testing.T) (*memory, *Library) {
		m := &memory{}
		l := m.as(t, "shop", "ann")
		must[catalog.Record[catalog.Template]](t)(m.templates.Create(t.Context(), web.String(),
			catalog.Template{ID: web, Type: catalog.TypeVM, Owner: "ann", Maker: dead}))
		return m, l
	}

	t.Run("taken over first", func(t *testing.T) {
		m, l := lost(t)
		must[catalog.Template](t)(create(t, l))
		if err := l.DeleteTemplate(t.Context(), web); err != nil {
			t.Fatal(err)
		}
		if found, ok := there(t, m); !ok || found.Maker != runner.This() {
			t.Errorf("the template is there: %t, made by %q", ok, found.Maker)
		}
	})
	t.Run("removed first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, l := lost(t)
			end, kept := l.Removing(web.String())
			made := make(chan error)
			go func() {
				_, err := create(t, l)
				made <- err
			}()
			synctest.Wait() // until the create waits
			if found, ok := there(t, m); kept || !ok || found.Maker != dead {
				t.Errorf("before it was removed (kept: %t), the template is there: %t, made by %q", kept, ok, found.Maker)
			}
			rec := must[catalog.Record[catalog.Template]](t)(m.templates.Get(t.Context(), web.String()))
			if err := m.templates.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
				t.Fatal(err)
			}
			end()
			if err := <-made; err != nil {
				t.Fatal(err)
			}
			if found, ok := there(t, m); !ok || found.Maker != runner.This() {
				t.Errorf("the template is there: %t, made by %q", ok, found.Maker)
			}
		})
	})
	t.Run("taken over by one", func(t *testing.T) {
		_, l := lost(t)
		if !l.Keep("it") || l.Keep("it") {
			t.Error("two creates have the same")
		}
	})
}
