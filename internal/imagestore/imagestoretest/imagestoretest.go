// Package imagestoretest is the contract of imagestore.Store as a suite of tests. It runs on every
// host that stores images, with the catalog that describes the images.
package imagestoretest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Site is an empty pool with a catalog. Anything that a test leaves there is removed with the site.
type Site struct {
	Host host.Host
	Pool string
	// Documents are a tenant's catalog, with the images of the pool.
	Documents imagestore.Documents
	// Open opens the store as a process of that tenant does, with the fields that o sets. o.Host is
	// nil for the site's own.
	Open func(o imagestore.Options) *imagestore.Store
	// OpenOther opens the store of another pool of the host, which stands for one of another host. The
	// catalog is that of Documents.
	OpenOther func(o imagestore.Options) *imagestore.Store
	// Tenant is the tenant of the catalog.
	Tenant string
	// Dead names a process that has certainly ended; see leasetest.Dead.
	Dead string
}

// Run runs the suite; open creates a site for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Site) {
	for name, test := range map[string]func(*testing.T, *bench){
		"AnImageIsStoredOnce":                   storedOnce,
		"TheLastUserTakesItAway":                lastUser,
		"AnImageIsFoundByItsChecksum":           foundByChecksum,
		"ManyProcessesSendItOnce":               func(_ *testing.T, b *bench) { sentOnce(b, false) },
		"ManyProcessesSendWhatHasAChecksumOnce": func(_ *testing.T, b *bench) { sentOnce(b, true) },
		"AnImageThatWasJustClaimedIsNotSent":    claimedMeanwhile,
		"ImagesOfEarlierProvidersAreUsed":       earlier,
		"WhatFailedLeavesNothing":               failed,
		"AnImageIsReadBack":                     readBack,
		"ADamagedImageIsFound":                  damaged,
		"AnImageIsRestored":                     restored,
		"WhatStandsOnAnImageKeepsIt":            stoodOn,
		"WhatNothingUsesGoesAfterAWhile":        collected,
		"ADeadRegistrationIsClearedAway":        forsaken,
		"UsersAreNamed":                         users,
		"WhatIsStoredIsCounted":                 poolContents,
		"AnImageThatIsNotThereIsNotFound":       missing,
		"AnImageIsCopiedFromAnotherPool":        copied,
		"WhatIsNoImageIsNotCopied":              notCopied,
		"ACopyGoesWhenNothingUsesIt":            usedElsewhere,
	} {
		t.Run(name, func(t *testing.T) { test(t, &bench{Site: open(t), t: t}) })
	}
}

func storedOnce(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	first, sent := b.hold(st, "1.0.0", path)
	if sent == 0 || first.State != catalog.BaseReady || first.VirtualSize != 64<<10 || first.Format != "raw" {
		t.Errorf("held %+v for %d bytes", first, sent)
	}
	second, sent := b.hold(b.Open(imagestore.Options{}), "2.0.0", path)
	if second.Volume != first.Volume || second.Digest != first.Digest {
		t.Errorf("another process has stored it again: %+v beside %+v", second, first)
	}
	if volumes := b.volumes(); len(volumes) != 1 || volumes[0] != first.Volume {
		t.Errorf("the pool has %q for %d bytes more", volumes, sent)
	}
	base, err := st.Base(t.Context(), first.Digest)
	if want := []string{b.version("1.0.0").String(), b.version("2.0.0").String()}; err != nil ||
		!slices.Equal(base.Versions, want) {
		t.Errorf("its users are %q, %v, want %q", base.Versions, err, want)
	}
	volume, err := st.Volume(t.Context(), base)
	if err != nil || volume.Name != first.Volume || volume.Format != "raw" {
		t.Errorf("its volume is %+v, %v", volume, err)
	}
	v := b.registered("1.0.0", base.Digest)
	if where, err := st.Location(t.Context(), v); err != nil || where != volume.Path {
		t.Errorf("it is at %q, %v, want %q", where, err, volume.Path)
	}
	b.check(st.Holds(t.Context(), v.ID, base))
	if other, _ := b.hold(st, "3.0.0", b.image(64<<10)); other.Digest == first.Digest || len(b.volumes()) != 2 {
		t.Errorf("another image is %+v in %q", other, b.volumes())
	}
}

func lastUser(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", path)
	b.hold(st, "2.0.0", path)
	b.check(st.Release(t.Context(), base.Digest, b.version("1.0.0")))
	b.check(st.Release(t.Context(), base.Digest, b.version("1.0.0"))) // which has left already
	if left, err := st.Base(t.Context(), base.Digest); err != nil ||
		!slices.Equal(left.Versions, []string{b.version("2.0.0").String()}) {
		t.Errorf("with one user, it is %+v, %v", left, err)
	}
	b.check(st.ReleaseUnregistered(t.Context(), base.Digest, b.version("2.0.0"))) // it is registered with it
	if len(b.volumes()) != 1 {
		t.Errorf("the pool has %q", b.volumes())
	}
	b.check(st.Release(t.Context(), base.Digest, b.version("2.0.0")))
	b.isEmpty()
	b.check(st.Release(t.Context(), base.Digest, b.version("2.0.0")))
	if err := st.Holds(t.Context(), b.version("2.0.0"), base); err == nil {
		t.Error("an image that is gone is held")
	}
}

