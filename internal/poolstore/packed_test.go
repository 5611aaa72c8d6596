package poolstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// reference is a model of a collection.
type reference map[string]catalog.Record[note]

// expect returns the expected outcome of a change of a record by a caller that read it as rev; ""
// creates.
func (r reference) expect(key string, rev catalog.Revision) error {
	found, there := r[key]
	switch {
	case rev == "" && there:
		return catalog.ErrExists
	case rev != "" && !there:
		return catalog.ErrNotFound
	case rev != found.Revision:
		return catalog.ErrConflict
	}
	return nil
}

// TestRandomOperationsOfSeveralTenantsDoWhatASimpleStoreDoes compares every answer with that of a
// map.
func TestRandomOperationsOfSeveralTenantsDoWhatASimpleStoreDoes(t *testing.T) {
	keys := []string{
		"t/a", "t/b", "t/ab", "t-2/a", "u/a", "t/a@1.0.0", "t/a@1.1.0", "t/b@1.0.0", "u/a@1.0.0", "u/a@1.0.0-rc.1",
	}
	for name, l := range map[string]layout{
		"one each": {kind: "note"}, "a tenant": {kind: "note", shards: 1}, "shards": {kind: "note", shards: 4},
	} {
		t.Run(name, func(t *testing.T) {
			m, want, random := newMemory(), reference{}, rand.New(rand.NewPCG(1, 1))
			old := map[string]catalog.Revision{}
			for step := range 600 {
				c := collection[note]{store: m.store(), layout: l} // each acts as a separate process
				key := keys[random.IntN(len(keys))]
				rev := want[key].Revision
				if random.IntN(4) == 0 || rev == "" {
					rev = cmp.Or(old[key], "none")
				}
				var rec catalog.Record[note]
				var err, expected error
				switch random.IntN(4) {
				case 0:
					rev = ""
					expected = want.expect(key, rev)
					rec, err = c.Create(t.Context(), key, note{Count: step})
				case 1, 2:
					expected = want.expect(key, rev)
					rec, err = c.Replace(t.Context(), key, rev, note{Count: step})
				case 3:
					expected = want.expect(key, rev)
					err = c.Delete(t.Context(), key, rev)
				}
				if !errors.Is(err, expected) {
					t.Fatalf("step %d, %s: got %v, want %v", step, key, err, expected)
				}
				if err == nil {
					old[key] = want[key].Revision
					delete(want, key)
					if rec.Key != "" {
						want[key] = rec
					}
				}
				other := keys[random.IntN(len(keys))]
				want.compare(t, c, other[:random.IntN(len(other)+1)], key)
			}
			for key, rec := range want {
				if err := (collection[note]{store: m.store(), layout: l}).Delete(
					t.Context(), key, rec.Revision,
				); err != nil {
					t.Error(err)
				}
			}
			if left := m.names(); len(left) > 0 {
				t.Errorf("all is deleted, and there is %q", left)
			}
		})
	}
}

func (r reference) compare(t *testing.T, c collection[note], prefix, key string) {
	t.Helper()
	var records []catalog.Record[note]
	for _, k := range slices.Sorted(maps.Keys(r)) {
		if strings.HasPrefix(k, prefix) {
			records = append(records, r[k])
		}
	}
	if got := must.Get[[]catalog.Record[note]](t)(c.List(t.Context(), prefix)); !slices.Equal(got, records) {
		t.Errorf("listed with %q: %+v, want %+v", prefix, got, records)
	}
	if got, err := c.Get(t.Context(), key); err == nil && got != r[key] ||
		errors.Is(err, catalog.ErrNotFound) != (r[key].Key == "") {
		t.Errorf("%s is %+v, %v; want %+v", key, got, err, r[key])
	}
}

// TestWhoChangesAnotherRecordOfTheShelfIsNoConflict, also if both changes happen at the same
// moment.
func TestWhoChangesAnotherRecordOfTheShelfIsNoConflict(t *testing.T) {
	m := newMemory()
	a := must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/a", note{}))
	b := must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/b", note{}))
	var once sync.Once
	late := New(process{memory: m, before: func(call, _ string) error {
		if call == "create" {
			once.Do(func() {
				b = must.Get[catalog.Record[note]](t)(shelves(m.store()).Replace(t.Context(), "t/b", b.Revision,
					note{Count: 2}))
			})
		}
		return nil
	}}, "pool")
	a = must.Get[catalog.Record[note]](t)(shelves(late).Replace(t.Context(), "t/a", a.Revision, note{Count: 1}))
	got := must.Get[[]catalog.Record[note]](t)(shelves(m.store()).List(t.Context(), ""))
	if !slices.Equal(got, []catalog.Record[note]{a, b}) {
		t.Errorf("there is %+v, want %+v and %+v", got, a, b)
	}
}

