package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// connection is one of two connections to a host. Each has the domains that were defined through
// it.
type connection struct {
	host.Host
	mu  *sync.Mutex
	own map[string]bool // UUIDs
}

func newConnection(h host.Host) *connection {
	return &connection{Host: h, mu: &sync.Mutex{}, own: map[string]bool{}}
}

func (c *connection) has(uuid string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own[uuid]
}

// its is a domain of this connection.
func (c *connection) its(d host.Domain, err error) (host.Domain, error) {
	if err == nil && !c.has(d.UUID) {
		return host.Domain{}, host.ErrNoDomain
	}
	return d, err
}

func (c *connection) Domain(ctx context.Context, uuid string) (host.Domain, error) {
	return c.its(c.Host.Domain(ctx, uuid))
}

func (c *connection) DomainWith(ctx context.Context, uuid string, s host.Status) (host.Domain, error) {
	return c.its(c.Host.DomainWith(ctx, uuid, s))
}

func (c *connection) DomainByName(ctx context.Context, name string) (host.Domain, error) {
	return c.its(c.Host.DomainByName(ctx, name))
}

func (c *connection) DomainsNamed(
	ctx context.Context, match func(string) bool,
) ([]host.Domain, []host.Undescribed, error) {
	all, _, err := c.Host.DomainsNamed(ctx, func(string) bool { return true })
	all = slices.DeleteFunc(all, func(d host.Domain) bool { return !c.has(d.UUID) })
	return slices.DeleteFunc(all, func(d host.Domain) bool { return !match(d.Name) }), nil, err
}

func (c *connection) Statuses(ctx context.Context) (map[string]host.Status, error) {
	all, err := c.Host.Statuses(ctx)
	for uuid := range all {
		if !c.has(uuid) {
			delete(all, uuid)
		}
	}
	return all, err
}

func (c *connection) Allotments(ctx context.Context) ([]host.Allotment, error) {
	all, err := c.Host.Allotments(ctx)
	return slices.DeleteFunc(all, func(a host.Allotment) bool { return !c.has(a.UUID) }), err
}

func (c *connection) DefineDomain(ctx context.Context, spec host.DomainSpec) (host.Domain, error) {
	d, err := c.Host.DefineDomain(ctx, spec)
	if err == nil {
		c.mu.Lock()
		c.own[d.UUID] = true
		c.mu.Unlock()
	}
	return d, err
}

// box is a kind of instance that can do little.
type box struct{ *vm.Driver }

func (box) Type() string { return "box" }

func (box) Capabilities() kind.Capabilities { return kind.Capabilities{} }

func (b box) Read(ctx context.Context, d host.Domain, facts metadata.Facts) (kind.Instance, error) {
	i, err := b.Driver.Read(ctx, d, facts)
	i.Type = "box"
	return i, err
}

// twoKinds is a site of machines and boxes, with a template of boxes, called box.
func twoKinds(t *testing.T, test func(t *testing.T, s *testSite, boxes kind.Request)) {
	t.Helper()
	image := stressImage(t, 64<<10)
	onSite(t, func(t *testing.T, s *testSite) {
		s.p = New(Settings{
			Host: s.Host, Library: s.lib, StorageTiers: map[string]string{siteTier: siteTier},
			Kinds: func(shared kind.Site) []kind.Driver {
				machines, boxes := shared, shared
				machines.Host, boxes.Host = newConnection(s.Host), newConnection(s.Host)
				return []kind.Driver{vm.New(machines, "qemu"), box{vm.New(boxes, "qemu")}}
			},
		})
		id := catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "box"}
		must.Get[catalog.Template](t)(s.lib.CreateTemplate(t.Context(), catalog.Template{ID: id, Type: "box"}))
		must.Get[catalog.Version](t)(s.lib.RegisterVersion(t.Context(), library.VersionRequest{ID: id.Version("1.0.0"),
			Source: file.Source{Path: image}}))
		boxes := s.request("clone")
		boxes.Template = id
		test(t, s, boxes)
	})
}

// An instance is of its template's kind, is found by any kind, and can be removed.
func TestInstancesAreOfTheKindOfTheirTemplate(t *testing.T) {
	twoKinds(t, func(t *testing.T, s *testSite, boxes kind.Request) {
		boxes.Name = "box-1"
		machine, made := s.made(t, s.request("clone")), s.made(t, boxes)
		if machine.Type != catalog.TypeVM || made.Type != "box" {
			t.Errorf("they are of the types %q and %q", machine.Type, made.Type)
		}
		for name, read := range map[string]func() (kind.Instance, error){
			"Read":    func() (kind.Instance, error) { return s.p.Read(t.Context(), made.UUID) },
			"Refresh": func() (kind.Instance, error) { return s.p.Refresh(t.Context(), made.UUID) },
			"Find":    func() (kind.Instance, error) { return s.p.Find(t.Context(), naming.DefaultTenant, "box-1") },
			"Lookup":  func() (kind.Instance, error) { return s.p.Lookup(t.Context(), "box-1") },
			"Own":     func() (kind.Instance, error) { return s.p.Own(t.Context(), made.UUID) },
		} {
			if i, err := read(); err != nil || i.UUID != made.UUID || i.Type != "box" || len(i.Addresses) != 1 {
				t.Errorf("%s: %+v, %v", name, i, err)
			}
		}
		all, _, err := s.p.Instances(t.Context(), InstanceFilter{})
		if err != nil || len(all) != 2 || all[0].Type != "box" || all[1].Type != catalog.TypeVM {
			t.Errorf("listed are %+v, %v", all, err)
		}
		for _, i := range all {
			if err := s.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, i.Facts.Name, noted); err != nil {
				t.Error(err)
			}
		}
		s.empty(t)
	})
}

