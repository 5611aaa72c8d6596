package provision

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent/agenttest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// collected has another process collect what is unused on kvm2.
func (s *hostsSite) collected() {
	s.Helper()
	p := s.process()
	on := p["kvm2"].lib.Images
	if err := errors.Join(on.Collect(s.Context()), on.CollectCopies(s.Context(), p["kvm1"].lib.Images)); err != nil {
		s.Error(err)
	}
}

func TestAnUnusedCopyGoes(t *testing.T) {
	const month = 30 * 24 * time.Hour
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, _ := s.create(on, on.request("linked_clone"))
		time.Sleep(month + time.Hour)
		s.collected()
		if len(s.stored("kvm2")) != 1 {
			t.Error("a copy has gone with an instance on it")
		}
		before, _ := s.document("kvm2", "1.0.0")
		on.remove(t, i.UUID)

		again := on.request("clone")
		calls := func() int { return s.machines["kvm2"].Calls() }
		i, _ = s.create(s.process()["kvm2"], again)
		after, _ := s.document("kvm2", "1.0.0")
		if !after.Copy.UsedAt.After(before.Copy.UsedAt.Add(month)) {
			t.Errorf("used again, the copy says %v, before %v", after.Copy, before.Copy)
		}
		on.remove(t, i.UUID)
		time.Sleep(time.Hour)
		names := func() []string { return must.Get[[]string](t)(s.machines["kvm2"].VolumeNames(t.Context(), sitePool)) }
		documents, first := names(), calls()
		i, _ = s.create(s.process()["kvm2"], again)
		on.remove(t, i.UUID)
		if now := names(); !slices.Equal(now, documents) {
			t.Errorf("an hour later, a use was noted: %q, before %q, by %d requests", now, documents, calls()-first)
		}

		time.Sleep(month - 2*time.Hour)
		s.collected()
		if len(s.stored("kvm2")) != 1 {
			t.Error("a copy has gone before its time")
		}
		time.Sleep(2 * time.Hour)
		origin, _ := s.document("kvm1", "1.0.0")
		bases := poolstore.New(s.machines["kvm1"], sitePool).Bases()
		rec := must.Get[catalog.Record[catalog.Base]](t)(bases.Get(t.Context(), catalog.BaseKey(origin.Digest)))
		lost := rec.Value
		lost.State = catalog.BaseDeleting
		rec = must.Get[catalog.Record[catalog.Base]](t)(bases.Replace(t.Context(), rec.Key, rec.Revision, lost))
		s.collected()
		if len(s.stored("kvm2")) != 1 {
			t.Error("the last copy of an image has gone")
		}
		must.Get[catalog.Record[catalog.Base]](t)(bases.Replace(t.Context(), rec.Key, rec.Revision, origin))
		s.collected()
		if _, there := s.document("kvm2", "1.0.0"); there || len(s.stored("kvm2")) > 0 {
			t.Errorf("unused for a month, it is still there: %q", s.stored("kvm2"))
		}
		if len(s.stored("kvm1")) != 2 {
			t.Errorf("at home are %q", s.stored("kvm1"))
		}
	})
}

// A copy that could not be told that its version has gone is found by the collector.
func TestACopyOfARemovedVersionGoes(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, _ := s.create(on, on.request("clone"))
		on.remove(t, i.UUID)
		v := must.Get[catalog.Version](t)(on.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		left, _ := s.document("kvm2", "1.0.0")
		s.remove("1.0.0")
		must.Get[host.Volume](t)(s.machines["kvm2"].CreateVolume(t.Context(), sitePool, host.VolumeSpec{
			Name: left.Volume, Format: "raw", Capacity: uint64(left.StoredSize),
		}))
		bases := poolstore.New(s.machines["kvm2"], sitePool).Bases()
		must.Get[catalog.Record[catalog.Base]](t)(bases.Create(t.Context(), catalog.BaseKey(v.Digest), left))
		s.collected()
		time.Sleep(2 * time.Hour)
		s.remove("2.0.0") // which looks at all hosts
		if left := s.stored("kvm2"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	})
}

// A version that is removed while its image is copied takes the copy with it.
func TestAVersionIsRemovedWhileItsImageIsCopied(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		v := must.Get[catalog.Version](t)(on.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		s.wrap["kvm1"] = func(h host.Host) host.Host {
			return removing{h, func() { delete(s.wrap, "kvm1"); s.remove("1.0.0") }}
		}
		on = s.process()["kvm2"]
		if err := on.lib.Replicate(t.Context(), v); err == nil {
			t.Error("the image of a version that is gone was copied")
		}
		if left := s.stored("kvm2"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	})
}

// removing is a host that does something once an image was opened.
type removing struct {
	host.Host
	do func()
}

func (r removing) OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error) {
	opened, err := r.Host.OpenVolume(ctx, pool, name)
	r.do()
	return opened, err
}

