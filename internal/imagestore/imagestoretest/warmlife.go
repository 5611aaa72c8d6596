package imagestoretest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

const clone = "nova.disk.shop.x.system.qcow2"

func diskUnderClones(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	s := b.snapshot(st, r)
	b.cloned(s, clone)
	b.check(st.Warm().Release(t.Context(), r.Version))
	b.has(r.Digest, nil, []string{s.Stem})
	rec, _ := b.described(r.Key())
	if rec.Value.State != catalog.SnapshotRemoving || !slices.Equal(rec.Value.Retired, []string{s.Stem}) {
		t.Errorf("with a clone on its disk, it is %+v", rec.Value)
	}
	if err := st.Warm().Stands(t.Context(), r.Key(), s); !errors.Is(err, warm.ErrGone) {
		t.Errorf("a clone that comes now may stand on it: %v", err)
	}
	again := b.snapshot(st, r) // while the disk of the first one stays
	b.has(r.Digest, []string{again.Stem}, []string{s.Stem})
	b.check(st.Warm().Stands(t.Context(), r.Key(), again))
	b.check(st.Warm().Release(t.Context(), r.Version))
	b.check(st.Release(t.Context(), r.Digest, r.Version))
	b.check(st.Collect(t.Context()))
	b.has(r.Digest, nil, []string{s.Stem})
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, clone))
	b.check(st.Collect(t.Context()))
	b.has(r.Digest, nil, nil)
	if rec, there := b.described(r.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
	b.isEmpty()
}

// meddling is a host on which something else happens when a volume is deleted.
type meddling struct {
	host.Host
	deleting func(name string)
}

func (m meddling) DeleteVolume(ctx context.Context, pool, name string) error {
	m.deleting(name)
	return m.Host.DeleteVolume(ctx, pool, name)
}

func cloneMeanwhile(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	s := b.snapshot(st, r)
	remover := b.Open(imagestore.Options{Host: meddling{b.Host, func(name string) {
		if name == naming.WarmMemory(s.Stem) {
			b.cloned(s, clone)
			if err := st.Warm().Stands(t.Context(), r.Key(), s); !errors.Is(err, warm.ErrGone) {
				t.Errorf("the clone does not see the removal: %v", err)
			}
		}
	}}})
	b.check(remover.Warm().Release(t.Context(), r.Version))
	b.has(r.Digest, nil, []string{s.Stem})
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, clone))
}

