package provision

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// Who has what somebody else wants is named to their own tenant only.
func TestAnotherTenantsDomainHasNoName(t *testing.T) {
	p := &Provisioner{library: library.New(library.Options{Me: catalog.Principal{Tenant: "shop", User: "ann"}})}
	metadata := func(tenant string) string {
		element, err := catalog.InstanceFacts{Tenant: tenant, Name: "web"}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return element
	}
	for want, d := range map[string]hypervisor.Domain{
		`domain "shop.web"`: {Name: "shop.web", Metadata: metadata("shop")},
		`domain "router"`:   {Name: "router"}, // which is nobody's instance
		"another tenant":    {Name: "bank.web", Metadata: metadata("bank")},
	} {
		if got := p.calls(d); got != want {
			t.Errorf("%q is called %s", d.Name, got)
		}
	}
}