// The pool of another host may have a catalog of its own, with a template of the same name.
func TestCatalogsThatShareAPoolAreNotConfused(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		own := &testSite{Host: s.machines["kvm2"]}
		own.lib = own.process()
		own.p = own.provisioner(own.lib)
		must.Get[catalog.Template](t)(
			own.lib.CreateTemplate(t.Context(), catalog.Template{ID: siteTemplate, Type: catalog.TypeVM}))
		must.Get[catalog.Version](t)(own.lib.RegisterVersion(t.Context(), library.VersionRequest{
			ID: siteTemplate.Version("1.0.0"), Source: file.Source{Path: s.images["2.0.0"]},
		}))
		r := own.request("linked_clone")
		r.Name, r.Storage = "its-own", nil
		theirs := own.made(t, r)

		on := s.process()["kvm2"]
		r.Name = "ours"
		ours, _ := s.create(on, r)
		if !s.database { // which cannot tell the instances apart, as ever
			s.remove("1.0.0", "default/ours on kvm2")
			err := s.process()["kvm1"].lib.RemoveVersion(t.Context(), siteTemplate.Version("1.0.0"))
			if err == nil || strings.Contains(err.Error(), "its-own") {
				t.Errorf("the instance of another catalog is in the way: %v", err)
			}
			err = own.lib.RemoveVersion(t.Context(), siteTemplate.Version("1.0.0"))
			if err == nil || !strings.Contains(err.Error(), "default/its-own") ||
				strings.Contains(err.Error(), "ours") {
				t.Errorf("removing the version of the pool's own catalog: %v", err)
			}
		}
		r.Name, r.Version = "joined", "2.0.0" // whose image the pool has
		joined, _ := s.create(on, r)
		shared, _ := s.document("kvm2", "2.0.0")
		want := []string{siteTemplate.Version("1.0.0").String(), s.id() + ":" + siteTemplate.Version("2.0.0").String()}
		if !slices.Equal(shared.Versions, want) || shared.Copy != nil || len(s.stored("kvm2")) != 2 {
			t.Errorf("both catalogs share %+v, want %q; there are %q", shared, want, s.stored("kvm2"))
		}
		for _, i := range []kind.Instance{theirs, ours, joined} {
			if err := on.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, i.Facts.Name, hostid.ID{}); err != nil {
				t.Error(err)
			}
		}
		s.remove("1.0.0")
		s.remove("2.0.0")
		if left := s.stored("kvm2"); !slices.Equal(left, []string{shared.Volume}) {
			t.Errorf("the pool has %q, want what its own catalog has, %q", left, shared.Volume)
		}
		err := own.lib.RemoveVersion(t.Context(), siteTemplate.Version("1.0.0"))
		if err != nil || len(s.stored("kvm2")) > 0 {
			t.Errorf("left are %q, %v", s.stored("kvm2"), err)
		}
	})
}

// A host makes its own warm snapshot when its first instance wants one.
func TestEachHostHasWarmSnapshotsOfItsOwn(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		agent := &agenttest.Agent{Run: func(string, string) (string, int) { return sealedFacts, 0 }}
		s.machines["kvm2"].Agent = agent.Command
		on := s.process()["kvm2"]
		v := on.warm(t, &catalog.Warm{})
		i, steps := s.create(on, on.request("instantiate"))
		if !slices.Contains(steps, "resume") || steps[0] != "replicate" {
			t.Errorf("its steps are %q", steps)
		}
		s.remove("1.0.0", "default/web on kvm2")
		on.remove(t, i.UUID)
		if parts := on.warmParts(t); len(parts) != 2 {
			t.Errorf("there are %q", parts)
		}
		time.Sleep(31 * 24 * time.Hour)
		s.collected() // the snapshot goes…
		s.collected() // …and then the image
		if parts := on.warmParts(t); len(parts) > 0 || len(s.stored("kvm2")) > 0 {
			t.Errorf("unused for a month, there are %q and %q", parts, s.stored("kvm2"))
		}
		if made, err := s.process()["kvm2"].p.Warm(t.Context(), v); err != nil || made.State != catalog.SnapshotReady {
			t.Errorf("made again: %+v, %v", made, err)
		}
		s.remove("1.0.0")
		if parts := on.warmParts(t); len(parts) > 0 || len(s.stored("kvm2")) > 0 {
			t.Errorf("without its version, there are %q and %q", parts, s.stored("kvm2"))
		}
	})
}

// With one host, nothing is asked that was not asked before there could be several.
func TestOneHostIsAskedNothingNew(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		i := s.made(t, s.request("linked_clone"))
		names := must.Get[[]string](t)(s.VolumeNames(t.Context(), sitePool))
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "nova.catalog.") }) ||
			i.Facts.Catalog != "" {
			t.Errorf("a catalog on one host has an id: %q, and %q", names, i.Facts.Catalog)
		}
		s.remove(t, i.UUID)
	})
}
