package library

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// abandon removes a version from the library in the way that only a process which dies midway does:
// its base stays behind.
func (s site) abandon(t *testing.T, l *Library, v catalog.Version, state catalog.BaseState) {
	t.Helper()
	if err := s.tryAbandon(t, l, v, state); err != nil {
		t.Fatal(err)
	}
}

func (s site) tryAbandon(t *testing.T, l *Library, v catalog.Version, state catalog.BaseState) error {
	_, err := catalog.Change(t.Context(), s.bases(t), catalog.BaseKey(v.Digest), func(b *catalog.Base) error {
		b.Versions = slices.DeleteFunc(b.Versions, func(id string) bool { return id == v.ID.String() })
		if state != "" {
			b.State = state
		}
		return nil
	})
	if err != nil {
		return err
	}
	rec, err := l.store.Versions().Get(t.Context(), v.ID.String())
	if err != nil {
		return err
	}
	return l.store.Versions().Delete(t.Context(), rec.Key, rec.Revision)
}

// stale makes a base's note as old as if the base had been unused for two hours.
func (s site) stale(t *testing.T, digest string) {
	t.Helper()
	_, err := catalog.Change(t.Context(), s.bases(t), catalog.BaseKey(digest), func(b *catalog.Base) error {
		if b.UnusedSince == nil {
			return fmt.Errorf("nobody has noted that base %s is not used", b.Digest)
		}
		since := b.UnusedSince.Add(-2 * time.Hour)
		b.UnusedSince = &since
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An image that no version refers to is removed after it has been unused for a while, by another
// process's next change of the library.
func TestAccAnImageThatNobodyUsesIsCollected(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: rawImage(t, 1<<20, 4096)}))
	for state, how := range map[catalog.BaseState]string{
		catalog.BaseReady: "disks hung on it", catalog.BaseDeleting: "who removed it died",
		catalog.BaseUploading: "who sent it was taken for dead",
	} {
		t.Run(how, func(t *testing.T) {
			v := must.Get[catalog.Version](t)(register(t.Context(), l, "9.0.0",
				file.Source{Path: rawImage(t, 1<<20, 8192)}))
			rec := must.Get[catalog.Record[catalog.Base]](t)(s.bases(t).Get(t.Context(), catalog.BaseKey(v.Digest)))
			s.abandon(t, l, v, state)
			sweep := func() []string {
				s.library(t).sweep(t.Context())
				return s.images(t)
			}
			if images := sweep(); len(images) != 2 {
				t.Fatalf("in the pool: %q, want both images, one of them noted as unused", images)
			}
			if images := sweep(); len(images) != 2 {
				t.Errorf("in the pool: %q, want that the time without a use is waited for", images)
			}
			s.stale(t, v.Digest)
			if images := sweep(); len(images) != 1 || images[0] == rec.Value.Volume {
				t.Errorf("in the pool: %q, want the image of 1.0.0 alone", images)
			}
			if bases := must.Get[[]catalog.Record[catalog.Base]](t)(s.bases(t).List(t.Context(), "")); len(bases) != 1 {
				t.Errorf("the bases are %+v", bases)
			}
		})
	}
}

