package usage

import (
	"context"
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
)

func TestOthersAreCountedAndNotNamed(t *testing.T) {
	use := New(Options{Host: fakehost.New(), Pool: "novacron", Tenant: "shop"})
	of := func(tenant, name string) Instance {
		return Instance{Facts: metadata.Facts{Tenant: tenant, Name: name}}
	}
	for want, instances := range map[string][]Instance{
		"":                                       nil,
		"shop/a, shop/b":                         {of("shop", "b"), of("shop", "a")},
		"2 of other tenants":                     {of("bank", "a"), of("mill", "a")},
		"shop/a, shop/b, and 1 of other tenants": {of("shop", "b"), of("bank", "vault"), of("shop", "a")},
	} {
		if got := use.Named(instances); got != want {
			t.Errorf("named %q, want %q", got, want)
		}
	}
}

// A pool may have images of several catalogs, which may have templates of the same names.
func TestAMarkTellsInstancesOfOtherCatalogsApart(t *testing.T) {
	silent := errors.New("silent")
	marked := func(mark string, err error) Options {
		return Options{
			Host: fakehost.New(), Pool: "novacron", Tenant: "shop", Site: "kvm2",
			Mark: func(context.Context) (string, error) { return mark, err },
		}
	}
	web := catalog.TemplateID{Tenant: "shop", Name: "web"}
	of := func(mark string) Instance {
		return Instance{Facts: metadata.Facts{Catalog: mark, Template: web.String(), Library: "novacron"}}
	}
	for name, c := range map[string]struct {
		of   Options
		mark string
		want bool
	}{
		"its own":                      {marked("one", nil), "one", true},
		"of the pool's":                {marked("one", nil), "", false},
		"of a third":                   {marked("one", nil), "two", false},
		"the pool's own":               {Options{Host: fakehost.New(), Pool: "novacron"}, "", true},
		"of another, for the pool's":   {Options{Host: fakehost.New(), Pool: "novacron"}, "one", false},
		"of another pool, of no other": {Options{Host: fakehost.New(), Pool: "other"}, "", false},
	} {
		made, err := New(c.of).Made(t.Context())
		if err != nil || made(of(c.mark), web) != c.want {
			t.Errorf("an instance %s counts: %t, %v", name, !c.want, err)
		}
	}
	if _, err := New(marked("", silent)).Made(t.Context()); !errors.Is(err, silent) {
		t.Errorf("without the mark: %v", err)
	}
	use := New(marked("one", nil))
	there := []Instance{{Facts: metadata.Facts{Tenant: "shop", Name: "a"}, Site: "kvm2"}}
	if got := use.Named(there); got != "shop/a on kvm2" {
		t.Errorf("named %q", got)
	}
}

// Metadata that cannot be read cause an error only if they may be an instance's.
func TestDamagedMetadataMatterWhereADiskIsAnInstances(t *testing.T) {
	use := New(Options{Host: fakehost.New(), Pool: "novacron", Tenant: "default"})
	damaged := host.Domain{Name: "odd", Metadata: "<instance"}
	of := func(path string) []host.Domain {
		damaged.Disks = []host.DomainDisk{{Path: path}}
		return []host.Domain{damaged}
	}
	for path, want := range map[string]error{
		"/pool/nova.disk.default.odd.system.qcow2": catalog.ErrDamaged,
		"/pool/odd.qcow2":                          nil,
		"":                                         nil,
	} {
		if found, err := use.InstancesAmong(of(path)); len(found) > 0 || !errors.Is(err, want) || want == nil &&
			err != nil {
			t.Errorf("with the disk %q: %d instances, %v, want %v", path, len(found), err, want)
		}
	}
}
