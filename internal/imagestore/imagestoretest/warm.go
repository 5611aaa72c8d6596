package imagestoretest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// RunWarm runs the suite of the warm snapshots; open creates a site for each of its tests.
func RunWarm(t *testing.T, open func(t *testing.T) Site) {
	for name, test := range map[string]func(*testing.T, *bench){
		"ManyProcessesMakeItOnce":                 madeOnce,
		"WhatADeadProcessMadeIsTakenOver":         takenOver,
		"ALivingProcessIsWaitedFor":               waitedFor,
		"AProcessThatWasTakenForDeadGivesUp":      takenForDead,
		"WhatCouldNotBeMadeLeavesItsReason":       couldNotBeMade,
		"WhatWasCancelledLeavesNothing":           cancelledMaking,
		"WithoutItsImageItIsNotMade":              withoutImage,
		"ItGoesWithItsLastVersion":                lastVersion,
		"ItGoesIfItsVersionLeftMeanwhile":         versionLeft,
		"ItsDiskStaysUnderClones":                 diskUnderClones,
		"ACloneAndARemovalSeeEachOther":           cloneMeanwhile,
		"WhatNoVersionAsksForGoesAfterAWhile":     unasked,
		"WhatADeadProcessLeftIsCollected":         leftByTheDead,
		"DomainsThatWereForgottenAreRemoved":      forgotten,
		"WhatWasMadeByAnotherEngineIsMadeAgain":   madeAgain,
		"FailuresInARowMakeItUnusable":            failuresInARow,
		"AVersionThatChangesItsMindHasOneOfAHost": changedMind,
	} {
		t.Run(name, func(t *testing.T) { test(t, &bench{Site: open(t), t: t}) })
	}
}

func madeOnce(t *testing.T, b *bench) {
	path, first := b.image(64<<10), b.Open(imagestore.Options{})
	one, two := b.asks(first, "1.0.0", path), b.asks(first, "2.0.0", path)
	g := b.guests(first)
	var group errgroup.Group
	made := make([]catalog.Snapshot, 4)
	for i := range made {
		r := []warm.Request{one, two}[i%2]
		group.Go(func() (err error) {
			made[i], err = b.Open(imagestore.Options{}).Warm().Make(t.Context(), r, g.make)
			return err
		})
	}
	b.check(group.Wait())
	if g.made.Load() != 1 {
		t.Errorf("it was made %d times", g.made.Load())
	}
	for _, s := range made {
		if s.Stem != made[0].Stem || s.State != catalog.SnapshotReady || s.Engine != engine || s.MemorySize != 4096 ||
			s.CreatedAt.IsZero() {
			t.Errorf("made are %+v and %+v", s, made[0])
		}
		b.check(first.Warm().Stands(t.Context(), one.Key(), s))
	}
	rec, _ := b.described(one.Key())
	versions := slices.Sorted(slices.Values(rec.Value.Versions))
	if want := []string{one.Version.String(), two.Version.String()}; !slices.Equal(versions, want) {
		t.Errorf("its versions are %q, want %q", versions, want)
	}
	b.has(one.Digest, []string{made[0].Stem}, nil)
	again, err := first.Warm().Make(t.Context(), one, g.make)
	if left, _ := b.described(one.Key()); err != nil || again.Stem != made[0].Stem || left.Revision != rec.Revision {
		t.Errorf("asked again, it is %+v, %v, in revision %s instead of %s", again, err, left.Revision, rec.Revision)
	}
}

