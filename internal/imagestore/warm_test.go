package imagestore

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// An instance's disk may stand on the disk of a warm snapshot of its own image, and that on the
// image.
func TestADiskMayStandOnASnapshotOfItsImage(t *testing.T) {
	s := newSnapshotSite(t)
	made := must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
	other := catalog.Snapshot{State: catalog.SnapshotRemoving, Digest: digestB, Retired: []string{naming.NewWarmStem()}}
	must.Get[catalog.Record[catalog.Snapshot]](t)(s.documents.Snapshots().Create(t.Context(), "other", other))
	l := lineage{
		s.pool, chainReader{s.Base}, s.snapshotsOf,
		metadata.Facts{Tenant: "shop", Library: "novacron", Digest: digestA},
	}
	volume := func(pool, name string) host.Volume { return host.Volume{Pool: pool, Name: name} }
	disk := naming.WarmDisk(made.Stem)
	for name, c := range map[string]struct {
		below host.Volume
		may   bool
	}{
		"its image":                   {volume("novacron", imageVolume), true},
		"a snapshot's disk":           {volume("novacron", disk), true},
		"a snapshot's memory":         {volume("novacron", naming.WarmMemory(made.Stem)), false},
		"one of that name elsewhere":  {volume("attic", disk), false},
		"a snapshot of another image": {volume("novacron", naming.WarmDisk(other.Retired[0])), false},
		"what no document leads to":   {volume("novacron", naming.WarmDisk(naming.NewWarmStem())), false},
	} {
		if err := l.mayStandOn(t.Context(), volume("novacron", cloneVolume), c.below); (err == nil) != c.may {
			t.Errorf("a disk on %s: %v", name, err)
		}
	}
	// As long as clones stand on it, it is theirs.
	must.Get[host.Volume](t)(s.overlay(t.Context(), cloneVolume, "/novacron/"+disk))
	if err := s.Warm().Release(t.Context(), s.request.Version); err != nil {
		t.Fatal(err)
	}
	if err := l.mayStandOn(t.Context(), volume("novacron", cloneVolume), volume("novacron", disk)); err != nil {
		t.Errorf("a disk on an earlier snapshot: %v", err)
	}
}

// What an instance's disk stands on is not seen in a pool that is not active. So the disk of a
// snapshot stays while there are such instances of its image.
func TestAnInstanceThatCannotBeLookedIntoKeepsADisk(t *testing.T) {
	for digest, stays := range map[string]bool{digestA: true, digestB: false} {
		s := newSnapshotSite(t)
		ctx := t.Context()
		made := must.Get[catalog.Snapshot](t)(s.make(ctx, s.request))
		must.Get[host.Pool](t)(s.CreateDirPool(ctx, "attic", "/attic"))
		facts := metadata.Facts{
			Tenant: "shop", Name: "web", Library: "novacron", Digest: digest, Strategy: "instantiate",
		}
		must.Get[host.Domain](t)(s.DefineDomain(ctx, host.DomainSpec{
			Name: "shop.web", Type: "qemu", Metadata: must.Get[string](t)(facts.Marshal()),
			Disks: []host.DiskSpec{{Name: "system", Path: "/attic/" + cloneVolume, Format: "qcow2"}},
		}))
		s.StopPool("attic")
		if err := s.Warm().Release(ctx, s.request.Version); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(s.parts(t), naming.WarmDisk(made.Stem)); got != stays {
			t.Errorf("under an instance of %s, the disk stays: %t, want %t", digest, got, stays)
		}
		must.Get[host.Pool](t)(s.CreateDirPool(ctx, "attic", "/attic")) // which starts it
		if err := s.Warm().Collect(ctx); err != nil {
			t.Error(err)
		}
		s.expect(t)
	}
}

