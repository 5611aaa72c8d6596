package library

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
)

// A domain that cannot be described may be an instance of the template that is to become a draft
// again.
func TestADraftHasNoInstances(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	facts := metadata.Facts{Tenant: "shop", Name: "web", Template: web.String(), Version: "1.0.0", Library: l.Pool()}
	instance := []host.Domain{{Name: "shop.web", Metadata: must.Get[string](t)(facts.Marshal())}}
	unknown := []string{"a domain that may be another tenant's"}
	for name, c := range map[string]struct {
		version     string
		domains     []host.Domain
		undescribed []string
		says        string
	}{
		"nothing":         {"", nil, nil, ""},
		"another version": {"2.0.0", instance, nil, ""},
		"an instance":     {"1.0.0", instance, unknown, "has instances: shop/web"},
		"perhaps an instance": {
			"2.0.0", instance, unknown, "may have instances: the host cannot describe a domain that may be " +
				"another tenant's.",
		},
	} {
		all := must.Get[[]usage.Instance](t)(l.Images.Usage().InstancesAmong(c.domains))
		instances := slices.DeleteFunc(all, func(i usage.Instance) bool { return !i.Of(l.Pool(), web) })
		err := l.mayDraft(web, c.version, catalog.Active, instances, c.undescribed)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
