package planner

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
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

// What only another container can have may turn out to be that, so it is replaced before it is
// known.
func TestAContainerIsReplacedForInitAndPrivilegesThatAreNotKnownYet(t *testing.T) {
	with := func(init, privileged attr.Value) types.Object {
		o := attribute.ContainerObject(&container.Settings{})
		attributes := o.Attributes()
		attributes["init"], attributes["privileged"] = init, privileged
		return types.ObjectValueMust(o.AttributeTypes(t.Context()), attributes)
	}
	none := attribute.ContainerObject(nil)
	is := with(types.StringValue("process"), types.BoolNull())
	for name, c := range map[string]struct {
		before, now types.Object
		want        []string
	}{
		"known":      {is, is, nil},
		"none":       {none, none, nil},
		"init":       {is, with(types.StringUnknown(), types.BoolNull()), []string{"container.init"}},
		"privileged": {none, with(types.StringNull(), types.BoolUnknown()), []string{"container.privileged"}},
		"all of it":  {is, types.ObjectUnknown(is.AttributeTypes(t.Context())), []string{"container"}},
	} {
		p := planner{state: &model.Instance{Container: c.before}, plan: &model.Instance{Container: c.now}}
		p.replaceUndecided()
		var got []string
		for _, at := range p.replaces {
			got = append(got, at.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: replaced for %q, want %q", name, got, c.want)
		}
	}
}

// A container that is another one than its configuration says is not changed into that.
func TestAContainerThatIsAnotherOneIsRefused(t *testing.T) {
	var diags diag.Diagnostics
	p := planner{state: &model.Instance{Name: types.StringValue("web")}, diags: &diags}
	at := finding.At("container").Name("privileged")
	p.refuseOther([]finding.Path{finding.At("storage_profile")})
	p.replaces = append(p.replaces, path.Root("container"))
	p.refuseOther([]finding.Path{at})
	if diags.HasError() {
		t.Errorf("got %v", diags)
	}
	p.replaces = nil
	p.refuseOther([]finding.Path{at})
	if len(diags) != 1 || diags[0].Summary() != "Container was created differently" {
		t.Errorf("got %v", diags)
	}
}
