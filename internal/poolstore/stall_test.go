package poolstore

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// These tests stop a writer in the places where a real one may stop: swapped out, cut off, asleep
// or dead. They run on synctest's time.

// stalled is a process that stops once, for the given time, before or after the first such call on
// such a volume.
func stalled(m *memory, when, call, name string, long time.Duration) *Store {
	var once sync.Once
	stop := func(w, c, n string) {
		if w == when && c == call && strings.HasSuffix(n, name) {
			once.Do(func() { time.Sleep(long) })
		}
	}
	return New(process{memory: m,
		before: func(c, n string) error { stop("before", c, n); return nil },
		after:  func(c, n string) { stop("after", c, n) },
	}, "pool")
}

func TestAWriterThatWasGivenUpLosesAndTakesItsClaimBack(t *testing.T) {
	for _, stop := range []struct{ when, call string }{{"before", "create"}, {"after", "create"}, {"before", "write"}} {
		t.Run(stop.when+" "+stop.call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				first := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{Count: 1}))
				slow := make(chan error)
				go func() {
					_, err := notes(stalled(m, stop.when, stop.call, ".2.json", 3*Grace)).Replace(t.Context(), "t/a",
						first.Revision, note{Text: "slow"})
					slow <- err
				}()
				synctest.Wait() // the slow writer has stopped
				fast := must.Get[catalog.Record[note]](t)(notes(m.store()).Replace(t.Context(), "t/a", first.Revision,
					note{Text: "fast"}))
				if err := <-slow; !errors.Is(err, catalog.ErrConflict) {
					t.Errorf("the slow writer got %v, want %v", err, catalog.ErrConflict)
				}
				got := must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a"))
				if got != fast {
					t.Errorf("the document is %+v, want the fast writer's %+v", got, fast)
				}
				if len(m.names()) > keep {
					t.Errorf("left in the pool: %q", m.names())
				}
			})
		})
	}
}

func TestAWriterWhoseWriteWasSlowButSeenHasWon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		first := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
		slow := make(chan error)
		go func() {
			_, err := notes(stalled(m, "after", "write", ".2.json", 3*Grace)).Replace(t.Context(), "t/a",
				first.Revision, note{Count: 1})
			slow <- err
		}()
		synctest.Wait()
		seen := must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a"))
		must.Get[catalog.Record[note]](t)(notes(m.store()).Replace(t.Context(), "t/a", seen.Revision,
			note{Count: seen.Value.Count + 1}))
		if err := <-slow; err != nil {
			t.Errorf("somebody has built on its write, but the slow writer got %v", err)
		}
		if got := must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a")); got.Value.Count != 2 {
			t.Errorf("the document is %+v, want both writes in it", got)
		}
	})
}

func TestAClaimWhoseWriterDiedIsPassedOver(t *testing.T) {
	var text strings.Builder
	for range 1000 {
		text.WriteString(rand.Text())
	}
	long := volume(t, 2, "t/a", "DEAD", nil, note{Text: text.String()})
	for name, left := range map[string][]byte{
		"zeros": claimedFor(long, 0), "begun": claimedFor(long, 200), "half": claimedFor(long, 5000),
		"short": claimedFor(long[:300], 0),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				first := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{Count: 1}))
				m.volumes["nova.note.t.a.2.json"] = left

				begun := time.Now()
				if got := must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a")); got != first {
					t.Errorf("read %+v, want %+v", got, first)
				}
				list := must.Get[[]catalog.Record[note]](t)(notes(m.store()).List(t.Context(), "t/"))
				if !slices.Equal(list, []catalog.Record[note]{first}) {
					t.Errorf("listed %+v, want %+v", list, first)
				}
				if waited := time.Since(begun); waited > 0 {
					t.Errorf("readers waited %s", waited)
				}
				must.Get[catalog.Record[note]](t)(notes(m.store()).Replace(t.Context(), "t/a", first.Revision,
					note{Count: 2}))
				if waited := time.Since(begun); waited < Grace || waited > 2*Grace {
					t.Errorf("the writer waited %s, want about %s", waited, Grace)
				}
			})
		})
	}
}

func TestAnAbandonedFirstClaimIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.volumes["nova.note.t.a.1.json"] = claimedFor(nil, 0)
		if _, err := notes(m.store()).Get(t.Context(), "t/a"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("got %v, want %v", err, catalog.ErrNotFound)
		}
		made := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{Count: 1}))
		if err := notes(m.store()).Delete(t.Context(), "t/a", made.Revision); err != nil {
			t.Fatal(err)
		}
		if left := m.names(); len(left) > 0 {
			t.Errorf("left after the delete: %q", left)
		}
	})
}

func TestADeleterThatDiedLeavesNoDocumentAndAnotherCanBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		first := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
		dead := errors.New("the process died")
		dying := New(process{memory: m, before: func(call, _ string) error {
			if call == "delete" {
				return dead
			}
			return nil
		}}, "pool")
		if err := notes(dying).Delete(t.Context(), "t/a", first.Revision); !errors.Is(err, dead) {
			t.Fatal(err)
		}
		if _, err := notes(m.store()).Get(t.Context(), "t/a"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("half deleted, it reads as %v", err)
		}
		if _, err := notes(m.store()).Replace(
			t.Context(), "t/a", first.Revision, note{},
		); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("half deleted, a change of it gave %v", err)
		}
		second := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{Count: 2}))
		if err := notes(m.store()).Delete(t.Context(), "t/a", second.Revision); err != nil {
			t.Fatal(err)
		}
		if left := m.names(); len(left) > 0 {
			t.Errorf("left after the second delete: %q", left)
		}
	})
}

// TestAnOldRevisionDoesNotNameANewDocument: numbers restart after a delete, revisions do not.
func TestAnOldRevisionDoesNotNameANewDocument(t *testing.T) {
	m := newMemory()
	c := notes(m.store())
	old := must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{Count: 1}))
	if err := c.Delete(t.Context(), "t/a", old.Revision); err != nil {
		t.Fatal(err)
	}
	made := must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{Count: 2}))
	if _, err := c.Replace(t.Context(), "t/a", old.Revision, note{}); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("changing the new document by the old one's revision: %v", err)
	}
	if err := c.Delete(t.Context(), "t/a", old.Revision); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("deleting the new document by the old one's revision: %v", err)
	}
	if got := must.Get[catalog.Record[note]](t)(c.Get(t.Context(), "t/a")); got != made {
		t.Errorf("the new document is %+v, want %+v", got, made)
	}
}

// TestAReplaceAcrossADeleteAndANewCreateLoses: the writer's number is free again, but its parent's
// identity is not.
func TestAReplaceAcrossADeleteAndANewCreateLoses(t *testing.T) {
	m := newMemory()
	c := notes(m.store())
	old := must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{Count: 1}))
	var made catalog.Record[note]
	var once sync.Once
	late := New(process{memory: m, before: func(call, _ string) error {
		if call == "create" {
			once.Do(func() {
				if err := c.Delete(t.Context(), "t/a", old.Revision); err != nil {
					t.Error(err)
				}
				made = must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{Count: 2}))
			})
		}
		return nil
	}}, "pool")
	if _, err := notes(late).Replace(
		t.Context(), "t/a", old.Revision, note{Text: "late"},
	); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("got %v, want %v", err, catalog.ErrConflict)
	}
	if got := must.Get[catalog.Record[note]](t)(c.Get(t.Context(), "t/a")); got != made {
		t.Errorf("the document is %+v, want %+v", got, made)
	}
}

// TestAFullPoolHasRoomForADelete: a delete frees room.
func TestAFullPoolHasRoomForADelete(t *testing.T) {
	m := newMemory()
	full := errors.New("no space left on device")
	c := notes(New(process{memory: m, before: func(call, _ string) error {
		if call == "write" {
			return full
		}
		return nil
	}}, "pool"))
	made := must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
	if _, err := c.Replace(t.Context(), "t/a", made.Revision, note{}); !errors.Is(err, full) {
		t.Errorf("a change got %v, want %v", err, full)
	}
	if err := c.Delete(t.Context(), "t/a", made.Revision); err != nil {
		t.Error(err)
	}
	if left := m.names(); len(left) > 0 {
		t.Errorf("left after the delete: %q", left)
	}
}
