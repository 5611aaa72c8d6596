package poolstore

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
)

// of is the store of a process with that name.
func of(runner string, p process) *Store {
	s := New(p, "pool")
	s.writer.runner = runner
	return s
}

// refusing is a process that may not remove the volumes whose names end like that.
func refusing(m *memory, call, end string) process {
	return process{memory: m, before: func(c, name string) error {
		if c == call && strings.HasSuffix(name, end) {
			return errRefused
		}
		return nil
	}}
}

var errRefused = errors.New("refused")

// readersOfNothing look for a document that is not there.
var readersOfNothing = map[string]func(*testing.T, *Store){
	"get": func(t *testing.T, s *Store) {
		t.Helper()
		if _, err := notes(s).Get(t.Context(), "t/a"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("reading gives %v, want %v", err, catalog.ErrNotFound)
		}
	},
	"delete": func(t *testing.T, s *Store) {
		t.Helper()
		if err := notes(s).Delete(t.Context(), "t/a", "read before"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("deleting it once more gives %v, want %v", err, catalog.ErrNotFound)
		}
	},
	"list": func(t *testing.T, s *Store) {
		t.Helper()
		if found := must.Get[[]catalog.Record[note]](t)(notes(s).List(t.Context(), "")); len(found) > 0 {
			t.Errorf("listed %+v", found)
		}
	},
}

// halfDeleted is a pool with a document that a process could not delete: it has written the
// tombstone, and was refused the removal of the volume whose name ends like that.
func halfDeleted(t *testing.T, runner, last string) *memory {
	t.Helper()
	m := newMemory()
	rec := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
	err := notes(of(runner, refusing(m, "delete", last))).Delete(t.Context(), "t/a", rec.Revision)
	if !errors.Is(err, errRefused) {
		t.Fatalf("the delete gives %v, want %v", err, errRefused)
	}
	return m
}

func TestReadersFinishWhatADeadProcessWasDeleting(t *testing.T) {
	for reader, read := range readersOfNothing {
		for _, last := range []string{".1.json", ".2.json"} {
			t.Run(reader+" before the removal of"+last, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := halfDeleted(t, leasetest.Dead(t), last)
					left := m.names()
					read(t, New(refusing(m, "create", ""), "pool")) // a user who may only read
					if now := m.names(); !slices.Equal(now, left) || len(now) == 0 {
						t.Errorf("after a reader that may change nothing: %q, before it %q", now, left)
					}
					begun := time.Now()
					read(t, m.store())
					if now := m.names(); len(now) > 0 {
						t.Errorf("left in the pool: %q", now)
					}
					must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
					if waited := time.Since(begun); waited > 0 {
						t.Errorf("the next writer waited %s", waited)
					}
				})
			})
		}
	}
}

// The process that finishes the work of another one dies, or is slow, too.
func TestReadersFinishWhatADeadReaderWasFinishing(t *testing.T) {
	for _, stop := range []struct{ call, name string }{{"write", ".3.json"}, {"delete", ".2.json"}} {
		t.Run("dead before "+stop.call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := halfDeleted(t, leasetest.Dead(t), ".1.json")
				ended := make(chan bool)
				dead := of(leasetest.Dead(t), process{memory: m, before: func(call, name string) error {
					if call == stop.call && strings.HasSuffix(name, stop.name) {
						close(ended)
						runtime.Goexit()
					}
					return nil
				}})
				go func() { _, _ = notes(dead).Get(t.Context(), "t/a") }()
				<-ended
				readersOfNothing["get"](t, m.store())
				if now := m.names(); len(now) > 0 {
					t.Errorf("left in the pool: %q", now)
				}
			})
		})
		t.Run("slow before "+stop.call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := halfDeleted(t, leasetest.Dead(t), ".1.json")
				readersOfNothing["get"](t, stalled(m, "before", stop.call, stop.name, Grace))
				if now := m.names(); len(now) > 0 {
					t.Errorf("left in the pool: %q", now)
				}
			})
		})
	}
}

// A process in another container may live. Its time is up at last.
func TestReadersLeaveADocumentToADeleterThatMayLive(t *testing.T) {
	for reader, read := range readersOfNothing {
		t.Run(reader, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := halfDeleted(t, "another/machine's/process/of/which/nothing-is-known", ".1.json")
				left := m.names()
				for _, wait := range []time.Duration{0, Grace, lease.Slack} {
					time.Sleep(wait)
					read(t, m.store())
					if now := m.names(); !slices.Equal(now, left) {
						t.Errorf("after %s more there is %q, want %q", wait, now, left)
					}
				}
				time.Sleep(finishTime)
				read(t, m.store())
				if now := m.names(); len(now) > 0 {
					t.Errorf("left in the pool after the deadline: %q", now)
				}
			})
		})
	}
}

// The process that deletes and reads does not take itself for another one.
func TestAReaderLeavesADocumentToItsDeleterInTheSameProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		rec := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
		s := stalled(m, "before", "delete", ".1.json", time.Second)
		s.writer.runner = leasetest.Dead(t)
		done := make(chan error)
		go func() { done <- notes(s).Delete(t.Context(), "t/a", rec.Revision) }()
		synctest.Wait()
		left := m.names()
		readersOfNothing["get"](t, s)
		if now := m.names(); !slices.Equal(now, left) || len(now) != 2 {
			t.Errorf("the reader has changed %q to %q", left, now)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if left := m.names(); len(left) > 0 {
			t.Errorf("left after the delete: %q", left)
		}
	})
}

// A process that is slow to remove a document removes nothing of the next document of that name.
func TestWhoIsLateRemovesNothingOfTheNextDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		rec := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
		written, lists := false, 0
		slow := process{memory: m, after: func(call, _ string) {
			switch {
			case call == "write" && !written: // the tombstone
				written = true
				time.Sleep(3 * Grace / 5)
			case call == "list" && written:
				if lists++; lists == 2 { // before it removes anything
					time.Sleep(9 * Grace / 20)
				}
			}
		}}
		var group sync.WaitGroup
		group.Go(func() {
			if err := notes(New(slow, "pool")).Delete(t.Context(), "t/a", rec.Revision); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Millisecond)
		c := notes(m.store())
		next := must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{})) // waits for the slow one
		if err := c.Delete(t.Context(), "t/a", next.Revision); err != nil {
			t.Fatal(err)
		}
		next = must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{}))
		next = must.Get[catalog.Record[note]](t)(c.Replace(t.Context(), "t/a", next.Revision, note{Count: 1}))
		group.Wait()
		if got := must.Get[catalog.Record[note]](t)(c.Get(t.Context(), "t/a")); got.Revision != next.Revision {
			t.Errorf("got revision %s, want %s", got.Revision, next.Revision)
		}
	})
}