// A name is a claim on all connections of a host.
func TestANameIsTakenByInstancesOfEveryKind(t *testing.T) {
	twoKinds(t, func(t *testing.T, s *testSite, boxes kind.Request) {
		machine := s.made(t, s.request("clone"))
		var err error
		// The connection of the boxes alone would take the name.
		if defined := s.counted(func() {
			_, _, err = s.p.Create(t.Context(), boxes, func(kind.Instance, Record) {
				t.Error("told of a second instance")
			})
		}, "DefineDomain"); defined > 0 {
			t.Errorf("a box of a machine's name was defined %d times", defined)
		}
		if _, taken := errors.AsType[*planning.TakenError](err); !taken {
			t.Errorf("a box of a machine's name: %v", err)
		}
		s.remove(t, machine.UUID)
		made := s.made(t, boxes)
		_, _, err = s.p.Create(t.Context(), s.request("clone"),
			func(kind.Instance, Record) { t.Error("told of a second instance") })
		if _, taken := errors.AsType[*planning.TakenError](err); !taken {
			t.Errorf("a machine of a box's name: %v", err)
		}
		if err := s.p.CheckName(t.Context(), "web"); err == nil {
			t.Error("a plan does not see the name of a box")
		}
		s.remove(t, made.UUID)
	})
}

// A kind that cannot plug devices into a running guest restarts it, if that is allowed.
func TestAKindWithoutHotPlugRestarts(t *testing.T) {
	twoKinds(t, func(t *testing.T, s *testSite, boxes kind.Request) {
		made := s.made(t, boxes)
		want := s.changed(boxes)
		_, err := s.update(t.Context(), made.UUID, want, false)
		if refused, ok := errors.AsType[finding.List](err); !ok || !strings.Contains(refused.Error(), "restart") {
			t.Errorf("a change that needs a restart: %v", err)
		}
		var calls []string
		after := must.Get[kind.Instance](t)(s.calls(&calls, func() (kind.Instance, error) {
			return s.update(t.Context(), made.UUID, want, true)
		}))
		if !after.Running() || len(after.NICs) != 2 || len(after.Disks) != 3 {
			t.Errorf("it is %+v", after)
		}
		if slices.Contains(calls, "PlugDisk") || slices.Contains(calls, "PlugInterface") ||
			!slices.Contains(calls, "ShutdownDomain") {
			t.Errorf("it was changed by %q", calls)
		}
		s.remove(t, made.UUID)
	})
}

func TestWhatAKindCannotDoIsRefusedWhilePlanning(t *testing.T) {
	twoKinds(t, func(t *testing.T, s *testSite, boxes kind.Request) {
		boxes.Customization, boxes.WaitFor = &guest.Customization{Timezone: "UTC"}, []string{kind.WaitAgent}
		_, err := s.p.Blueprint(t.Context(), boxes)
		refused, _ := errors.AsType[finding.List](err)
		var at []string
		for _, f := range refused {
			at = append(at, f.Path.String())
		}
		if slices.Sort(at); !slices.Equal(at, []string{"customization", "wait_for"}) {
			t.Errorf("refused at %q: %v", at, err)
		}
		// A type that a later version of the provider has written.
		_, found := s.p.NewBlueprint(s.request("clone"), catalog.Template{Type: "later"}, catalog.Version{})
		if len(found) != 1 || found[0].Path.String() != "template_id" || !strings.Contains(found[0].Detail, "vm, box") {
			t.Errorf("an unknown type: %v", found)
		}
	})
}

// Machines of two kinds are planned alike, except for what is specific to each.
func TestDriftAndOverridesAreThoseOfTheKind(t *testing.T) {
	twoKinds(t, func(t *testing.T, s *testSite, boxes kind.Request) {
		made := s.made(t, boxes)
		b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(t.Context(), made, boxes))
		if drift := s.p.Drift(made, b); len(drift) > 0 || b.Type != "box" {
			t.Errorf("of type %q it has drifted: %+v", b.Type, drift)
		}
		o := must.Get[kind.Overrides](t)(s.p.Overrides(t.Context(), made, catalog.Version{VirtualSize: 64 << 10}))
		if _, has := o.Storage.Disks["data"]; !has {
			t.Errorf("beyond its version it has %+v", o.Storage)
		}
		memory := int64(2048)
		changed := boxes
		changed.Hardware = &profile.Hardware{MemoryMB: &memory}
		b = must.Get[kind.Blueprint](t)(s.p.BlueprintOf(t.Context(), made, changed))
		if drift := s.p.Drift(made, b); len(drift) != 1 || drift[0].Path.String() != "hardware_profile.memory_mb" {
			t.Errorf("with other memory it has drifted: %+v", drift)
		}
		unknown := made
		unknown.Type = "later"
		if drift := s.p.Drift(unknown, b); drift != nil {
			t.Errorf("of an unknown kind: %+v", drift)
		}
		if _, err := s.p.Overrides(t.Context(), unknown, catalog.Version{}); err == nil {
			t.Error("an unknown kind has overrides")
		}
		if _, _, err := s.p.Compare(t.Context(), unknown, b); err == nil {
			t.Error("an unknown kind is compared")
		}
		s.remove(t, made.UUID)
	})
}
