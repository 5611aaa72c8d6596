package planner

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// withUnknownVariable is a container with a variable that is not known yet.
func withUnknownVariable(t *testing.T) types.Object {
	t.Helper()
	o := attribute.ContainerObject(&container.Settings{Env: map[string]string{}})
	attributes := o.Attributes()
	attributes["env"] = types.MapValueMust(types.StringType, map[string]attr.Value{"DB": types.StringUnknown()})
	return types.ObjectValueMust(o.AttributeTypes(t.Context()), attributes)
}

func TestAContainerMayRestartForWhatIsNotKnownYet(t *testing.T) {
	none, files := attribute.ContainerObject(nil), types.ObjectUnknown(nil)
	certain := []kind.Restart{{At: finding.At("container")}}
	for name, c := range map[string]struct {
		plan    model.Instance
		certain []kind.Restart
		want    []string
	}{
		"everything is known": {model.Instance{Container: none}, nil, nil},
		"a variable":          {model.Instance{Container: withUnknownVariable(t)}, nil, []string{"container"}},
		"it restarts for it":  {model.Instance{Container: withUnknownVariable(t)}, certain, nil},
		"all parameters":      {model.Instance{Parameters: types.DynamicUnknown()}, certain, []string{"parameters"}},
		"a parameter": {
			model.Instance{Parameters: object(map[string]attr.Value{"a": types.StringUnknown()})}, nil,
			[]string{"parameters"},
		},
		"the customization too": {
			model.Instance{Container: withUnknownVariable(t), Customization: files}, nil,
			[]string{"container", "customization"},
		},
	} {
		var got []string
		for _, r := range (&planner{plan: &c.plan}).undecided(t.Context(), c.certain) {
			got = append(got, r.At.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: restarts for %q, want %q", name, got, c.want)
		}
	}
}

// A variable that is not known yet has no part in what the instance takes of its host, but its init
// and privileges have.
func TestTextsThatAreNotKnownYetDoNotMatterToHosts(t *testing.T) {
	withInit := withUnknownVariable(t).Attributes()
	withInit["init"] = types.StringUnknown()
	kinds := withUnknownVariable(t).AttributeTypes(t.Context())
	for name, c := range map[string]struct {
		container           types.Object
		undecided, complete bool
	}{
		"known":      {attribute.ContainerObject(&container.Settings{}), false, true},
		"none":       {attribute.ContainerObject(nil), false, true},
		"a variable": {withUnknownVariable(t), true, true},
		"init":       {types.ObjectValueMust(kinds, withInit), true, false},
		"all of it":  {types.ObjectUnknown(kinds), true, false},
	} {
		m := model.Instance{TemplateID: types.StringValue("t/app"), Container: c.container}
		asked := m.ToRequest(t.Context(), model.Unplanned{Secrets: types.DynamicNull()})
		if asked.Undecided != c.undecided || asked.Complete != c.complete {
			t.Errorf("%s: undecided is %t, and complete %t", name, asked.Undecided, asked.Complete)
		}
	}
}

// What instances of a template do not have is known before any of its versions is.
func TestWhatATemplateDoesNotHaveIsKnownWithoutAVersion(t *testing.T) {
	p := planner{}
	p.asked.Hardware = &profile.Hardware{CPUType: new("maximum")}
	p.asked.Container = &container.Settings{}
	const not = ": Not supported by this type of template"
	findingtest.Expect(t, "a container", p.beyond(catalog.Template{Type: catalog.TypeContainer}),
		"hardware_profile.cpu_type"+not)
	findingtest.Expect(t, "a machine", p.beyond(catalog.Template{Type: catalog.TypeVM}), "container"+not)
	findingtest.Expect(t, "not known", p.beyond(catalog.Template{}))
}