func failed(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	wrong := file.Source{Path: path, Checksum: "sha256:" + strings.Repeat("ab", 32)}
	if _, _, err := b.tryHold(t.Context(), st, "1.0.0", wrong); err == nil {
		t.Error("a wrong checksum was accepted")
	}
	b.isEmpty()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.tryHold(cancelled, st, "2.0.0", file.Source{Path: path}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	b.isEmpty()
	_, _, err := b.tryHold(t.Context(), st, "3.0.0", file.Source{Path: path + ".gone"})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a source that is gone: %v", err)
	}
	b.isEmpty()
}

func readBack(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", path)
	b.check(st.Verify(t.Context(), base))
	want, err := os.ReadFile(path)
	b.check(err)
	var got bytes.Buffer
	b.check(st.Read(t.Context(), base, &got))
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes were read that are not those of the source", got.Len())
	}
	chain, err := st.ChainOf(t.Context(), catalog.Version{Digest: base.Digest})
	if err != nil || len(chain) != 1 || chain[0].Digest != base.Digest {
		t.Errorf("it is made of %+v, %v", chain, err)
	}
	blocks, err := st.Blocks(t.Context(), base)
	if err != nil || blocks == nil {
		t.Errorf("the map of its blocks: %v", err)
	}
}

func damaged(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", b.image(64<<10))
	b.check(b.Host.WriteVolume(t.Context(), b.Pool, base.Volume, []byte("garbage")))
	err := st.Verify(t.Context(), base)
	if err == nil || !strings.Contains(err.Error(), base.Volume) ||
		!strings.Contains(err.Error(), b.version("1.0.0").String()) {
		t.Errorf("got %v, want the volume %s and its version", err, base.Volume)
	}
	if err := st.Read(t.Context(), base, io.Discard); err == nil {
		t.Error("a damaged image was read without an error")
	}
}

func restored(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", path)
	v := b.registered("1.0.0", base.Digest)
	b.check(st.Release(t.Context(), base.Digest, v.ID))
	b.isEmpty()
	stored := imagestore.Stored{Base: base, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	images := func(digest string) (imagestore.Stored, bool) { return stored, digest == base.Digest }
	b.check(st.Restore(t.Context(), v, naming.NewBaseStem(), images))
	again, err := st.Base(t.Context(), base.Digest)
	if err != nil || again.VirtualSize != base.VirtualSize || !slices.Equal(again.Versions, []string{v.ID.String()}) {
		t.Errorf("restored as %+v, %v", again, err)
	}
	b.check(st.Verify(t.Context(), again))
	b.check(st.Release(t.Context(), base.Digest, v.ID))
	nowhere := func(string) (imagestore.Stored, bool) { return imagestore.Stored{}, false }
	if err := st.Restore(t.Context(), v, naming.NewBaseStem(), nowhere); !errors.Is(err, imagestore.ErrNoImage) {
		t.Errorf("of nowhere: %v, want %v", err, imagestore.ErrNoImage)
	}
	other := b.image(64 << 10)
	stored.Open = func() (io.ReadCloser, error) { return os.Open(other) }
	if err := st.Restore(t.Context(), v, naming.NewBaseStem(), images); err == nil {
		t.Error("another image was restored in its place")
	}
	b.isEmpty()
}

// overlay creates a volume that stands on an image.
func (b *bench) overlay(st *imagestore.Store, base catalog.Base, name string) {
	b.t.Helper()
	volume, err := st.Volume(b.t.Context(), base)
	b.check(err)
	_, err = b.Host.CreateVolume(b.t.Context(), b.Pool, host.VolumeSpec{
		Name: name, Format: "qcow2", Capacity: uint64(base.VirtualSize),
		Backing: &host.Backing{Path: volume.Path, Format: base.Format},
	})
	b.check(err)
}

func stoodOn(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", b.image(64<<10))
	b.overlay(st, base, "mine.qcow2")
	b.check(st.Release(t.Context(), base.Digest, b.version("1.0.0")))
	left, err := st.Base(t.Context(), base.Digest)
	if err != nil || len(b.volumes()) != 1 {
		t.Fatalf("an image under a disk has gone: %+v, %v", left, err)
	}
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, "mine.qcow2"))
}

