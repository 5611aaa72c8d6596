package provision

import (
	"errors"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// undriven runs a test with a host that does not have the driver of containers, and with one that cannot
// use it.
func (s *testSite) undriven(test func(want error)) {
	for flag, want := range map[*bool]error{&s.NoContainers: host.ErrNoDriver, &s.ContainersDown: host.ErrDriverDown} {
		*flag = true
		test(want)
		*flag = false
	}
}

// Containers run on while their driver cannot be asked. Nothing takes them for gone.
func TestContainersStayWhileTheirDriverIsAway(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		ctx := t.Context()
		i := s.made(t, contained("linked_clone"))
		had := s.volumes(t)
		s.undriven(func(want error) {
			for what, do := range map[string]func() error{
				"reading":    func() error { _, err := s.p.Read(ctx, i.UUID); return err },
				"refreshing": func() error { _, err := s.p.Refresh(ctx, i.UUID); return err },
				"finding":    func() error { _, err := s.p.Find(ctx, naming.DefaultTenant, "web"); return err },
				"listing":    func() error { _, _, err := s.p.Instances(ctx, InstanceFilter{}); return err },
				"claiming":   func() error { _, err := s.p.Holder(ctx, "web"); return err },
				"keeping":    func() error { _, err := s.p.Kept(ctx); return err },
				"clearing":   func() error { return s.p.Clear(ctx, "web", "") },
				"removing": func() error {
					return s.p.Delete(ctx, 0, i.UUID, naming.DefaultTenant, "web", hostid.ID{})
				},
				"removing the version of": func() error {
					return s.lib.RemoveVersion(ctx, siteTemplate.Version("1.0.0"))
				},
			} {
				if err := do(); !errors.Is(err, want) || errors.Is(err, ErrNotFound) {
					t.Errorf("%s a container: %v, want %v", what, err, want)
				}
			}
		})
		if left := s.volumes(t); len(left) != len(had) {
			t.Errorf("of the volumes %q there are %q", had, left)
		}
		s.remove(t, i.UUID)
	})
}

// A host whose driver of containers cannot be used has machines as before.
func TestMachinesNeedNoDriverOfContainers(t *testing.T) {
	image := stressImage(t, 64<<10)
	onDocks(t, func(t *testing.T, s *testSite) {
		ctx := t.Context()
		machine := catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "machine"}
		must.Get[catalog.Template](t)(s.lib.CreateTemplate(ctx, catalog.Template{ID: machine, Type: catalog.TypeVM}))
		// all is the life of a machine, from its image on. It returns what its creation does.
		all := func(name string) error {
			must.Get[catalog.Version](t)(s.lib.RegisterVersion(ctx, library.VersionRequest{
				ID: machine.Version("1.0.0"), Source: file.Source{Path: image},
			}))
			if err := s.p.CheckName(ctx, name); err != nil {
				t.Errorf("checking the name: %v", err)
			}
			must.Get[Room](t)(s.p.Room(ctx))
			r := s.request("clone")
			r.Name, r.Template, r.Autostart = name, machine, false
			i, _, made := s.p.Create(ctx, r, func(kind.Instance, Record) {})
			if made == nil {
				must.Get[kind.Instance](t)(s.p.Refresh(ctx, i.UUID))
				if err := s.p.Delete(ctx, 0, i.UUID, naming.DefaultTenant, name, hostid.ID{}); err != nil {
					t.Errorf("removing a machine: %v", err)
				}
			}
			if err := s.lib.RemoveVersion(ctx, machine.Version("1.0.0")); err != nil {
				t.Errorf("removing a version of machines: %v", err)
			}
			time.Sleep(time.Minute) // names of volumes are old
			return made
		}
		s.undriven(func(error) {
			if err := all("alone"); err != nil {
				t.Errorf("creating a machine: %v", err)
			}
			if _, err := s.p.Read(ctx, kind.RandomUUID()); !errors.Is(err, ErrNotFound) || !Undriven(err) {
				t.Errorf("reading a machine that is gone: %v", err)
			}
		})
		i := s.made(t, contained("linked_clone"))
		s.undriven(func(want error) {
			if err := all("besides"); err != nil {
				t.Errorf("creating a machine besides a container: %v", err)
			}
			if err := all("web"); !errors.Is(err, want) {
				t.Errorf("creating a machine of a container's name: %v", err)
			}
		})
		s.remove(t, i.UUID)
	})
}
