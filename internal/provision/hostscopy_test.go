package provision

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

func TestAnImageIsCopiedToTheHostThatNeedsIt(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, steps := s.create(on, on.request("linked_clone"))
		if want := "replicate"; len(steps) == 0 || steps[0] != want {
			t.Errorf("its steps are %q, want %q first", steps, want)
		}
		copied, _ := s.document("kvm2", "1.0.0")
		origin, _ := s.document("kvm1", "1.0.0")
		as := s.id() + ":" + siteTemplate.Version("1.0.0").String()
		if copied.Copy == nil || copied.State != catalog.BaseReady || !slices.Equal(copied.Versions, []string{as}) {
			t.Errorf("the copy is %+v, want it to list %q", copied, as)
		}
		if origin.Copy != nil || len(s.stored("kvm2")) != 1 || len(s.stored("kvm3")) != 0 {
			t.Errorf("the origin is %+v; there are %q and %q", origin, s.stored("kvm2"), s.stored("kvm3"))
		}
		if !s.database && i.Facts.Catalog != s.id() || s.database && i.Facts.Catalog != "" {
			t.Errorf("the instance is of the catalog %q", i.Facts.Catalog)
		}
		next := on.request("clone")
		next.Name = "second"
		second, steps := s.create(s.process()["kvm2"], next)
		if slices.Contains(steps, "replicate") || len(s.stored("kvm2")) != 1 {
			t.Errorf("with the image there, the steps are %q; there are %q", steps, s.stored("kvm2"))
		}
		if err := on.p.Delete(t.Context(), 0, second.UUID, naming.DefaultTenant, "second", hostid.ID{}); err != nil {
			t.Error(err)
		}

		s.remove("1.0.0", "default/web on kvm2")
		counts := must.Get[map[string]int](t)(on.lib.InstanceCounts(t.Context(), siteTemplate))
		if counts["1.0.0"] != 1 {
			t.Errorf("there are %v instances", counts)
		}
		unsure := must.Get[[]string](t)(on.lib.ExpectRemoval(t.Context(), siteTemplate.Version("1.0.0")))
		if !slices.Equal(unsure, []string{"default/web on kvm2"}) {
			t.Errorf("a plan is unsure of %q", unsure)
		}
		err := on.lib.CheckState(t.Context(), siteTemplate, "1.0.0", catalog.Active, catalog.Draft)
		if err == nil || !strings.Contains(err.Error(), "default/web on kvm2") {
			t.Errorf("a version that has an instance became a draft: %v", err)
		}
		on.remove(t, i.UUID)
		for _, silent := range []string{"kvm2", "kvm3"} {
			s.machines[silent].Inject = func(fakehost.Call) fakehost.Fault {
				return fakehost.Fault{Before: host.ErrUnreachable}
			}
			s.remove("1.0.0", "anything on "+silent, host.ErrUnreachable.Error())
			s.machines[silent].Inject = nil
			if _, there := s.document("kvm1", "1.0.0"); !there || len(s.stored("kvm2")) != 1 {
				t.Errorf("while %s was silent, images have gone: %q", silent, s.stored("kvm2"))
			}
		}
		s.remove("1.0.0")
		if left := s.stored("kvm2"); len(left) > 0 || len(s.stored("kvm1")) != 1 {
			t.Errorf("left are %q, and %q at home", left, s.stored("kvm1"))
		}
	})
}

func TestInstancesShareACopy(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		opened := 0
		s.machines["kvm1"].Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "OpenVolume" {
				opened++
			}
			return fakehost.Fault{}
		}
		var group sync.WaitGroup
		for _, names := range [][]string{{"a", "b", "c"}, {"d"}, {"e"}, {"f"}} {
			on := s.process()["kvm2"] // a process for each
			for _, name := range names {
				r := on.request("linked_clone")
				r.Name, r.Storage = name, nil
				group.Go(func() {
					if _, _, err := on.p.Create(t.Context(), r, func(kind.Instance, Record) {}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		group.Wait()
		if stored := s.stored("kvm2"); opened != 1 || len(stored) != 1 || len(s.machines["kvm2"].UUIDs()) != 6 {
			t.Errorf("the image was read %d times; there are %q, and %d instances", opened, stored,
				len(s.machines["kvm2"].UUIDs()))
		}
	})
}

// cutAt is a host whose images can be read only up to a place.
type cutAt struct {
	host.Host
	at int64
}

func (c cutAt) OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error) {
	r, err := c.Host.OpenVolume(ctx, pool, name)
	if err != nil {
		return nil, err
	}
	cut := io.MultiReader(io.LimitReader(r, c.at), brokenReader{})
	return struct {
		io.Reader
		io.Closer
	}{cut, r}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, host.ErrUnreachable }

func TestAnotherHostIsReadIfTheFirstFails(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		s.wrap["kvm1"] = func(h host.Host) host.Host { return cutAt{h, 30 << 10} }
		on := s.process()["kvm2"]
		_, _, err := on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "from kvm1") {
			t.Errorf("with a source that is cut off: %v", err)
		}
		on.empty(t)
		if _, there := s.document("kvm2", "1.0.0"); there || len(s.stored("kvm2")) > 0 {
			t.Errorf("it has left %q", s.stored("kvm2"))
		}

		delete(s.wrap, "kvm1")
		third := s.process()["kvm3"]
		s.create(third, third.request("clone"))
		s.wrap["kvm1"] = func(h host.Host) host.Host { return cutAt{h, 30 << 10} }
		on = s.process()["kvm2"]
		i, _ := s.create(on, on.request("clone"))
		on.remove(t, i.UUID)
		if copied, _ := s.document("kvm2", "1.0.0"); copied.State != catalog.BaseReady {
			t.Errorf("copied from another host, it is %+v", copied)
		}
	})
}

