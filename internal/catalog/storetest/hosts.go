package storetest

import (
	"reflect"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

func hosts(t *testing.T, site Site) {
	administrator, tenant, ctx := site.Open("").Hosts(), site.Open("t1").Hosts(), t.Context()
	if all := must.Value(tenant.List(ctx, "")); len(all) > 0 {
		t.Errorf("of an empty catalog, t1 sees %+v", all)
	}
	wants(t, "reading nothing", catalog.ErrNotFound)(tenant.Get(ctx, "kvm1.example.org"))
	drains := catalog.Host{
		Name: "kvm1.example.org", State: catalog.HostDraining, Description: "new disks until Friday, \"fast\" ones",
	}
	made := must.Value(administrator.Create(ctx, drains.Name, drains))
	wants(t, "creating it again", catalog.ErrExists)(administrator.Create(ctx, drains.Name, drains))
	lost := catalog.Host{Name: "kvm1", State: catalog.HostLost}
	must.Value(administrator.Create(ctx, lost.Name, lost))
	active := catalog.Host{Name: "KVM_2"}
	must.Value(administrator.Create(ctx, active.Name, active))
	for _, c := range []catalog.Collection[catalog.Host]{site.Open("").Hosts(), tenant, site.Open("t2").Hosts()} {
		var got []catalog.Host
		for _, rec := range must.Value(c.List(ctx, "")) {
			if rec.Key != rec.Value.Name {
				t.Errorf("host %q has the key %q", rec.Value.Name, rec.Key)
			}
			got = append(got, rec.Value)
		}
		if want := []catalog.Host{active, lost, drains}; !reflect.DeepEqual(got, want) {
			t.Errorf("listed %+v, want %+v", got, want)
		}
		if one := must.Value(c.Get(ctx, drains.Name)); !reflect.DeepEqual(one, made) {
			t.Errorf("read %+v, where %+v was created", one, made)
		}
	}
	drains.State = catalog.HostMaintenance
	changed := must.Value(administrator.Replace(ctx, drains.Name, made.Revision, drains))
	wants(t, "changing it with an old revision", catalog.ErrConflict)(
		administrator.Replace(ctx, drains.Name, made.Revision, drains))
	if one := must.Value(tenant.Get(ctx, drains.Name)); one.Value != drains {
		t.Errorf("t1 reads %+v, where %+v was written", one.Value, drains)
	}
	if site.Enforced {
		for doing, err := range map[string]error{
			"creating one":      second(tenant.Create(ctx, "kvm3", catalog.Host{Name: "kvm3"})),
			"changing one":      second(tenant.Replace(ctx, drains.Name, changed.Revision, lost)),
			"deleting one":      tenant.Delete(ctx, drains.Name, changed.Revision),
			"deleting the lost": tenant.Delete(ctx, lost.Name, must.Value(tenant.Get(ctx, lost.Name)).Revision),
		} {
			if err == nil {
				t.Errorf("%s: a tenant may", doing)
			}
		}
	}
	var group sync.WaitGroup
	for _, rec := range must.Value(administrator.List(ctx, "")) {
		c := site.Open("").Hosts()
		group.Go(func() {
			if err := c.Delete(ctx, rec.Key, rec.Revision); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if all := must.Value(tenant.List(ctx, "")); len(all) > 0 {
		t.Errorf("left: %+v", all)
	}
}
