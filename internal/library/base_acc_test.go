package library

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	sourceweb "github.com/novacron/terraform-provider-novacron/internal/source/web"
)

func TestAccAnImageIsStoredOnceAndGoesWithItsLastVersion(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	tiny := acctest.TinyImage(t)

	first := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: tiny}))
	if want := digestOf(t, tiny); first.Digest != want || first.Format != "qcow2" || first.VirtualSize != 64<<20 {
		t.Errorf("registered %+v, want a qcow2 image of 64 MiB with digest %s", first, want)
	}
	if first.Transferred == 0 || first.Transferred > first.StoredSize {
		t.Errorf("sent %d bytes of %d", first.Transferred, first.StoredSize)
	}
	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), first.Digest))
	if stored := digestOf(t, filepath.Join(s.dir, base.Volume)); stored != first.Digest ||
		base.State != catalog.BaseReady {
		t.Errorf("the pool holds %s (%s), want %s", stored, base.State, first.Digest)
	}

	second := must.Get[catalog.Version](t)(register(t.Context(), s.library(t), "2.0.0",
		file.Source{Path: tiny, Checksum: sumOf(t, tiny)}))
	if second.Transferred != 0 || second.Digest != first.Digest {
		t.Errorf("of an image that is there, %d bytes were sent as %s", second.Transferred, second.Digest)
	}
	if images := s.images(t); len(images) != 1 {
		t.Errorf("in the pool: %q, want one image", images)
	}
	if err := l.RemoveVersion(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), first.Digest)); len(base.Versions) != 1 ||
		base.Versions[0] != second.ID.String() {
		t.Errorf("the base's versions are %q, want %q", base.Versions, second.ID)
	}
	for range 2 { // removing it again is not an error
		if err := l.RemoveVersion(t.Context(), second.ID); err != nil {
			t.Fatal(err)
		}
	}
	if files := s.files(t); len(files) != 1 {
		t.Errorf("in the pool: %q, want the template alone", files)
	}
}

func TestAccProcessesThatRegisterOneImageAtOnceEndWithOneBase(t *testing.T) {
	for _, checksum := range []bool{false, true} {
		for _, processes := range []int{2, 8} {
			t.Run(fmt.Sprintf("%d processes, checksum %t", processes, checksum), func(t *testing.T) {
				s := newSite(t)
				s.template(t, s.library(t))
				source := file.Source{Path: rawImage(t, 24<<20, 16<<20)}
				digest := digestOf(t, source.Path)
				if checksum {
					source.Checksum = sumOf(t, source.Path)
				}
				group, ctx := errgroup.WithContext(t.Context())
				for i := range processes {
					l := s.library(t)
					group.Go(func() error {
						_, err := register(ctx, l, fmt.Sprintf("1.0.%d", i), source)
						return err
					})
				}
				if err := group.Wait(); err != nil {
					t.Fatal(err)
				}
				l := s.library(t)
				base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), digest))
				if len(base.Versions) != processes {
					t.Errorf("the base's versions: %q, want %d", base.Versions, processes)
				}
				if images := s.images(t); len(images) != 1 || images[0] != base.Volume ||
					digestOf(t, filepath.Join(s.dir, base.Volume)) != digest {
					t.Errorf("in the pool: %q, want the base %q alone", images, base.Volume)
				}
				var sent int
				for _, v := range must.Get[[]catalog.Version](t)(l.Versions(t.Context(), ubuntu)) {
					if v.Transferred > 0 {
						sent++
					}
				}
				if sent != 1 {
					t.Errorf("%d versions say that they sent the image, want one", sent)
				}
			})
		}
	}
}