// Anything that stands on an image keeps it, and a version of the same image takes it over.
func TestAccAnImageThatDisksStandOnIsNotCollected(t *testing.T) {
	s := newSite(t)
	l := s.libraryWith(t, imagestore.Options{AbandonedAfter: time.Millisecond})
	s.template(t, l)
	source := file.Source{Path: acctest.TinyImage(t)}
	v := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", source))
	location := must.Get[string](t)(l.Images.Location(t.Context(), v))
	overlay := filepath.Dir(location) + "/by-hand.qcow2"
	s.Exec(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", location, "-F", "qcow2", overlay)
	base := func() catalog.Base {
		t.Helper()
		return must.Get[catalog.Record[catalog.Base]](t)(s.bases(t).Get(t.Context(), catalog.BaseKey(v.Digest))).Value
	}
	// its remover died, having seen the disk or not
	for _, state := range []catalog.BaseState{catalog.BaseReady, catalog.BaseDeleting} {
		s.abandon(t, l, v, state)
		for range 2 {
			collector := s.libraryWith(t, imagestore.Options{UnusedFor: -1})
			collector.sweep(t.Context())
		}
		if b := base(); b.UnusedSince != nil || b.State != state {
			t.Errorf("with a disk on it, the base is %+v", b)
		}
		v = must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", source))
		if v.Transferred != 0 {
			t.Errorf("of an image that is there, %d bytes were sent", v.Transferred)
		}
		s.Exec(t, "qemu-img", "check", "-q", overlay)
	}
	s.abandon(t, l, v, "")
	s.Exec(t, "rm", overlay)
	s.library(t).sweep(t.Context())
	if base().UnusedSince == nil {
		t.Error("without the disk, nobody noted that the base is not used")
	}
	must.Get[catalog.Version](t)(register(t.Context(), l, "2.0.0", source))
	if b := base(); b.UnusedSince != nil || len(b.Versions) != 1 {
		t.Errorf("used by version 2.0.0, the base is %+v", b)
	}
}

// TestAccNothingIsCollectedUnderARegistration makes processes register versions of one image and
// abandon them, while others collect what is abandoned without waiting.
func TestAccNothingIsCollectedUnderARegistration(t *testing.T) {
	s := newSite(t)
	s.template(t, s.library(t))
	source := file.Source{Path: rawImage(t, 1<<20, 64<<10)}
	digest := digestOf(t, source.Path)
	registrars, ctx := errgroup.WithContext(t.Context())
	for process := range 4 {
		l := s.library(t)
		registrars.Go(func() error {
			for n := range 8 {
				v, err := register(ctx, l, fmt.Sprintf("%d.%d.0", process, n), source)
				if err != nil {
					return err
				}
				base, err := l.Images.Base(ctx, digest)
				if err != nil {
					return fmt.Errorf("version %s has lost its base: %w", v.ID, err)
				}
				if _, err := os.Stat(filepath.Join(s.dir, base.Volume)); err != nil {
					return fmt.Errorf("version %s has lost its image: %w", v.ID, err)
				}
				if err := s.tryAbandon(t, l, v, ""); err != nil {
					return err
				}
			}
			return nil
		})
	}
	done := make(chan struct{})
	var collectors errgroup.Group
	for range 3 {
		l := s.libraryWith(t, imagestore.Options{UnusedFor: -1})
		collectors.Go(func() error {
			for {
				err := l.Images.Collect(t.Context())
				select {
				case <-done:
					return err
				default:
				}
				if err != nil {
					return err
				}
			}
		})
	}
	if err := registrars.Wait(); err != nil {
		t.Error(err)
	}
	close(done)
	if err := collectors.Wait(); err != nil {
		t.Error(err)
	}
	last := s.libraryWith(t, imagestore.Options{UnusedFor: -1})
	for range 2 {
		if err := last.Images.Collect(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if images := s.images(t); len(images) != 0 {
		t.Errorf("in the pool: %q, want no images", images)
	}
}

// An image that another image stands on, or is to stand on, stays as long as that one; then it is
// removed too.
func TestAccAnImageThatAnotherStandsOnIsNotCollected(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	disk := rawImage(t, 2<<20, 1<<20)
	lower := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: disk}))
	upper := must.Get[catalog.Version](t)(registerOn(t, l, "1.0.0", "1.1.0", file.Source{Path: changed(t, disk, 3)}))
	sweep := func() {
		collector := s.libraryWith(t, imagestore.Options{UnusedFor: -1})
		collector.sweep(t.Context())
	}
	s.abandon(t, l, lower, "")
	sweep()
	sweep()
	if images := s.images(t); len(images) != 2 {
		t.Fatalf("in the pool: %q, want both images", images)
	}
	s.Exec(t, "qemu-img", "check", "-q", must.Get[string](t)(l.Images.Location(t.Context(), upper)))
	// As a registration leaves it that died, and whose claim was cleared before it did this.
	_, err := catalog.Change(t.Context(), s.bases(t), catalog.BaseKey(upper.Digest), func(b *catalog.Base) error {
		b.Children = []string{"nova.base.never.qcow2"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.abandon(t, l, upper, "")
	sweep()
	if images := s.images(t); len(images) != 2 {
		t.Errorf("in the pool: %q, want both images, one of them noted as unused", images)
	}
	sweep()
	if files := s.files(t); len(files) != 1 {
		t.Errorf("in the pool: %q, want the template alone", files)
	}
}
