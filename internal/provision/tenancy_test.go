package provision

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// Who has what somebody else wants is named to their own tenant only.
func TestAnotherTenantsDomainHasNoName(t *testing.T) {
	p := &Provisioner{library: library.New(library.Options{Me: catalog.Principal{Tenant: "shop", User: "ann"}})}
	metadata := func(tenant string) string {
		element, err := metadata.Facts{Tenant: tenant, Name: "web"}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return element
	}
	for want, d := range map[string]host.Domain{
		`domain "shop.web"`: {Name: "shop.web", Metadata: metadata("shop")},
		`domain "router"`:   {Name: "router"}, // which is nobody's instance
		"another tenant":    {Name: "bank.web", Metadata: metadata("bank")},
	} {
		if got := p.calls(d); got != want {
			t.Errorf("%q is called %s", d.Name, got)
		}
	}
	// Nor has one that the host cannot describe.
	why := errors.New("bank.vault is torn")
	for name, want := range map[string]string{
		"shop.web":   `finding GPUs that are free: domain "shop.web" may have some, but the host cannot describe it: bank.vault is torn`,
		"bank.vault": "finding GPUs that are free: another domain may have some, but the host cannot describe it",
	} {
		if got := p.gpusUnknown(host.Undescribed{Name: name, Err: why}).Error(); got != want {
			t.Errorf("of %s it says %q, want %q", name, got, want)
		}
	}
	// A domain that a list lacks is told of in UTF-8, which Terraform takes nothing else than.
	u := host.Undescribed{Name: "shop.web", Err: errors.New("caf\xe9.iso")}
	if got := notListed(u); !utf8.ValidString(got) || !strings.Contains(got, "caf\uFFFD.iso") {
		t.Errorf("it says %q", got)
	}
}