// dying makes a snapshot in the name of a process, which leaves everything in place in the middle.
func (b *bench) dying(st *imagestore.Store, r warm.Request, runner string) catalog.Snapshot {
	b.t.Helper()
	now, err := b.Host.Time(b.t.Context(), b.Pool)
	b.check(err)
	left := catalog.Snapshot{
		State: catalog.SnapshotMaking, Runner: runner, Since: now, Deadline: now.Add(time.Hour), Digest: r.Digest,
		Shape: r.Shape, Stem: naming.NewWarmStem(), Versions: []string{r.Version.String()},
	}
	must.Get[catalog.Record[catalog.Snapshot]](b.t)(b.Documents.Snapshots().Create(b.t.Context(), r.Key(), left))
	_, err = catalog.Change(b.t.Context(), b.Documents.Bases(), catalog.BaseKey(r.Digest),
		func(on *catalog.Base) error {
			on.Children = append(on.Children, naming.WarmDisk(left.Stem))
			return nil
		})
	b.check(err)
	g := b.guests(st)
	g.fails = errors.New("killed")
	if _, err := g.make(b.t.Context(), left); !errors.Is(err, g.fails) {
		b.t.Fatal(err)
	}
	return left
}

func takenOver(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	left := b.dying(st, r, b.Dead)
	if parts := b.parts(); len(parts) != 4 || !slices.Contains(parts, left.Stem) {
		t.Fatalf("the dead process has left %q", parts)
	}
	s := b.snapshot(st, r)
	if s.Stem == left.Stem || len(s.Retired) > 0 {
		t.Errorf("it was made as %+v, and was %s", s, left.Stem)
	}
	b.has(r.Digest, []string{s.Stem}, nil)
}

func waitedFor(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	left := b.dying(st, r, "elsewhere/4711/m/b/1-1/99")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	g := b.guests(st)
	_, err := st.Warm().Make(ctx, r, g.make)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), r.Version.String()) ||
		g.made.Load() > 0 {
		t.Errorf("got %v, and it was made %d times", err, g.made.Load())
	}
	if rec, _ := b.described(r.Key()); rec.Value.Stem != left.Stem || len(b.parts()) != 4 {
		t.Errorf("left are %+v with %q", rec.Value, b.parts())
	}
	b.change(r.Key(), func(s *catalog.Snapshot) { s.Deadline = s.Since.Add(-lease.Slack - time.Hour) })
	b.has(r.Digest, []string{b.snapshot(st, r).Stem}, nil) // its time is up
}

// change changes the document of a snapshot as another process does.
func (b *bench) change(key string, change func(*catalog.Snapshot)) {
	b.t.Helper()
	_, err := catalog.Change(b.t.Context(), b.Documents.Snapshots(), key, func(s *catalog.Snapshot) error {
		change(s)
		return nil
	})
	b.check(err)
}

// takenForDead is about a process that was suspended while it made a snapshot, and continues.
func takenForDead(t *testing.T, b *bench) {
	st, other := b.Open(imagestore.Options{}), b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	for when, suspend := range map[string]func(*guests, func()){
		"first": func(g *guests, do func()) { g.first = do },
		"then":  func(g *guests, do func()) { g.then = do },
		"last":  func(g *guests, do func()) { g.last = do },
	} {
		g, faster := b.guests(st), catalog.Snapshot{}
		suspend(g, func() {
			b.change(r.Key(), func(s *catalog.Snapshot) { s.Runner = b.Dead })
			faster = b.snapshot(other, r)
		})
		s, err := st.Warm().Make(t.Context(), r, g.make)
		// Its domain is gone if it had defined one. Otherwise it notices at the end.
		if (err != nil) != (when == "then") || err == nil && s.Stem != faster.Stem || g.made.Load() != 1 {
			t.Errorf("%s: it has %+v, %v, and the other process %+v", when, s, err, faster)
		}
		b.has(r.Digest, []string{faster.Stem}, nil)
		if rec, _ := b.described(r.Key()); rec.Value.State != catalog.SnapshotReady || rec.Value.Stem != faster.Stem {
			t.Errorf("%s: its document is %+v", when, rec.Value)
		}
		b.check(st.Warm().Release(t.Context(), r.Version))
		b.has(r.Digest, nil, nil)
	}
}

