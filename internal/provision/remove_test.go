package provision

import (
	"errors"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// An instance that its host does not have may be on another host: it is left there, and nothing is
// removed here.
func TestAnInstanceOfAnotherHostIsNotRemovedHere(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		i := s.made(t, s.request("clone"))
		here := must.Get[hostid.ID](t)(s.p.Here.ID(t.Context()))
		for _, err := range []error{s.DestroyDomain(t.Context(), i.UUID), s.UndefineDomain(t.Context(), i.UUID)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		elsewhere := hostid.ID{UUID: "u", Name: "elsewhere", Pool: "p"}
		err := s.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, "web", elsewhere)
		if moved, ok := errors.AsType[*hostid.MovedError](err); !ok || moved.Perhaps || len(s.volumes(t)) == 0 {
			t.Errorf("on another host: %v; there are %q", err, s.volumes(t))
		}
		perhaps := here
		perhaps.Pool = "another"
		err = s.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, "web", perhaps)
		if !errors.Is(err, hostid.ErrPerhapsMoved) {
			t.Errorf("perhaps on another host: %v", err)
		}
		s.empty(t)
		if err := s.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, "web", here); err != nil {
			t.Errorf("what is gone: %v", err)
		}
	})
}

// Orphaned volumes belong to another instance if it has their name by now.
func TestOrphansThatHaveANewOwnerStay(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		old := s.made(t, s.request("clone"))
		for _, err := range []error{s.DestroyDomain(t.Context(), old.UUID), s.UndefineDomain(t.Context(), old.UUID)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		made, _, err := s.provisioner(s.process()).Create(t.Context(), s.request("clone"),
			func(kind.Instance, Record) {})
		if err != nil {
			t.Fatal(err)
		}
		before := s.volumes(t)
		if err := s.p.Delete(t.Context(), 0, old.UUID, naming.DefaultTenant, "web", noted); err != nil {
			t.Error(err)
		}
		if after := s.volumes(t); !slices.Equal(before, after) {
			t.Errorf("there were %q, and are %q", before, after)
		}
		s.remove(t, made.UUID)
	})
}

// Volumes that a change has created in a pool that no disk is in go with the instance. Those of a
// foreign domain stay.
func TestARemovalLooksIntoEveryPoolOfTheInstance(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.Storage = nil
		i := s.made(t, r)
		must.Get[host.Volume](t)(s.CreateVolume(t.Context(), siteTier,
			host.VolumeSpec{Name: "nova.disk.default.web.cut-off.qcow2", Format: "qcow2", Capacity: 1}))
		s.note(t, i.UUID, func(f *metadata.Facts) { f.Pools = []string{siteTier, "gone"} })
		s.remove(t, i.UUID)
	})
}

// A library that keeps an instance for another of its requests does not remove it.
func TestAnInstanceThatIsKeptStays(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		orphan := s.orphan(t, s.request("clone"))
		if !s.lib.Removals.Keep(orphan.UUID) {
			t.Fatal("it cannot be kept")
		}
		if err := s.p.Delete(t.Context(), 0, orphan.UUID, naming.DefaultTenant, "web", noted); err != nil {
			t.Error(err)
		}
		if i, err := s.p.Read(t.Context(), orphan.UUID); err != nil || !i.Running() {
			t.Errorf("it is %+v, %v", i, err)
		}
	})
}

// An instance that was never completed has no user yet: its protection does not prevent its
// removal.
func TestProtectionCountsOnceAnInstanceIsComplete(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.DeletionProtection = true
		i := s.made(t, r)
		s.note(t, i.UUID, func(f *metadata.Facts) { f.Provision.Completed = nil })
		s.remove(t, i.UUID)
	})
}
