package model

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The request comes with its mistakes, so no caller has to read the attributes again to find them.
func TestARequestComesWithWhatIsWrong(t *testing.T) {
	text := types.DynamicValue(types.StringValue("web"))
	for name, c := range map[string]struct {
		template            types.String
		parameters, secrets types.Dynamic
		complete            bool
		wrong               []string
	}{
		"nothing": {types.StringValue("t/debian"), types.DynamicNull(), types.DynamicNull(), true,
			nil},
		"a template not known yet": {types.StringUnknown(), types.DynamicNull(), types.DynamicNull(), false, nil},
		"a template of a bad name": {types.StringValue("t/debian/1"), types.DynamicNull(), types.DynamicNull(), false,
			[]string{"template_id"}},
		"parameters and secrets": {types.StringValue("t/debian"), text, text, true,
			[]string{"parameters", "parameters_wo"}},
		"parameters that may be so": {types.StringValue("t/debian"), types.DynamicUnknown(), types.DynamicNull(), true,
			nil},
	} {
		m := Instance{TemplateID: c.template, Parameters: c.parameters}
		asked := m.ToRequest(t.Context(), Unplanned{Secrets: c.secrets})
		var wrong []string
		for _, f := range asked.Findings {
			wrong = append(wrong, f.Path.String())
		}
		if asked.WaitDefault {
			t.Errorf("%s: wait_for is not the default", name)
		}
		if asked.Complete != c.complete || !slices.Equal(wrong, c.wrong) {
			t.Errorf("%s: complete is %t, and %q are wrong; want %t and %q",
				name, asked.Complete, wrong, c.complete, c.wrong)
		}
	}
}