func TestAccAnAbandonedUploadIsTakenOver(t *testing.T) {
	s := newSite(t)
	l := s.libraryWith(t, imagestore.Options{AbandonedAfter: time.Second})
	s.template(t, l)
	path := rawImage(t, 4<<20, 4<<20)
	digest := digestOf(t, path)
	for name, volume := range map[string]string{
		"with a volume": "nova.base.dead.raw", "without a volume": "nova.base.never.raw",
	} {
		t.Run(name, func(t *testing.T) {
			dead := catalog.Base{
				Digest: digest, State: catalog.BaseUploading, Volume: volume,
				Versions: []string{"default/ubuntu@0.0.1"},
			}
			if _, err := s.bases(t).Create(t.Context(), catalog.BaseKey(digest), dead); err != nil {
				t.Fatal(err)
			}
			if volume == "nova.base.dead.raw" {
				if err := os.WriteFile(filepath.Join(s.dir, volume), []byte("half an image"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			v := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: path}))
			if v.Transferred == 0 {
				t.Error("nothing was sent")
			}
			if images := s.images(t); len(images) != 1 || images[0] == volume {
				t.Errorf("in the pool: %q, want the new base alone", images)
			}
			if err := l.RemoveVersion(t.Context(), v.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAccAnUploadThatWasTakenForDeadJoins: in the end the image is there, sent by the process that
// took over. Only an upload whose registration is unknown, as one in another catalog, is taken for
// dead while it lives.
func TestAccAnUploadThatWasTakenForDeadJoins(t *testing.T) {
	s := newSite(t)
	slow, quick := s.library(t), s.libraryWith(t, imagestore.Options{AbandonedAfter: time.Second})
	s.template(t, quick)
	path := rawImage(t, 4<<20, 4<<20)
	digest, checksum := digestOf(t, path), sumOf(t, path)
	stalled := newStallingServer(t, path, 1<<20)
	var group errgroup.Group
	group.Go(func() error {
		_, err := register(t.Context(), slow, "1.0.0", sourceweb.Source{URL: stalled.URL, Checksum: checksum})
		return err
	})
	<-stalled.reached
	reserved := catalog.ErrNotFound // what was reached may still be in a buffer
	for errors.Is(reserved, catalog.ErrNotFound) {
		_, reserved = catalog.Change(t.Context(), s.bases(t), catalog.BaseKey(checksum), func(b *catalog.Base) error {
			b.Versions = []string{"another:default/ubuntu@1.0.0"}
			return nil
		})
	}
	if reserved != nil {
		t.Fatal(reserved)
	}
	second := must.Get[catalog.Version](t)(register(t.Context(), quick, "2.0.0",
		file.Source{Path: path, Checksum: checksum}))
	if second.Transferred == 0 {
		t.Error("the process that took over sent nothing")
	}
	close(stalled.goOn)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	base := must.Get[catalog.Base](t)(quick.Images.Base(t.Context(), digest))
	if images := s.images(t); len(images) != 1 || images[0] != base.Volume || len(base.Versions) != 2 {
		t.Errorf("in the pool: %q; the base is %+v", images, base)
	}
}

func TestAccAnImageWithHolesArrivesIdentical(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	path := filepath.Join(t.TempDir(), "holes.qcow2")
	for _, command := range []string{
		"cp --sparse=always " + acctest.TinyImage(t) + " " + path, "qemu-img resize -q " + path + " 1G",
		"qemu-io -c 'write -P 7 900M 1M' -c 'write -P 9 500M 64k' -c 'write 0 8M' " + path,
		"fallocate --dig-holes " + path,
		"truncate -s +3M " + path,
	} {
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	v := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: path}))
	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest))
	if stored, want := digestOf(t, filepath.Join(s.dir, base.Volume)), digestOf(t, path); stored != want ||
		v.Digest != want {
		t.Errorf("stored as %s, registered as %s, want %s", stored, v.Digest, want)
	}
	if v.Transferred >= v.StoredSize {
		t.Errorf("sent %d bytes of %d: no hole was left out", v.Transferred, v.StoredSize)
	}
}

// TestAccAVersionUnderAnOverlayStays: no base is removed while a volume stands on it, regardless of
// who created that volume.
func TestAccAVersionUnderAnOverlayStays(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	v := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: acctest.TinyImage(t)}))
	location := must.Get[string](t)(l.Images.Location(t.Context(), v))
	s.Exec(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", location, "-F", "qcow2",
		filepath.Dir(location)+"/by-hand.qcow2")

	err := l.RemoveVersion(t.Context(), v.ID)
	var inUse *imagestore.InUseError
	if !errors.As(err, &inUse) || len(inUse.Users) != 1 || !strings.Contains(inUse.Users[0], "by-hand.qcow2") {
		t.Errorf("got %v, want an error that names the overlay", err)
	}
	if now := must.Get[catalog.Version](t)(l.Version(t.Context(), v.ID)); now.DeletingSince != nil {
		t.Error("the version is still marked as being deleted")
	}
	if chosen := must.Get[string](t)(l.Resolve(t.Context(), ubuntu, "")); chosen != "1.0.0" {
		t.Errorf("chosen: %q", chosen)
	}
	// As when two versions of one image are removed at once, and each expects the other to keep the
	// base.
	if err := l.Images.Release(t.Context(), v.Digest, v.ID); err != nil {
		t.Error(err)
	}
	if base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest)); len(base.Versions) != 0 {
		t.Errorf("the base's versions are %q", base.Versions)
	}
	must.Get[string](t)(l.Images.Location(t.Context(), v))
	must.Get[catalog.Version](t)(register(t.Context(), l, "2.0.0", file.Source{Path: acctest.TinyImage(t)}))
	s.Exec(t, "rm", filepath.Dir(location)+"/by-hand.qcow2")
}
