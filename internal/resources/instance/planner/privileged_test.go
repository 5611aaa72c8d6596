package planner

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

func TestThePlanSaysThatAVersionMakesAContainerPrivileged(t *testing.T) {
	privileged, none := &container.Settings{Privileged: new(true)}, &container.Settings{}
	for name, c := range map[string]struct {
		version, asked *container.Settings
		seeded, warned bool
	}{
		"the version":      {privileged, none, false, true},
		"the version only": {privileged, nil, false, true},
		"nobody":           {none, none, false, false},
		"both":             {privileged, privileged, false, false},
		"the instance":     {nil, privileged, false, false},
		"declined":         {privileged, &container.Settings{Privileged: new(false)}, false, false},
		"long since":       {privileged, none, true, false},
	} {
		var diags diag.Diagnostics
		p := planner{diags: &diags, plan: &model.Instance{}, seeded: c.seeded}
		p.asked.Container = c.asked
		p.warnPrivileged(catalog.Version{Spec: catalog.Spec{Containers: catalog.Containers{Container: c.version}}})
		want := 0
		if c.warned {
			want = 1
		}
		if len(diags) != want || c.warned && diags[0].Summary() != "Container is privileged" {
			t.Errorf("%s: the plan says %v", name, diags)
		}
	}
}
