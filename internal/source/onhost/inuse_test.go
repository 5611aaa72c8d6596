package onhost

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestADiskInUseNamesNoDomainOfOthers(t *testing.T) {
	h := &Host{Tenant: "shop"}
	of := func(tenant, name string) host.Domain {
		metadata, err := metadata.Facts{Tenant: tenant, Name: name}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return host.Domain{Name: tenant + "." + name, Metadata: metadata}
	}
	domains := []host.Domain{
		of("shop", "web"), of("bank", "vault"), {Name: "router"},
		{Name: "bank.torn", Metadata: "<instance"}, {Name: "shop.torn", Metadata: "<instance"},
	}
	const prefix = "it is in use by running machines: "
	for user, want := range map[string]string{
		"shop.web": "shop.web", "bank.vault": "1 of other tenants", "router": "router",
		"bank.torn": "another domain", "shop.torn": "shop.torn",
		"shop.undescribed": "shop.undescribed", "bank.undescribed": "another domain", "undescribed": "another domain",
	} {
		if _, got, _ := strings.Cut(h.inUse([]string{user}, domains).Error(), prefix); got != want {
			t.Errorf("%s is named %q, want %q", user, got, want)
		}
	}
}
