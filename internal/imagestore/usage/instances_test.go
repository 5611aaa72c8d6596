package usage

import (
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
