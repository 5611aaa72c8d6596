package planner

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// Terraform refuses a plan that replaces for an attribute that does not exist, and ignores one that
// has not changed.
func TestOnlyWhatTheUserChangedReplaces(t *testing.T) {
	with := func(tier *string) types.Object {
		return attribute.StorageObject(&profile.Storage{Disks: map[string]profile.Disk{"data": {Tier: tier}}})
	}
	none := attribute.StorageObject(nil)
	fast, bulk := with(new("fast")), with(new("bulk"))
	tier := finding.At("storage_profile").Name("disks").Key("data").Name("storage_tier")
	for name, c := range map[string]struct {
		before, now types.Object
		at          finding.Path
		replaces    string
	}{
		"changed":                  {fast, bulk, tier, `storage_profile.disks["data"].storage_tier`},
		"set at last":              {with(nil), bulk, tier, `storage_profile.disks["data"].storage_tier`},
		"taken out":                {fast, none, tier, `storage_profile.disks["data"].storage_tier`},
		"as it was":                {fast, fast, tier, ""},
		"never written":            {none, none, tier, ""},
		"never written, elsewhere": {with(nil), with(nil), tier, ""},
		"another disk": {fast, fast, finding.At("storage_profile").Name("disks").Key("logs").Name("type"),
			""},
		"the whole": {fast, none, finding.At("storage_profile"), "storage_profile"},
	} {
		p := planner{state: &model.Instance{StorageProfile: c.before}, plan: &model.Instance{StorageProfile: c.now}}
		p.replaceAt(c.at)
		got := ""
		if len(p.replaces) > 0 {
			got = p.replaces[0].String()
		}
		if got != c.replaces {
			t.Errorf("%s: replaced for %q, want %q", name, got, c.replaces)
		}
	}
}
