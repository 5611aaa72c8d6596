package poolstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// change is one change that its writer was told has happened.
type change struct {
	parent, made catalog.Revision
	deleted      bool
}

// history is what writers were told.
type history struct {
	mu      sync.Mutex
	changes []change
}

func (h *history) add(c change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = append(h.changes, c)
}

// verify makes sure that what happened is one line of changes, each on top of the one before: no revision was changed
// twice, no change was built on one that did not happen, and what is there now is the end of the line.
//
// One thing a writer may be told wrongly: that it has lost, when its write came late, was deleted by somebody who saw
// it, and was cleared away before the writer looked again.
func (h *history) verify(current catalog.Revision) error {
	made := map[catalog.Revision]bool{}
	for _, c := range h.changes {
		made[c.made] = true
	}
	next := map[catalog.Revision]catalog.Revision{}
	open := map[catalog.Revision]bool{}
	deletedUnseen := 0
	for _, c := range h.changes {
		if c.parent != "" && !made[c.parent] {
			if !c.deleted {
				return fmt.Errorf("%s was built on %s, whose writer was told that it has lost", c.made, c.parent)
			}
			deletedUnseen++
		}
		if other, twice := next[c.parent]; twice && c.parent != "" {
			return fmt.Errorf("%s and %s were both built on %s", other, c.made, c.parent)
		}
		next[c.parent] = c.made
		if !c.deleted {
			open[c.made] = true
		}
	}
	for parent := range next {
		delete(open, parent)
	}
	if current != "" {
		if !open[current] {
			return fmt.Errorf("what is there now, %s, is not the end of a line of changes", current)
		}
		delete(open, current)
	}
	if len(open) > deletedUnseen {
		return fmt.Errorf("changes that happened and are gone: %v; there now: %q", open, current)
	}
	return nil
}

// stalls makes a process stop for a random time around its calls, now and then for longer than the grace time. A write
// or a delete takes effect within effect once it was called.
func stalls(r *rand.Rand, mu *sync.Mutex, m *memory, effect time.Duration) process {
	stall := func(limit time.Duration) {
		mu.Lock()
		d := time.Duration(r.Int64N(int64(20 * time.Millisecond)))
		if r.IntN(20) == 0 {
			d = time.Duration(r.Int64N(int64(limit)))
		}
		mu.Unlock()
		time.Sleep(d)
	}
	return process{memory: m,
		before: func(call, _ string) error {
			if call == "write" || call == "delete" {
				stall(effect)
			} else {
				stall(3 * Grace)
			}
			return nil
		},
		after: func(string, string) { stall(3 * Grace) },
	}
}

// TestRandomStallsLoseNoWrite plays many races of writers, creators and deleters that stall at random.
func TestRandomStallsLoseNoWrite(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 40
	}
	// What is assumed of a host: that it writes or deletes within half the grace time of being asked to, and, where
	// documents are deleted and made anew, soon.
	for deletes, effect := range map[bool]time.Duration{false: Grace / 2, true: Grace / 50} {
		for seed := range seeds {
			synctest.Test(t, func(t *testing.T) {
				r, m, h := rand.New(rand.NewPCG(seed, 1)), newMemory(), &history{}
				var mu sync.Mutex
				var group sync.WaitGroup
				if !deletes {
					made := must[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
					h.add(change{made: made.Revision})
				}
				for writer := range 4 {
					group.Go(func() {
						c := notes(New(stalls(r, &mu, m, effect), "pool"))
						for range 4 {
							if err := someChange(t.Context(), c, h, deletes && writer%2 == 0); err != nil {
								t.Errorf("seed %d: %v", seed, err)
							}
						}
					})
				}
				group.Wait()
				got, err := notes(m.store()).Get(t.Context(), "t/a")
				if err != nil && !errors.Is(err, catalog.ErrNotFound) {
					t.Fatal(err)
				}
				if err := h.verify(got.Revision); err != nil {
					t.Fatalf("seed %d, deletes %t: %v\n%+v\nin the pool: %q", seed, deletes, err, h.changes, m.names())
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}

// someChange makes one change: another revision of the document that is there, its end, or a new one.
func someChange(ctx context.Context, c collection[note], h *history, remove bool) error {
	rec, err := c.Get(ctx, "t/a")
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		rec, err = c.Create(ctx, "t/a", note{Count: 1})
		if err == nil {
			h.add(change{made: rec.Revision})
		}
	case err != nil:
		return err
	case remove:
		if err = c.Delete(ctx, "t/a", rec.Revision); err == nil {
			h.add(change{parent: rec.Revision, made: "deleted " + rec.Revision, deleted: true})
		}
	default:
		parent := rec.Revision
		rec, err = c.Replace(ctx, "t/a", parent, note{Count: rec.Value.Count + 1})
		if err == nil {
			h.add(change{parent: parent, made: rec.Revision})
		}
	}
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrExists) || errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	return err
}

// TestWritersThatDieAnywhereHoldUpNobodyForGood kills a writer at each of its calls in turn.
func TestWritersThatDieAnywhereHoldUpNobodyForGood(t *testing.T) {
	for _, verb := range []string{"create", "replace", "delete"} {
		for at, died := 0, true; died; at++ {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				var parent catalog.Revision
				if verb != "create" {
					parent = must[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{})).Revision
				}
				done, calls := make(chan bool), 0
				doomed := notes(New(process{memory: m, before: func(string, string) error {
					if calls++; calls > at {
						done <- true
						runtime.Goexit()
					}
					return nil
				}}, "pool"))
				go func() {
					switch verb {
					case "create":
						_, _ = doomed.Create(t.Context(), "t/a", note{Text: "doomed"})
					case "replace":
						_, _ = doomed.Replace(t.Context(), "t/a", parent, note{Text: "doomed"})
					case "delete":
						_ = doomed.Delete(t.Context(), "t/a", parent)
					}
					done <- false
				}()
				died = <-done

				begun := time.Now()
				c := notes(m.store())
				rec, err := c.Get(t.Context(), "t/a")
				if errors.Is(err, catalog.ErrNotFound) {
					rec, err = c.Create(t.Context(), "t/a", note{})
				}
				for i := 0; i < 3 && err == nil; i++ {
					rec, err = c.Replace(t.Context(), "t/a", rec.Revision, note{Count: i})
				}
				if err == nil {
					err = c.Delete(t.Context(), "t/a", rec.Revision)
				}
				if err != nil {
					t.Errorf("%s, dead before call %d: %v; in the pool: %q", verb, at+1, err, m.names())
				}
				if waited := time.Since(begun); waited > 2*Grace {
					t.Errorf("%s, dead before call %d: the next writer waited %s", verb, at+1, waited)
				}
				if left := m.names(); len(left) > 0 {
					t.Errorf("%s, dead before call %d: left after a delete: %q", verb, at+1, left)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}
