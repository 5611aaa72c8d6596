package vm

import (
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// A domain that has what an instance needs is named only to its own tenant.
func TestAnotherTenantsDomainHasNoName(t *testing.T) {
	all := &gpus{tenant: "shop"}
	metadata := func(tenant string) string {
		element, err := metadata.Facts{Tenant: tenant, Name: "web"}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return element
	}
	for want, d := range map[string]host.Domain{
		`domain "shop.web"`: {Name: "shop.web", Metadata: metadata("shop")},
		`domain "router"`:   {Name: "router"}, // not an instance
		"another tenant":    {Name: "bank.web", Metadata: metadata("bank")},
	} {
		if got := all.calls(d); got != want {
			t.Errorf("%q is called %s", d.Name, got)
		}
	}
	// A domain that the host cannot describe is not named either.
	why := errors.New("bank.vault is torn")
	for name, want := range map[string]string{
		"shop.web": `finding GPUs that are free: domain "shop.web" may have some, but the host cannot describe it: ` +
			`bank.vault is torn`,
		"bank.vault": "finding GPUs that are free: another domain may have some, but the host cannot describe it",
	} {
		if got := all.unknown(host.Undescribed{Name: name, Err: why}).Error(); got != want {
			t.Errorf("of %s it says %q, want %q", name, got, want)
		}
	}
}
