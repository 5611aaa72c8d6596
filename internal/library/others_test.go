package library

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

func TestOthersAreCountedAndNotNamed(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	of := func(tenant, name string) made {
		return made{InstanceFacts: catalog.InstanceFacts{Tenant: tenant, Name: name}}
	}
	for want, instances := range map[string][]made{
		"":                                       nil,
		"shop/a, shop/b":                         {of("shop", "b"), of("shop", "a")},
		"2 of other tenants":                     {of("bank", "a"), of("mill", "a")},
		"shop/a, shop/b, and 1 of other tenants": {of("shop", "b"), of("bank", "vault"), of("shop", "a")},
	} {
		if got := l.named(instances); got != want {
			t.Errorf("named %q, want %q", got, want)
		}
	}
	err := &InUseError{Version: web.Version("1.0.0"), Users: []string{"shop/a"}, Others: 3, BuiltBy: 2}
	for _, says := range []string{"hold only what differs from it: 2 of other tenants. Destroy them first", "need its base image: shop/a, and 3 of other tenants. Destroy them first"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// What is another tenant's by its name, or uses the same image, is counted in messages and not named.
func TestMessagesNameNothingOfOthers(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	for name, others := range map[string]bool{
		"nova.disk.bank.vault.system.qcow2": true, "nova.disk.shop.web.system.qcow2": false, "snapshot.qcow2": false, "nova.base.abc.qcow2": false,
	} {
		if got := l.othersVolume(name); got != others {
			t.Errorf("%s is another tenant's: %t", name, got)
		}
	}
	base := catalog.Base{Versions: []string{"bank/vault@1.0.0", "shop/web@1.0.0", "0123456789ab:bank/vault@2.0.0"}}
	if got := strings.Join(l.versionsOn(base), ", "); got != "shop/web@1.0.0, 2 of other tenants or catalogues" {
		t.Errorf("the users of an image are %s", got)
	}
}