func collected(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", b.image(64<<10))
	used, _ := b.hold(st, "2.0.0", b.image(64<<10))
	b.overlay(st, base, "mine.qcow2")
	b.check(st.Release(t.Context(), base.Digest, b.version("1.0.0")))
	rec, err := b.Documents.Versions().Get(t.Context(), b.version("1.0.0").String())
	b.check(err)
	b.check(b.Documents.Versions().Delete(t.Context(), rec.Key, rec.Revision))
	impatient := b.Open(imagestore.Options{UnusedFor: -1})
	for range 2 {
		b.check(impatient.Collect(t.Context()))
	}
	if len(b.volumes()) != 2 {
		t.Errorf("with a disk on it, an image was collected: %q", b.volumes())
	}
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, "mine.qcow2"))
	b.check(st.Collect(t.Context()))
	if rec, err := b.Documents.Bases().Get(t.Context(), catalog.BaseKey(base.Digest)); err != nil ||
		rec.Value.UnusedSince == nil {
		t.Errorf("seen once without a use, it is %+v, %v", rec.Value, err)
	}
	b.check(st.Collect(t.Context())) // not unused for long enough
	if len(b.volumes()) != 2 {
		t.Errorf("it was collected at once: %q", b.volumes())
	}
	b.check(impatient.Collect(t.Context()))
	if volumes := b.volumes(); !slices.Equal(volumes, []string{used.Volume}) {
		t.Errorf("the pool has %q, want %q", volumes, used.Volume)
	}
}

func forsaken(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", path)
	id, stem := b.claim("2.0.0")
	_, err := b.Host.CreateVolume(t.Context(), b.Pool, host.VolumeSpec{
		Name: naming.Base(stem, 9, "raw"), Format: "raw", Capacity: 4096,
	})
	b.check(err)
	joined, err := st.Hold(t.Context(), imagestore.Request{
		Version: id, Source: file.Source{Path: path}, Stem: stem, Steps: step.NewTimer(),
	})
	b.check(err)
	if joined.Base.Volume != base.Volume {
		t.Errorf("held %+v, want %+v", joined, base)
	}
	for range 2 { // two processes may do so
		b.check(st.Forsake(t.Context(), id, stem))
	}
	left, err := st.Base(t.Context(), base.Digest)
	if err != nil || !slices.Equal(left.Versions, []string{b.version("1.0.0").String()}) ||
		!slices.Equal(b.volumes(), []string{base.Volume}) {
		t.Errorf("left: %+v, %v, in %q", left, err, b.volumes())
	}
}

func users(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", b.image(64<<10))
	v := b.registered("1.0.0", base.Digest)
	tell := func(overlooked string) { t.Errorf("overlooked: %s", overlooked) }
	in, err := st.Users(t.Context(), v, tell)
	b.check(err)
	if in.InUse() {
		t.Errorf("nothing uses it, and there is %v", in)
	}
	b.overlay(st, base, "mine.qcow2")
	in, err = st.Users(t.Context(), v, tell)
	b.check(err)
	if !slices.Equal(in.Users, []string{"volume mine.qcow2"}) || in.Others > 0 {
		t.Errorf("a disk uses it, and there is %v", in)
	}
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, "mine.qcow2"))
}

func poolContents(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	base, _ := b.hold(st, "1.0.0", b.image(64<<10))
	b.hold(st, "2.0.0", b.image(64<<10))
	used, err := st.PoolContents(t.Context())
	if err != nil || used.Images != 2 || used.Unused != 0 || len(used.Strays) > 0 || used.Capacity == 0 {
		t.Errorf("counted %+v, %v", used, err)
	}
	_, err = catalog.Change(t.Context(), b.Documents.Bases(), catalog.BaseKey(base.Digest),
		func(b *catalog.Base) error {
			b.Versions = nil
			return nil
		})
	b.check(err)
	if used, err = st.PoolContents(t.Context()); err != nil || used.Images != 2 || used.Unused != 1 {
		t.Errorf("with one that nothing uses, counted %+v, %v", used, err)
	}
}

func missing(t *testing.T, b *bench) {
	st, digest := b.Open(imagestore.Options{}), "sha256:"+strings.Repeat("ab", 32)
	if _, err := st.Base(t.Context(), digest); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("got %v, want %v", err, catalog.ErrNotFound)
	}
	if _, err := st.Location(t.Context(), catalog.Version{Digest: digest}); !errors.Is(err, imagestore.ErrNoImage) {
		t.Errorf("got %v, want %v", err, imagestore.ErrNoImage)
	}
	if had, err := st.HasSource(t.Context(), digest, file.Source{Path: "/nowhere"}); had || err != nil {
		t.Errorf("it was read from nowhere: %t, %v", had, err)
	}
	base, _ := b.hold(st, "1.0.0", b.image(64<<10))
	b.check(b.Host.DeleteVolume(t.Context(), b.Pool, base.Volume))
	_, err := st.Location(t.Context(), catalog.Version{Digest: base.Digest})
	if !errors.Is(err, imagestore.ErrNoImage) {
		t.Errorf("of a volume that is gone, got %v, want %v", err, imagestore.ErrNoImage)
	}
	if _, err := st.Volume(t.Context(), base); !errors.Is(err, host.ErrNoVolume) {
		t.Errorf("of a volume that is gone, got %v, want %v", err, host.ErrNoVolume)
	}
}