func couldNotBeMade(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	g := b.guests(st)
	g.fails = errors.New("no agent answers")
	if s, err := st.Warm().Make(t.Context(), r, g.make); !errors.Is(err, g.fails) || s.State != catalog.SnapshotFailed {
		t.Errorf("got %+v, %v", s, err)
	}
	b.has(r.Digest, nil, nil)
	second := b.asks(st, "2.0.0", b.image(64<<10))
	second.Digest = r.Digest // another version of the same image
	for _, asked := range []warm.Request{r, second} {
		_, err := st.Warm().Make(t.Context(), asked, g.make)
		if wrong, ok := errors.AsType[*warm.UnusableError](err); !ok || !strings.Contains(wrong.Why, g.fails.Error()) {
			t.Errorf("asked again: %v", err)
		}
	}
	if rec, _ := b.described(r.Key()); g.made.Load() != 1 || rec.Value.State != catalog.SnapshotFailed ||
		rec.Value.Error != g.fails.Error() || len(rec.Value.Versions) != 2 {
		t.Errorf("it was tried %d times; its document is %+v", g.made.Load(), rec.Value)
	}
	r.Remake = true
	s := b.snapshot(st, r)
	if s.Error != "" || len(s.Versions) != 2 {
		t.Errorf("made in the end, it is %+v", s)
	}
	b.has(r.Digest, []string{s.Stem}, nil)
}

func cancelledMaking(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	ctx, cancel := context.WithCancel(t.Context())
	g := b.guests(st)
	g.then = cancel
	if _, err := st.Warm().Make(ctx, r, g.make); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if rec, there := b.described(r.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
	b.has(r.Digest, nil, nil)
}

func withoutImage(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	b.check(st.Release(t.Context(), r.Digest, r.Version))
	g := b.guests(st)
	if _, err := st.Warm().Make(t.Context(), r, g.make); err == nil || g.made.Load() > 0 {
		t.Errorf("got %v, and it was made %d times", err, g.made.Load())
	}
	if rec, there := b.described(r.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
}

func lastVersion(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	one, two := b.asks(st, "1.0.0", path), b.asks(st, "2.0.0", path)
	s := b.snapshot(st, one)
	if joined := b.snapshot(st, two); joined.Stem != s.Stem {
		t.Errorf("another version has %s, and the first %s", joined.Stem, s.Stem)
	}
	b.check(st.Warm().Release(t.Context(), one.Version, one.Key())) // which it keeps
	b.check(st.Warm().Release(t.Context(), one.Version))
	b.check(st.Warm().Release(t.Context(), one.Version)) // which has left already
	rec, _ := b.described(one.Key())
	if want := []string{two.Version.String()}; !slices.Equal(rec.Value.Versions, want) ||
		rec.Value.State != catalog.SnapshotReady {
		t.Errorf("with one version it is %+v", rec.Value)
	}
	b.has(one.Digest, []string{s.Stem}, nil)
	b.check(st.Release(t.Context(), one.Digest, one.Version))
	b.check(st.Release(t.Context(), one.Digest, two.Version))
	if len(b.volumes()) != 1 {
		t.Errorf("the image under a snapshot has gone: %q", b.volumes())
	}
	b.check(st.Warm().Release(t.Context(), two.Version))
	if rec, there := b.described(one.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
	b.has(one.Digest, nil, nil)
	b.isEmpty() // nothing else needed the image
	if err := st.Warm().Stands(t.Context(), one.Key(), s); !errors.Is(err, warm.ErrGone) {
		t.Errorf("of what is gone, Stands says %v", err)
	}
}

func versionLeft(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	g := b.guests(st)
	g.then = func() {
		b.check(st.Warm().Release(t.Context(), r.Version))
		for range 2 {
			b.check(b.Open(imagestore.Options{UnusedFor: -1}).Warm().Collect(t.Context()))
		}
		if parts := b.parts(); len(parts) != 4 {
			t.Errorf("under the process that makes it, there are left %q", parts)
		}
	}
	if s, err := st.Warm().Make(t.Context(), r, g.make); err == nil {
		t.Errorf("made %+v, which no version asks for", s)
	}
	if rec, there := b.described(r.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
	b.has(r.Digest, nil, nil)
}
