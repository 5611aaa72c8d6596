package poolstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
)

// history is what the writers were told has happened, and everything that they tried.
type history struct {
	mu      sync.Mutex
	made    []catalog.Revision                    // by writers whose create or change was confirmed
	deleted []catalog.Revision                    // by deleters whose delete was confirmed
	dying   []catalog.Revision                    // by deleters that died: they may be deleted, or not
	parents map[catalog.Revision]catalog.Revision // of every attempt
	dead    string                                // the name of a process that is dead
}

// builtOn reports whether the revision a builds on the revision b.
func (h *history) builtOn(a, b catalog.Revision) bool {
	for ; a != ""; a = h.parents[a] {
		if a == b {
			return true
		}
	}
	return false
}

// verify checks that nothing was lost: every confirmed change is in the current revision or in a
// deleted one, and of two changes of the same record one builds on the other.
func (h *history) verify(current []catalog.Revision) error {
	ends := slices.Concat(current, h.deleted, h.dying)
	for _, r := range h.made {
		if !slices.ContainsFunc(ends, func(end catalog.Revision) bool { return h.builtOn(end, r) }) {
			return fmt.Errorf("%s has happened and is gone", r)
		}
	}
	for _, d := range h.deleted {
		if slices.ContainsFunc(current, func(end catalog.Revision) bool { return h.builtOn(end, d) }) {
			return fmt.Errorf("%s was deleted, and is there still", d)
		}
	}
	for i, a := range h.made {
		for _, b := range h.made[:i] {
			if h.root(a) == h.root(b) && !h.builtOn(a, b) && !h.builtOn(b, a) {
				return fmt.Errorf("%s and %s both happened, and neither has the other in it", a, b)
			}
		}
	}
	return nil
}

func (h *history) root(r catalog.Revision) catalog.Revision {
	for h.parents[r] != "" {
		r = h.parents[r]
	}
	return r
}

// chance is a source of randomness for several goroutines.
type chance struct {
	mu sync.Mutex
	*rand.Rand
}

// stall waits for a moment, and now and then for up to limit.
func (c *chance) stall(limit time.Duration) {
	c.mu.Lock()
	d := time.Duration(c.Int64N(int64(20 * time.Millisecond)))
	if c.IntN(20) == 0 {
		d = time.Duration(c.Int64N(int64(limit)))
	}
	c.mu.Unlock()
	time.Sleep(d)
}

// TestRandomStallsLoseNoWrite plays many races of writers that stall at random, now and then for
// longer than the grace time, with creators and deleters that do not: of one record, and of several
// in one document. It assumes that a host writes or deletes within half the grace time of the
// request and, where documents are deleted and created again, soon.
func TestRandomStallsLoseNoWrite(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 30
	}
	for _, game := range []game{
		{notes, []string{"t/a"}, false, Grace / 2}, {notes, []string{"t/a"}, true, Grace / 50},
		{shelves, []string{"t/a", "t/b", "t/c"}, false, Grace / 2}, {shelves, []string{"t/a", "t/b"}, true, Grace / 50},
	} {
		for seed := range seeds {
			synctest.Test(t, func(t *testing.T) { game.race(t, &chance{Rand: rand.New(rand.NewPCG(seed, 1))}) })
			if t.Failed() {
				t.Fatalf("seed %d, %q, deletes %t", seed, game.keys, game.deletes)
			}
		}
	}
}

// game says what the writers race for.
type game struct {
	open    func(*Store) collection[note]
	keys    []string
	deletes bool
	effect  time.Duration // the time within which the host writes or deletes
}

