package library

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestOthersAreCountedAndNotNamed(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	of := func(tenant, name string) made {
		return made{Facts: metadata.Facts{Tenant: tenant, Name: name}}
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
	base := catalog.Base{Versions: []string{"bank/vault@1.0.0", "shop/web@1.0.0", "0123456789ab:bank/vault@2.0.0"}}
	if got := strings.Join(l.versionsOn(base), ", "); got != "shop/web@1.0.0, 2 of other tenants or catalogs" {
		t.Errorf("the users of an image are %s", got)
	}
}

// A domain that cannot be described may be an instance of what is to be a draft again.
func TestADraftHasNoInstances(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	facts := metadata.Facts{Tenant: "shop", Name: "web", Template: web.String(), Version: "1.0.0", Library: l.pool}
	instance := []host.Domain{{Name: "shop.web", Metadata: must[string](t)(facts.Marshal())}}
	unknown := []host.Undescribed{{Name: "bank.vault", Err: host.ErrInternal}}
	for name, c := range map[string]struct {
		version     string
		domains     []host.Domain
		undescribed []host.Undescribed
		says        string
	}{
		"nothing":             {"", nil, nil, ""},
		"another version":     {"2.0.0", instance, nil, ""},
		"an instance":         {"1.0.0", instance, unknown, "has instances: shop/web"},
		"perhaps an instance": {"2.0.0", instance, unknown, "may have instances: the host cannot describe a domain that may be another tenant's."},
	} {
		err := l.mayDraft(web, c.version, catalog.Active, c.domains, c.undescribed)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