// TestManyProcessesOfManyGoroutinesAllFinish hammers one document; every call takes some time.
func TestManyProcessesOfManyGoroutinesAllFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const processes, goroutines = 16, 2
		m, c := newMemory(), &chance{Rand: rand.New(rand.NewPCG(1, 1))}
		begun := time.Now()
		var group sync.WaitGroup
		for p := range processes {
			s := shelves(New(process{
				memory: m, before: func(string, string) error { c.stall(Grace / 100); return nil },
			}, "pool"))
			for g := range goroutines {
				group.Go(func() {
					if err := workOn(t.Context(), s, fmt.Sprintf("t/%d.%d", p, g), 2); err != nil {
						t.Error(err)
					}
				})
			}
		}
		group.Wait()
		if took := time.Since(begun); took > 2*time.Minute {
			t.Errorf("they took %s", took)
		}
		records := must.Get[[]catalog.Record[note]](t)(shelves(m.store()).List(t.Context(), "t/"))
		if len(records) != processes*goroutines || slices.ContainsFunc(records, func(r catalog.Record[note]) bool {
			return r.Value.Count != 2
		}) {
			t.Errorf("%d records are left, want %d as they were written last: %+v",
				len(records), processes*goroutines, records)
		}
	})
}

// TestChangesThatWaitForEachOtherAreWrittenTogether: a hundred concurrent changes take two writes,
// one for the first and one for all others.
func TestChangesThatWaitForEachOtherAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var writes atomic.Int64
		s := New(process{memory: m, before: func(call, _ string) error {
			if call == "write" {
				writes.Add(1)
			}
			time.Sleep(time.Millisecond)
			return nil
		}}, "pool")
		var group sync.WaitGroup
		made := make([]catalog.Record[note], 100)
		for i := range made {
			group.Go(func() {
				made[i] = must.Get[catalog.Record[note]](t)(
					shelves(s).Create(t.Context(), fmt.Sprintf("t/%d", i), note{}))
			})
		}
		group.Wait()
		for _, rec := range made {
			group.Go(func() {
				if err := shelves(s).Delete(t.Context(), rec.Key, rec.Revision); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := writes.Load(); n != 4 {
			t.Errorf("a hundred creates and as many deletes took %d writes, want 2 each", n)
		}
		if left := m.names(); len(left) > 0 {
			t.Errorf("left after the deletes: %q", left)
		}
	})
}

// TestWhoGivesUpWaitingDisturbsNobody: one change waits for the write of another, and is cancelled
// meanwhile.
func TestWhoGivesUpWaitingDisturbsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := shelves(stalled(m, "before", "write", ".1.json", time.Second))
		var group sync.WaitGroup
		group.Go(func() { must.Get[catalog.Record[note]](t)(s.Create(t.Context(), "t/a", note{})) })
		synctest.Wait()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Create(ctx, "t/b", note{}); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(begun) > time.Millisecond {
			t.Errorf("cancelled, got %v after %s", err, time.Since(begun))
		}
		group.Wait()
		if got := must.Get[[]catalog.Record[note]](t)(s.List(t.Context(), "")); len(got) != 1 || got[0].Key != "t/a" {
			t.Errorf("there is %+v, want the record of who did not give up", got)
		}
	})
}

// TestAnAbandonedClaimOfAShelfIsPassedOver by a writer that changes any of its records, and no
// record is lost.
func TestAnAbandonedClaimOfAShelfIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/a", note{}))
		b := must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/b", note{}))
		m.volumes["nova.shelf.t.3.json"] = claimedFor(m.volumes["nova.shelf.t.2.json"], 0)
		begun := time.Now()
		if _, err := shelves(m.store()).Create(t.Context(), "t/a", note{}); !errors.Is(err, catalog.ErrExists) ||
			time.Since(begun) > 0 {
			t.Errorf("got %v after %s, want at once %v", err, time.Since(begun), catalog.ErrExists)
		}
		if err := shelves(m.store()).Delete(t.Context(), "t/a", a.Revision); err != nil {
			t.Error(err)
		}
		if waited := time.Since(begun); waited < Grace || waited > 2*Grace {
			t.Errorf("the writer waited %s, want about %s", waited, Grace)
		}
		got := must.Get[[]catalog.Record[note]](t)(shelves(m.store()).List(t.Context(), ""))
		if !slices.Equal(got, []catalog.Record[note]{b}) {
			t.Errorf("there is %+v, want %+v", got, b)
		}
	})
}

