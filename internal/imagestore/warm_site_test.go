package imagestore

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// snapshotSite is a pool in memory with an image, and a version that asks for a snapshot of it.
type snapshotSite struct {
	stored
	*fakehost.Host
	request warm.Request
}

const imageVolume, cloneVolume = "nova.base.x.raw", "nova.disk.shop.web.system.qcow2"

func newSnapshotSite(t *testing.T) *snapshotSite {
	t.Helper()
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "novacron", "/novacron"))
	s := &snapshotSite{stored: storeIn(h, "novacron", Options{}), Host: h}
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), "novacron", host.VolumeSpec{
		Name: imageVolume, Format: "raw", Capacity: 4096,
	}))
	id := web.Version("1.0.0")
	s.base(t, catalog.Base{
		Digest: digestA, State: catalog.BaseReady, Volume: imageVolume, Format: "raw", VirtualSize: 4096,
		Versions: []string{id.String()},
	})
	s.version(t, catalog.Version{ID: id, Digest: digestA, Warm: &catalog.Warm{}})
	s.request = warm.Request{
		Version: id, Digest: digestA, Shape: catalog.Shape{Host: "h"}, Engine: catalog.Engine{Hypervisor: "7.2"},
	}
	return s
}

// make makes a snapshot as another process would.
func (s *snapshotSite) make(ctx context.Context, r warm.Request) (catalog.Snapshot, error) {
	return storeIn(s.Host, "novacron", Options{}).Warm().Make(ctx, r, s.boot)
}

// boot is a warm.Maker. If it fails, it leaves everything in place.
func (s *snapshotSite) boot(ctx context.Context, made catalog.Snapshot) (catalog.Snapshot, error) {
	disk, err := s.overlay(ctx, naming.WarmDisk(made.Stem), "/novacron/"+imageVolume)
	if err != nil {
		return made, err
	}
	domain, err := s.DefineDomain(ctx, host.DomainSpec{
		Name: made.Stem, Type: "qemu", Disks: []host.DiskSpec{{Name: "system", Path: disk.Path, Format: "qcow2"}},
	})
	if err != nil {
		return made, err
	}
	spec := host.VolumeSpec{Name: naming.WarmMemory(made.Stem), Format: "raw", Capacity: 4096}
	if _, err := s.CreateVolume(ctx, "novacron", spec); err != nil {
		return made, err
	}
	made.Engine = s.request.Engine
	return made, s.UndefineDomain(ctx, domain.UUID)
}

func (s *snapshotSite) overlay(ctx context.Context, name, on string) (host.Volume, error) {
	format := "raw"
	if on != "/novacron/"+imageVolume {
		format = "qcow2"
	}
	return s.CreateVolume(ctx, "novacron", host.VolumeSpec{
		Name: name, Format: "qcow2", Capacity: 4096, Backing: &host.Backing{Path: on, Format: format},
	})
}

// parts are the volumes and domains of snapshots.
func (s *snapshotSite) parts(t *testing.T) []string {
	t.Helper()
	names := must.Get[[]string](t)(s.VolumeNames(t.Context(), "novacron"))
	domains, _, err := s.AllDomains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range domains {
		names = append(names, d.Name)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !naming.IsWarm(name) })
	slices.Sort(names)
	return names
}

// document is the document of the snapshot, and whether there is one.
func (s *snapshotSite) document(t *testing.T) (catalog.Snapshot, bool) {
	t.Helper()
	rec, err := s.documents.Snapshots().Get(t.Context(), s.request.Key())
	if catalog.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return rec.Value, err == nil
}

// expect checks the parts of the snapshots, and that the image lists their disks.
func (s *snapshotSite) expect(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := s.parts(t); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	base := must.Get[catalog.Record[catalog.Base]](t)(s.documents.Bases().Get(t.Context(), catalog.BaseKey(digestA)))
	disks := slices.DeleteFunc(slices.Clone(want), func(name string) bool { return !naming.IsWarmDisk(name) })
	if listed := slices.Sorted(slices.Values(base.Value.Children)); !slices.Equal(listed, disks) {
		t.Errorf("the image lists %q, want %q", listed, disks)
	}
}

// ready expects a snapshot, and disks of earlier ones.
func (s *snapshotSite) ready(t *testing.T, made catalog.Snapshot, err error, disks ...string) {
	t.Helper()
	if found, _ := s.document(t); err != nil || found.State != catalog.SnapshotReady || found.Stem != made.Stem {
		t.Errorf("made %+v, %v; its document is %+v", made, err, found)
	}
	s.expect(t, append(disks, naming.WarmDisk(made.Stem), naming.WarmMemory(made.Stem))...)
}

// clean removes everything as later processes would, and expects that nothing is left.
func (s *snapshotSite) clean(t *testing.T) {
	t.Helper()
	if err := s.DeleteVolume(t.Context(), "novacron", cloneVolume); err != nil && !errors.Is(err, host.ErrNoVolume) {
		t.Fatal(err)
	}
	later := storeIn(s.Host, "novacron", Options{})
	if err := later.Warm().Release(t.Context(), s.request.Version); err != nil {
		t.Error(err)
	}
	if err := later.Warm().Collect(t.Context()); err != nil {
		t.Error(err)
	}
	if found, there := s.document(t); there {
		t.Errorf("left is %+v", found)
	}
	s.expect(t)
}