// full is a host whose pools have no room.
type full struct{ host.Host }

func (f full) Pool(ctx context.Context, name string) (host.Pool, error) {
	p, err := f.Host.Pool(ctx, name)
	p.Available = 1 << 10
	return p, err
}

func TestACopyNeedsRoom(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		s.wrap["kvm2"] = func(h host.Host) host.Host { return full{h} }
		on := s.process()["kvm2"]
		_, _, err := on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if err == nil || !strings.Contains(err.Error(), "to kvm2") || !strings.Contains(err.Error(), "make room") {
			t.Errorf("without room: %v", err)
		}
		on.empty(t)
		if _, there := s.document("kvm2", "1.0.0"); there || len(s.stored("kvm2")) > 0 {
			t.Errorf("it has left %q", s.stored("kvm2"))
		}
	})
}

func TestAnImageThatNoHostHasIsNotFound(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		v := must.Get[catalog.Version](t)(s.process()["kvm2"].lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		if err := s.process()["kvm2"].lib.CheckImage(t.Context(), v); err != nil {
			t.Errorf("a plan for a host that lacks the image: %v", err)
		}
		bases := poolstore.New(s.machines["kvm1"], sitePool).Bases()
		rec := must.Get[catalog.Record[catalog.Base]](t)(bases.Get(t.Context(), catalog.BaseKey(v.Digest)))
		if err := bases.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
			t.Fatal(err)
		}
		on := s.process()["kvm2"]
		_, _, err := on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if _, is := errors.AsType[finding.List](err); !is || !strings.Contains(err.Error(), "kvm1, kvm2, kvm3") {
			t.Errorf("without an image: %v", err)
		}
		if err := on.lib.CheckImage(t.Context(), v); err == nil {
			t.Error("a plan does not say that the image is nowhere")
		}
		s.machines["kvm3"].Inject = func(fakehost.Call) fakehost.Fault {
			return fakehost.Fault{Before: host.ErrUnreachable}
		}
		_, _, err = on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if _, is := errors.AsType[finding.List](err); is || !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("while a host that may have it is silent: %v", err)
		}
	})
}

// chained registers version 3.0.0, whose image stands on that of 2.0.0.
func (s *hostsSite) chained() catalog.Version {
	s.Helper()
	return must.Get[catalog.Version](s.T)(s.process()["kvm1"].lib.RegisterVersion(s.Context(), library.VersionRequest{
		ID: siteTemplate.Version("3.0.0"), Parent: "2.0.0", Source: file.Source{Path: s.images["3.0.0"]},
	}))
}

func TestAnImageIsCopiedWithWhatItStandsOn(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		v := s.chained()
		on := s.process()["kvm2"]
		r := on.request("linked_clone")
		r.Version, r.Storage = v.ID.Version, nil
		i, _ := s.create(on, r)
		top, _ := s.document("kvm2", "3.0.0")
		below, _ := s.document("kvm2", "2.0.0")
		if top.Parent != below.Digest || top.Copy == nil || below.Copy == nil || len(below.Versions) != 0 ||
			!slices.Equal(below.Children, []string{top.Volume}) || len(s.stored("kvm2")) != 2 {
			t.Errorf("copied are %+v on %+v; there are %q", top, below, s.stored("kvm2"))
		}
		base := must.Get[catalog.Base](t)(on.lib.Images.Base(t.Context(), v.Digest))
		if err := on.lib.Images.Verify(t.Context(), base); err != nil {
			t.Errorf("the copy is not the image: %v", err)
		}
		if _, err := on.Volume(t.Context(), sitePool, naming.BlockMap(top.Volume)); err != nil {
			t.Errorf("the map of its blocks: %v", err)
		}
		r.Name, r.Version = "below", "2.0.0" // of which the pool has the image already
		second, _ := s.create(on, r)
		if len(s.stored("kvm2")) != 2 {
			t.Errorf("there are %q", s.stored("kvm2"))
		}
		for _, i := range []kind.Instance{i, second} {
			if err := on.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, i.Facts.Name, hostid.ID{}); err != nil {
				t.Error(err)
			}
		}
		s.remove("3.0.0")
		if left, _ := s.document("kvm2", "2.0.0"); len(left.Versions) != 1 || len(left.Children) != 0 {
			t.Errorf("what it stood on is %+v", left)
		}
		s.remove("2.0.0")
		if left := s.stored("kvm2"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	})
}

// What the home has lost comes back from a copy, and is none then.
func TestTheHomeGetsAnImageBack(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, _ := s.create(on, on.request("clone"))
		on.remove(t, i.UUID)
		lost, _ := s.document("kvm1", "1.0.0")
		if err := s.machines["kvm1"].DeleteVolume(t.Context(), sitePool, lost.Volume); err != nil {
			t.Fatal(err)
		}
		home := s.process()["kvm1"]
		i, steps := s.create(home, home.request("linked_clone"))
		home.remove(t, i.UUID)
		back, _ := s.document("kvm1", "1.0.0")
		if steps[0] != "replicate" || back.Copy != nil || back.State != catalog.BaseReady ||
			back.Volume == lost.Volume {
			t.Errorf("by the steps %q, the home has %+v", steps, back)
		}
	})
}