// Disks that stand on a snapshot's may be in any pool.
func TestADiskInAnotherPoolKeepsASnapshotsDisk(t *testing.T) {
	s := newSnapshotSite(t)
	ctx := t.Context()
	made := must.Get[catalog.Snapshot](t)(s.make(ctx, s.request))
	disk := naming.WarmDisk(made.Stem)
	must.Get[host.Pool](t)(s.CreateDirPool(ctx, "attic", "/attic"))
	must.Get[host.Volume](t)(s.CreateVolume(ctx, "attic", host.VolumeSpec{
		Name: cloneVolume, Format: "qcow2", Capacity: 4096,
		Backing: &host.Backing{Path: "/novacron/" + disk, Format: "qcow2"},
	}))
	if err := s.Warm().Release(ctx, s.request.Version); err != nil {
		t.Fatal(err)
	}
	s.expect(t, disk)
	if err := s.DeleteVolume(ctx, "attic", cloneVolume); err != nil {
		t.Fatal(err)
	}
	if err := s.Warm().Collect(ctx); err != nil {
		t.Error(err)
	}
	s.expect(t)
}

// A version's own snapshot does not keep the version, and what others made of it does.
func TestUsersOfASnapshotAreUsersOfItsImage(t *testing.T) {
	s := newSnapshotSite(t)
	ctx := t.Context()
	version := must.Get[catalog.Record[catalog.Version]](t)(s.documents.Versions().Get(ctx, s.request.Version.String()))
	users := func() *InUseError {
		t.Helper()
		return must.Get[*InUseError](t)(s.Users(ctx, version.Value, func(overlooked string) { t.Error(overlooked) }))
	}
	made := must.Get[catalog.Snapshot](t)(s.make(ctx, s.request))
	if in := users(); in.InUse() {
		t.Errorf("with a snapshot: %v", in)
	}
	stray := naming.WarmDisk(naming.NewWarmStem()) // which no document leads to
	must.Get[host.Volume](t)(s.overlay(ctx, stray, "/novacron/"+imageVolume))
	if in := users(); !slices.Equal(in.Users, []string{"volume " + stray}) {
		t.Errorf("with a stray: %+v", in)
	}
	if err := s.DeleteVolume(ctx, "novacron", stray); err != nil {
		t.Fatal(err)
	}
	disk := "/novacron/" + naming.WarmDisk(made.Stem)
	must.Get[host.Volume](t)(s.overlay(ctx, "mine.qcow2", disk))
	must.Get[host.Volume](t)(s.overlay(ctx, "nova.disk.bank.vault.system.qcow2", disk))
	if in := users(); !slices.Equal(in.Users, []string{"volume mine.qcow2"}) || in.Others != 1 || len(in.Built) > 0 {
		t.Errorf("with disks on a snapshot: %+v", in)
	}
	other := made // another version that keeps the image
	if _, err := catalog.Change(ctx, s.documents.Bases(), catalog.BaseKey(other.Digest), func(b *catalog.Base) error {
		b.Versions = append(b.Versions, web.Version("2.0.0").String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if in := users(); in.InUse() {
		t.Errorf("with another version of the image: %v", in)
	}
}

// Another host that has the pool may have marked a snapshot since this one has looked at the pool.
func TestACloneLooksAtThePoolAgain(t *testing.T) {
	s := newSnapshotSite(t)
	made := must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
	read := must.Get[catalog.Snapshot](t)(s.Warm().Snapshot(t.Context(), s.request.Key())) // which has looked, too
	looked := 0
	s.Inject = func(c fakehost.Call) fakehost.Fault {
		if c.Method == "RefreshPool" {
			looked++
		}
		return fakehost.Fault{}
	}
	if err := s.Warm().Stands(t.Context(), s.request.Key(), read); err != nil || looked == 0 || read.Stem != made.Stem {
		t.Errorf("after %d looks at the pool: %+v, %v", looked, read, err)
	}
}

type (
	snapshots = catalog.Collection[catalog.Snapshot]
	versions  = catalog.Collection[catalog.Version]
)

// altered is a catalog that a test alters.
type altered struct {
	*poolstore.Store
	snapshots func(snapshots) snapshots
	versions  func(versions) versions
}

func (a altered) Snapshots() snapshots {
	if a.snapshots == nil {
		return a.Store.Snapshots()
	}
	return a.snapshots(a.Store.Snapshots())
}

func (a altered) Versions() versions {
	if a.versions == nil {
		return a.Store.Versions()
	}
	return a.versions(a.Store.Versions())
}

// with opens the pool with another catalog.
func (s *snapshotSite) with(a altered) *warm.Store {
	a.Store = s.documents
	return New(Options{Host: s.Host, Pool: "novacron", Documents: a, Tenant: "shop", UnusedFor: -1}).Warm()
}

// forgetful loses the answers by which a snapshot becomes ready.
type forgetful struct{ snapshots }

func (f forgetful) Replace(
	ctx context.Context, key string, at catalog.Revision, s catalog.Snapshot,
) (catalog.Record[catalog.Snapshot], error) {
	rec, err := f.snapshots.Replace(ctx, key, at, s)
	if err == nil && s.State == catalog.SnapshotReady {
		return catalog.Record[catalog.Snapshot]{}, host.ErrNoAnswer
	}
	return rec, err
}

// If the answer is lost by which a snapshot has become ready, instances may stand on it by now.
func TestASnapshotThatIsReadyIsKept(t *testing.T) {
	s := newSnapshotSite(t)
	lossy := s.with(altered{snapshots: func(c snapshots) snapshots { return forgetful{c} }})
	made, err := lossy.Make(t.Context(), s.request, s.boot)
	s.ready(t, made, err)
}

// outdated lists nothing, as a listing does that is older than what another host has written.
type outdated struct{ versions }

func (outdated) List(context.Context, string) ([]catalog.Record[catalog.Version], error) {
	return nil, nil
}

// A listing does not prove that a version is gone.
func TestASnapshotIsCollectedOnlyIfItIsCertainlyUnused(t *testing.T) {
	s := newSnapshotSite(t)
	made := must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
	late := s.with(altered{versions: func(c versions) versions { return outdated{c} }})
	for range 2 {
		if err := late.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.ready(t, made, nil)
}

// An image on which a snapshot comes to stand is in use again.
func TestASnapshotUsesItsImage(t *testing.T) {
	s := newSnapshotSite(t)
	change := func(edit func(*catalog.Base)) catalog.Base {
		t.Helper()
		return must.Get[catalog.Record[catalog.Base]](t)(catalog.Change(t.Context(), s.documents.Bases(),
			catalog.BaseKey(digestA), func(b *catalog.Base) error { edit(b); return nil })).Value
	}
	change(func(b *catalog.Base) { b.UnusedSince = new(time.Time) })
	must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
	if base := change(func(*catalog.Base) {}); base.UnusedSince != nil {
		t.Errorf("under a snapshot, the image is %+v", base)
	}
}

// A part of a snapshot that no document leads to is named, and left alone.
func TestPartsThatNoDocumentLeadsToAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time is simulated
		s := newSnapshotSite(t)
		must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
		stray := naming.WarmMemory(naming.NewWarmStem())
		must.Get[host.Volume](t)(s.CreateVolume(t.Context(), "novacron", host.VolumeSpec{Name: stray, Format: "raw"}))
		time.Sleep(2 * unusedFor)
		found := must.Get[PoolContents](t)(s.PoolContents(t.Context()))
		if !slices.Equal(found.Strays, []string{stray}) || found.Images != 1 {
			t.Errorf("the pool has %+v, want the stray %s", found, stray)
		}
		if err := s.Collect(t.Context()); err != nil || !slices.Contains(s.parts(t), stray) {
			t.Errorf("after a look at the pool, there are %q, %v", s.parts(t), err)
		}
	})
}