func (g game) race(t *testing.T, c *chance) {
	m, h := newMemory(), &history{parents: map[catalog.Revision]catalog.Revision{}, dead: leasetest.Dead(t)}
	slow := process{memory: m,
		before: func(call, _ string) error {
			if call == "write" || call == "delete" {
				c.stall(g.effect)
			} else {
				c.stall(3 * Grace)
			}
			return nil
		},
		after: func(string, string) { c.stall(3 * Grace) },
	}
	brisk := process{memory: m, before: func(string, string) error { c.stall(Grace / 50); return nil }}
	var group sync.WaitGroup
	play := func(on process, key string, change func(context.Context, collection[note], string) error) {
		s := g.open(New(on, "pool"))
		group.Go(func() {
			for range 5 {
				if err := change(t.Context(), s, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, key := range g.keys {
		if err := h.create(t.Context(), g.open(New(brisk, "pool")), key); err != nil {
			t.Error(err)
		}
	}
	for i := range max(3, len(g.keys)) {
		play(slow, g.keys[i%len(g.keys)], h.replace)
	}
	for _, key := range g.keys {
		if g.deletes {
			play(brisk, key, h.remove)
			play(brisk, key, h.create)
			play(brisk, key, h.create)
			play(brisk, key, func(ctx context.Context, _ collection[note], key string) error {
				return h.die(ctx, g.open, m, c, key)
			})
		}
	}
	group.Wait()
	var current []catalog.Revision
	for _, key := range g.keys {
		got, err := g.open(m.store()).Get(t.Context(), key)
		if err == nil {
			current = append(current, got.Revision)
		} else if !errors.Is(err, catalog.ErrNotFound) {
			t.Error(err)
		}
	}
	if err := h.verify(current); err != nil {
		t.Errorf("%v\n%+v\nin the pool: %q", err, h, m.names())
	}
}

func (h *history) create(ctx context.Context, c collection[note], key string) error {
	rec, err := c.Create(ctx, key, note{})
	return h.told(&h.made, rec.Revision, "", err)
}

func (h *history) replace(ctx context.Context, c collection[note], key string) error {
	rec, err := c.Get(ctx, key)
	if err != nil {
		return h.told(&h.made, "", "", err)
	}
	next, err := c.Replace(ctx, key, rec.Revision, note{Count: rec.Value.Count + 1})
	return h.told(&h.made, next.Revision, rec.Revision, err)
}

func (h *history) remove(ctx context.Context, c collection[note], key string) error {
	rec, err := c.Get(ctx, key)
	if err == nil {
		err = c.Delete(ctx, key, rec.Revision)
	}
	return h.told(&h.deleted, rec.Revision, "", err)
}

// die has a process remove a record, and die at one of its requests.
func (h *history) die(
	ctx context.Context, open func(*Store) collection[note], m *memory, c *chance, key string,
) error {
	c.mu.Lock()
	requests := c.IntN(20)
	c.mu.Unlock()
	mortal := open(of(h.dead, process{memory: m, before: func(string, string) error {
		c.stall(Grace / 50)
		if requests--; requests < 0 {
			runtime.Goexit()
		}
		return nil
	}}))
	var err error
	var group sync.WaitGroup
	group.Go(func() {
		rec, failed := mortal.Get(ctx, key)
		if failed == nil {
			h.mu.Lock()
			h.dying = append(h.dying, rec.Revision)
			h.mu.Unlock()
			failed = mortal.Delete(ctx, key, rec.Revision)
		}
		err = h.told(&h.dying, rec.Revision, "", failed)
	})
	group.Wait()
	return err
}

// told notes what a writer was told. A lost race is not an error.
func (h *history) told(outcome *[]catalog.Revision, r, parent catalog.Revision, err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if parent != "" {
		h.parents[r] = parent
	}
	if err == nil {
		*outcome = append(*outcome, r)
	}
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrExists) ||
		errors.Is(err, catalog.ErrNotFound) || errors.Is(err, errSlow) {
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
					parent = must.Get[catalog.Record[note]](t)(
						notes(m.store()).Create(t.Context(), "t/a", note{})).Revision
				}
				done, calls := make(chan bool), 0
				doomed := notes(of(leasetest.Dead(t), process{memory: m, before: func(string, string) error {
					if calls++; calls > at {
						done <- true
						runtime.Goexit()
					}
					return nil
				}}))
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
					if left := m.names(); verb == "delete" && len(left) > 0 {
						t.Errorf("delete, dead before call %d: left after it was not found: %q", at+1, left)
					}
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
