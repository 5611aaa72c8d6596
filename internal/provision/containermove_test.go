package provision

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// A container that moves takes its own volumes along. The image that it shares, and nova-init, are those
// of the other host.
func TestAContainerMovesToAnotherHost(t *testing.T) {
	for _, strategy := range []catalog.Strategy{"linked_clone", "clone"} {
		t.Run(string(strategy), func(t *testing.T) {
			path := rootTar(t, "one")
			synctest.Test(t, func(t *testing.T) {
				s := &hostsSite{
					T: t, kinds: fakeKinds,
					machines: map[string]*fakehost.Host{}, wrap: map[string]func(host.Host) host.Host{},
				}
				for _, name := range siteHosts {
					s.machines[name] = fakehost.New()
					must.Get[host.Pool](t)(s.machines[name].CreateDirPool(t.Context(), sitePool, "/"+name))
					s.machines[name].Init = novainit.Fake(s.machines[name], sitePool)
				}
				l := s.process()["kvm1"].lib
				must.Get[catalog.Template](t)(l.CreateTemplate(t.Context(), catalog.Template{
					ID: siteTemplate, Type: catalog.TypeContainer, Spec: catalog.Spec{Containers: catalog.Containers{
						Container: &settings.Settings{Command: []string{"/bin/app"}},
					}},
				}))
				must.Get[catalog.Version](t)(l.RegisterVersion(t.Context(), library.VersionRequest{
					ID: siteTemplate.Version("1.0.0"), Source: file.Source{Path: path},
				}))
				s.moves(strategy)
			})
		})
	}
}

// moves moves a container from kvm1 to kvm2.
func (s *hostsSite) moves(strategy catalog.Strategy) {
	s.Helper()
	ctx, sites := s.Context(), s.process()
	from, to := sites["kvm1"].p, sites["kvm2"].p
	done := func(err error) {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
	}
	r := kind.Request{
		Name: "web", Template: siteTemplate, Version: "1.0.0", Strategy: strategy,
		Storage: &profile.Storage{Disks: map[string]profile.Disk{
			"system": {SizeGB: new(int64(1))}, "data": {SizeGB: new(int64(1)), MountPath: new("/data")},
		}},
		Options: kind.Options{Running: true},
	}
	i, _ := s.create(sites["kvm1"], r)
	b := must.Get[kind.Blueprint](s.T)(from.BlueprintOf(ctx, i, r))
	c := must.Get[Cargo](s.T)(from.Cargo(ctx, i, b))
	if c.stands() != (strategy == "linked_clone") {
		s.Errorf("it stands on its image: %t", c.stands())
	}
	done(to.Vacant(ctx, c, from, "kvm1"))
	done(from.Note(ctx, i.UUID, "kvm2"))
	done(to.Supply(ctx, c))
	done(to.Admit(ctx, c, from, "kvm1"))
	done(from.Vacate(ctx, i))
	done(from.Vacated(ctx, i))
	done(to.Fill(ctx, c, from, "kvm1"))
	done(from.Abandon(ctx, i.UUID))
	arrived := must.Get[kind.Instance](s.T)(to.Read(ctx, i.UUID))
	after := must.Get[kind.Instance](s.T)(to.Update(ctx, i.UUID, Change{Blueprint: &b, Options: r.Options}))
	d := must.Get[host.Domain](s.T)(s.machines["kvm2"].Containers().Domain(ctx, i.UUID))
	for _, f := range d.Filesystems {
		if f.Kind != host.FilesystemRAM && !strings.HasPrefix(f.Source, "/kvm2/") {
			s.Errorf("%s is still %s", f.Target, f.Source)
		}
	}
	if arrived.Running() || !after.Healthy() || after.MACs()["eth0"] != i.MACs()["eth0"] || len(after.Disks) != 2 {
		s.Errorf("it arrived as %+v, and is %+v", arrived, after)
	}
	left := must.Get[[]string](s.T)(s.machines["kvm1"].VolumeNames(ctx, sitePool))
	for _, prefix := range naming.InstancePrefixes(naming.DefaultTenant, "web") {
		if slices.ContainsFunc(left, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
			s.Errorf("its host has %q left", left)
		}
	}
}