func unasked(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	s := b.snapshot(st, r)
	impatient := b.Open(imagestore.Options{UnusedFor: -1})
	for range 3 {
		b.check(impatient.Collect(t.Context()))
	}
	b.has(r.Digest, []string{s.Stem}, nil)
	b.asksAs("1.0.0", r.Digest, catalog.Warm{SettleSeconds: 3}) // for another one; the process was killed then
	b.check(st.Collect(t.Context()))
	if rec, _ := b.described(r.Key()); rec.Value.UnusedSince == nil {
		t.Errorf("seen once without a version, it is %+v", rec.Value)
	}
	b.check(st.Collect(t.Context()))
	b.has(r.Digest, []string{s.Stem}, nil) // not unused for long enough
	b.asksAs("1.0.0", r.Digest, r.Warm)
	b.check(impatient.Collect(t.Context()))
	if rec, _ := b.described(r.Key()); rec.Value.UnusedSince != nil {
		t.Errorf("asked for again, it is %+v", rec.Value)
	}
	rec := must.Get[catalog.Record[catalog.Version]](t)(b.Documents.Versions().Get(t.Context(), r.Version.String()))
	b.check(b.Documents.Versions().Delete(t.Context(), rec.Key, rec.Revision))
	b.check(impatient.Collect(t.Context()))
	b.has(r.Digest, []string{s.Stem}, nil)
	b.check(impatient.Warm().Collect(t.Context())) // the image would go as well
	b.has(r.Digest, nil, nil)
	if rec, there := b.described(r.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
}

func leftByTheDead(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	b.dying(st, r, b.Dead)
	b.check(st.Collect(t.Context()))
	b.has(r.Digest, nil, nil)
	if rec, there := b.described(r.Key()); there {
		t.Errorf("left is %+v", rec.Value)
	}
	b.dying(st, r, b.Dead)
	b.check(st.Warm().Release(t.Context(), r.Version))
	b.has(r.Digest, nil, nil)
}

// forgotten is about domains that no document leads to: a process of another host, which does not
// see them, has removed all else.
func forgotten(t *testing.T, b *bench) {
	st, ctx := b.Open(imagestore.Options{}), t.Context()
	pool, err := b.Host.Pool(ctx, b.Pool)
	b.check(err)
	define := func(dir string) host.Domain {
		t.Helper()
		stem := naming.NewWarmStem()
		d, err := b.Host.DefineDomain(ctx, host.DomainSpec{
			Name: stem, Type: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64, Disks: []host.DiskSpec{
				{Name: "system", Target: "vda", Path: dir + "/" + naming.WarmDisk(stem), Format: "qcow2", Boot: 1},
			},
		})
		b.check(err)
		return d
	}
	here, elsewhere := define(pool.Path), define("/another/pool")
	r := b.asks(st, "1.0.0", b.image(64<<10))
	left := b.dying(st, r, "elsewhere/4711/m/b/1-1/99") // which lives
	b.check(st.Collect(ctx))
	if _, err := b.Host.Domain(ctx, here.UUID); !errors.Is(err, host.ErrNoDomain) {
		t.Errorf("what no document leads to: %v, want %v", err, host.ErrNoDomain)
	}
	_, err = b.Host.Domain(ctx, elsewhere.UUID)
	b.check(err)
	_, err = b.Host.DomainByName(ctx, left.Stem)
	b.check(err)
	b.check(b.Host.UndefineDomain(ctx, elsewhere.UUID))
	b.change(r.Key(), func(s *catalog.Snapshot) { s.Runner = b.Dead })
	b.check(st.Collect(ctx))
	b.has(r.Digest, nil, nil)
}

func madeAgain(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	first := b.snapshot(st, r)
	b.cloned(first, clone)
	r.Engine.Hypervisor = "8.2.0"
	g := b.guests(st)
	_, err := st.Warm().Make(t.Context(), r, g.make)
	if wrong, ok := errors.AsType[*warm.UnusableError](err); !ok || !strings.Contains(wrong.Why, "7.2.22") ||
		!strings.Contains(wrong.Why, "8.2.0") || wrong.Snapshot.Stem != first.Stem || g.made.Load() > 0 {
		t.Errorf("with another engine: %v", err)
	}
	r.Remake = true
	second := b.snapshot(st, r)
	b.has(r.Digest, []string{second.Stem}, []string{first.Stem})
	if err := st.Warm().Stands(t.Context(), r.Key(), first); !errors.Is(err, warm.ErrGone) {
		t.Errorf("a clone may stand on the earlier one: %v", err)
	}
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, clone))
	b.check(st.Collect(t.Context()))
	b.has(r.Digest, []string{second.Stem}, nil)
	r.Engine = engine
	if third := b.snapshot(st, r); third.Stem != second.Stem {
		t.Errorf("what is as it should be was made again: %+v", third)
	}
}

func failuresInARow(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	w, r := st.Warm(), b.asks(st, "1.0.0", b.image(64<<10))
	b.snapshot(st, r)
	read := func() catalog.Snapshot {
		t.Helper()
		return must.Get[catalog.Snapshot](t)(w.Snapshot(t.Context(), r.Key()))
	}
	for range catalog.MaxFailures - 1 {
		b.check(w.NoteFailure(t.Context(), r.Key(), read()))
	}
	if why := read().Unusable(engine); why != "" {
		t.Errorf("too early, %s", why)
	}
	b.check(w.NoteResumed(t.Context(), r.Key(), read()))
	before, _ := b.described(r.Key())
	b.check(w.NoteResumed(t.Context(), r.Key(), read()))
	if after, _ := b.described(r.Key()); before.Value.Failures != 0 || after.Revision != before.Revision {
		t.Errorf("after a success, it is %+v, and then %+v", before, after)
	}
	for range catalog.MaxFailures {
		b.check(w.NoteFailure(t.Context(), r.Key(), read()))
	}
	if why := read().Unusable(engine); !strings.Contains(why, "in a row") {
		t.Errorf("it can still be used: %q", why)
	}
	old := read()
	r.Remake = true
	s := b.snapshot(st, r)
	b.check(w.NoteFailure(t.Context(), r.Key(), old))
	if now := read(); now.Stem != s.Stem || now.Stem == old.Stem || now.Failures != 0 {
		t.Errorf("made again, it is %+v", now)
	}
}

func changedMind(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	r := b.asks(st, "1.0.0", b.image(64<<10))
	b.snapshot(st, r)
	elsewhere := r
	elsewhere.Shape.Host = "another"
	far := b.snapshot(st, elsewhere)
	other := b.asksAs("1.0.0", r.Digest, catalog.Warm{SettleSeconds: 3})
	s := b.snapshot(st, other)
	b.has(r.Digest, []string{s.Stem, far.Stem}, nil)
	if rec, there := b.described(r.Key()); there {
		t.Errorf("what the version does not ask for any more is %+v", rec.Value)
	}
}
