package fastpath

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// named is a lamp whose identity consists of one attribute.
type named struct {
	lamp
	by string
}

func (n named) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		n.by: identityschema.StringAttribute{RequiredForImport: true},
	}}
}

// Reading adds an identity to a state that has none. Such a state was written before lamps had an
// identity, or by a Terraform that does not support identities.
func TestReadGivesAnIdentity(t *testing.T) {
	s, err := Wrap(&framework{}, map[string]func() Resource{
		"lamp": func() Resource { return named{lamp{current: true}, "name"} },
	})
	if err != nil {
		t.Fatal(err)
	}
	of := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String}}
	null, err := tfprotov6.NewDynamicValue(of, tftypes.NewValue(of, nil))
	if err != nil {
		t.Fatal(err)
	}
	read := func(current *tfprotov6.ResourceIdentityData) *tfprotov6.ResourceIdentityData {
		t.Helper()
		resp, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: "lamp", CurrentState: aLamp(t, "red", true, "hall"), CurrentIdentity: current,
		})
		if err != nil || resp.NewIdentity == nil {
			t.Fatalf("no identity (%v)", err)
		}
		return resp.NewIdentity
	}
	made := read(nil)
	for what, got := range map[string]*tfprotov6.ResourceIdentityData{
		"of none": made, "of null": read(&tfprotov6.ResourceIdentityData{IdentityData: &null}),
	} {
		v, err := got.IdentityData.Unmarshal(of)
		if want := tftypes.NewValue(of, map[string]tftypes.Value{
			"name": tftypes.NewValue(tftypes.String, "desk"),
		}); err != nil || !v.Equal(want) {
			t.Errorf("the identity made %s is %s (%v)", what, v, err)
		}
	}
	if again := read(made); again != made {
		t.Error("the identity did not come back as it was")
	}
}

// The fast path creates identities from states, so Wrap refuses an identity with an attribute that
// the resource lacks or has with another type.
func TestIdentitiesOfOtherNamesAreRefused(t *testing.T) {
	for _, by := range []string{"serial", "on"} {
		if _, err := Wrap(&framework{}, map[string]func() Resource{
			"lamp": func() Resource { return named{by: by} },
		}); err == nil {
			t.Errorf("an identity by %s was taken", by)
		}
	}
}
