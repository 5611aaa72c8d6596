package model

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// customizationOf is a customization in which those attributes are set.
func customizationOf(t *testing.T, set map[string]attr.Value) types.Object {
	t.Helper()
	of := customizationAttribute().GetType().(types.ObjectType)
	return objectOf(t, of, set)
}

func objectOf(t *testing.T, of types.ObjectType, set map[string]attr.Value) types.Object {
	t.Helper()
	all := map[string]attr.Value{}
	for name, kind := range of.AttrTypes {
		null, err := kind.ValueFromTerraform(t.Context(), tftypes.NewValue(kind.TerraformType(t.Context()), nil))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = null
	}
	maps.Copy(all, set)
	return types.ObjectValueMust(of.AttrTypes, all)
}

func textSet(texts ...string) types.Set {
	elements := make([]attr.Value, len(texts))
	for i, s := range texts {
		elements[i] = types.StringValue(s)
	}
	return types.SetValueMust(types.StringType, elements)
}

func TestACustomizationIsReadAsWritten(t *testing.T) {
	of := customizationAttribute().GetType().(types.ObjectType).AttrTypes
	users, files := of["users"].(types.MapType).ElemType.(types.ObjectType),
		of["files"].(types.MapType).ElemType.(types.ObjectType)
	all := map[string]attr.Value{
		"install_packages":    textSet("nginx"),
		"open_ports":          types.SetValueMust(types.Int64Type, []attr.Value{types.Int64Value(80)}),
		"ssh_authorized_keys": textSet("k"),
		"users": types.MapValueMust(users, map[string]attr.Value{
			"deploy": objectOf(t, users, map[string]attr.Value{
				"groups": textSet("g"), "ssh_authorized_keys": textSet("k2"), "sudo": types.BoolValue(true),
				"shell": types.StringValue("/s"),
			}),
			"plain": objectOf(t, users, nil),
		}),
		"files": types.MapValueMust(files, map[string]attr.Value{"/a": objectOf(t, files, map[string]attr.Value{
			"content": types.StringValue("c"), "permissions": types.StringValue("p"), "owner": types.StringValue("o"),
		})}),
		"run_commands": types.ListValueMust(types.StringType, []attr.Value{
			types.StringValue("r"), types.StringValue("q"),
		}),
		"timezone":  types.StringValue("z"),
		"locale":    types.StringValue("l"),
		"user_data": types.StringValue("u"),
	}
	if left := slices.DeleteFunc(slices.Collect(maps.Keys(of)), func(name string) bool {
		return all[name] != nil
	}); len(left) > 0 {
		t.Errorf("nothing is said of %q", left)
	}
	got, known := Customization(t.Context(), customizationOf(t, all))
	want := &guest.Customization{
		InstallPackages:   []string{"nginx"},
		OpenPorts:         []int64{80},
		SSHAuthorizedKeys: []string{"k"},
		Users: map[string]guest.User{
			"deploy": {Groups: []string{"g"}, SSHAuthorizedKeys: []string{"k2"}, Sudo: true, Shell: "/s"},
			"plain":  {Groups: []string{}, SSHAuthorizedKeys: []string{}},
		},
		Files:       map[string]guest.File{"/a": {Content: "c", Permissions: "p", Owner: "o"}},
		RunCommands: []string{"r", "q"},
		Timezone:    "z",
		Locale:      "l",
		UserData:    "u",
	}
	if !known || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %t\nwant %+v", got, known, want)
	}
}

func TestNoPortsAreNotTheSameAsNone(t *testing.T) {
	none, _ := Customization(t.Context(), customizationOf(t,
		map[string]attr.Value{"open_ports": types.SetValueMust(types.Int64Type, nil)}))
	unset, _ := Customization(t.Context(), customizationOf(t, nil))
	if none.OpenPorts == nil || none.Digest() == "" || unset.OpenPorts != nil || unset.Digest() != "" {
		t.Errorf("[] is %v with digest %q, null is %v with digest %q",
			none.OpenPorts, none.Digest(), unset.OpenPorts, unset.Digest())
	}
}

// Values that are not known yet are not reported as wrong; known ones are.
func TestWhatIsNotKnownYetIsLeftOut(t *testing.T) {
	of := customizationAttribute().GetType().(types.ObjectType).AttrTypes
	users, files := of["users"].(types.MapType).ElemType.(types.ObjectType),
		of["files"].(types.MapType).ElemType.(types.ObjectType)
	unknown := types.StringUnknown()
	for name, set := range map[string]map[string]attr.Value{
		"packages":  {"install_packages": types.SetUnknown(types.StringType)},
		"a package": {"install_packages": types.SetValueMust(types.StringType, []attr.Value{unknown})},
		"ports":     {"open_ports": types.SetUnknown(types.Int64Type)},
		"a port":    {"open_ports": types.SetValueMust(types.Int64Type, []attr.Value{types.Int64Unknown()})},
		"a key":     {"ssh_authorized_keys": types.SetValueMust(types.StringType, []attr.Value{unknown})},
		"users":     {"users": types.MapUnknown(users)},
		"a user": {
			"users": types.MapValueMust(users, map[string]attr.Value{"BAD": types.ObjectUnknown(users.AttrTypes)}),
		},
		"a shell": {
			"users": types.MapValueMust(users, map[string]attr.Value{
				"u": objectOf(t, users, map[string]attr.Value{"shell": unknown}),
			}),
		},
		"a content": {
			"files": types.MapValueMust(files, map[string]attr.Value{
				"/a": objectOf(t, files, map[string]attr.Value{"content": unknown}),
			}),
		},
		"a mode": {
			"files": types.MapValueMust(files, map[string]attr.Value{
				"/a": objectOf(t, files, map[string]attr.Value{"permissions": unknown}),
			}),
		},
		"commands":  {"run_commands": types.ListUnknown(types.StringType)},
		"a command": {"run_commands": types.ListValueMust(types.StringType, []attr.Value{unknown})},
		"a zone":    {"timezone": unknown}, "user data": {"user_data": unknown},
	} {
		c, known := Customization(t.Context(), customizationOf(t, set))
		if findings := c.Validate(""); known || len(findings) > 0 {
			t.Errorf("%s: known is %t, found %v", name, known, findings)
		}
		set["locale"] = types.StringValue("wrong locale")
		c, _ = Customization(t.Context(), customizationOf(t, set))
		if findings := c.Validate(""); len(findings) != 1 || findings[0].Path.String() != "customization.locale" {
			t.Errorf("%s beside a wrong locale: found %v", name, findings)
		}
	}
	mixed := types.ListValueMust(types.StringType, []attr.Value{unknown, types.StringValue(" ")})
	c, _ := Customization(t.Context(), customizationOf(t, map[string]attr.Value{"run_commands": mixed}))
	if findings := c.Validate(""); len(findings) != 1 || findings[0].Detail != "run_commands[1] is empty." {
		t.Errorf("found %v, want fault with the second command", findings)
	}
	if c, known := Customization(t.Context(), types.ObjectUnknown(of)); c != nil || known {
		t.Errorf("an unknown one is %+v, %t", c, known)
	}
}