// TestASlowWriteThatManyHaveBuiltOnHasHappened, also if more writes built on it than the document
// lists.
func TestASlowWriteThatManyHaveBuiltOnHasHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/a", note{}))
		slow := make(chan error)
		go func() {
			_, err := shelves(stalled(m, "after", "write", ".2.json", 3*Grace)).Create(t.Context(), "t/slow",
				note{Count: 1})
			slow <- err
		}()
		synctest.Wait()
		for i := range 2 * maxAncestors {
			must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), fmt.Sprintf("t/b.%d", i), note{}))
		}
		if err := <-slow; err != nil {
			t.Errorf("its record is there, but the slow writer got %v", err)
		}
		got := must.Get[catalog.Record[note]](t)(shelves(m.store()).Get(t.Context(), "t/slow"))
		if got.Value.Count != 1 {
			t.Errorf("the record is %+v", got)
		}
	})
}

func TestADocumentThatGrowsTooLargeRefusesMoreAndLetsRecordsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemory().store()
		plain := collection[note]{store: s, layout: layout{kind: "note", shards: 1}} // not compressed
		first := must.Get[catalog.Record[note]](t)(plain.Create(t.Context(), "t/a",
			note{Text: strings.Repeat("x", maxGrown/2)}))
		second := must.Get[catalog.Record[note]](t)(plain.Create(t.Context(), "t/b",
			note{Text: strings.Repeat("x", maxGrown/3)}))
		s.pool.volumes = stalled(s.pool.volumes.(process).memory, "before", "create", ".3.json",
			time.Second).pool.volumes
		var group sync.WaitGroup
		group.Go(func() { must.Get[catalog.Record[note]](t)(plain.Create(t.Context(), "t/c", note{})) })
		synctest.Wait() // changes from now on wait for that write, and are written together
		group.Go(func() {
			if _, err := plain.Create(
				t.Context(), "t/d", note{Text: strings.Repeat("x", maxGrown)},
			); !errors.Is(err, errLarge) {
				t.Errorf("got %v, want %v", err, errLarge)
			}
		})
		group.Go(func() {
			if err := plain.Delete(t.Context(), "t/a", first.Revision); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		got := must.Get[[]catalog.Record[note]](t)(plain.List(t.Context(), "t/"))
		if len(got) != 2 || got[0] != second {
			t.Errorf("%d records are there, want two of four", len(got))
		}
	})
}

// TestGoroutinesThatWantTheSameRecordTakeTurns: a batch has at most one change per record.
func TestGoroutinesThatWantTheSameRecordTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		c := shelves(New(process{
			memory: m, before: func(string, string) error { time.Sleep(time.Millisecond); return nil },
		}, "pool"))
		must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/counter", note{}))
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for n := range 5 {
					if _, err := c.Create(t.Context(), fmt.Sprintf("t/%d.%d", i, n), note{}); err != nil {
						t.Error(err)
					}
					if err := increment(t.Context(), c); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if got := must.Get[catalog.Record[note]](t)(c.Get(t.Context(), "t/counter")); got.Value.Count != 40 {
			t.Errorf("it counts %d, want 40", got.Value.Count)
		}
	})
}

// TestTwoSlowWritersOfOneShelfLoseNothing: the second writer passes over the first and then stalls
// itself. So the first finds its own write as the newest complete one, with a claim after it that
// may still be filled.
func TestTwoSlowWritersOfOneShelfLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/a", note{}))
		var group sync.WaitGroup
		for _, stall := range []struct {
			volume string
			long   time.Duration
		}{{".2.json", 2 * Grace}, {".3.json", 4 * Grace}} {
			group.Go(func() {
				s := shelves(stalled(m, "before", "write", stall.volume, stall.long))
				must.Get[catalog.Record[note]](t)(s.Create(t.Context(), "t/by"+stall.volume, note{}))
			})
			synctest.Wait() // the first has claimed its number
		}
		group.Wait()
		if got := must.Get[[]catalog.Record[note]](t)(shelves(m.store()).List(t.Context(), "t/by")); len(got) != 2 {
			t.Errorf("there is %+v, want both writers' records", got)
		}
	})
}
