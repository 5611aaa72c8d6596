package provision

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// A plan reports what libvirt has no room for, at the attribute that takes most of it.
func TestABlueprintFindsWhatIsTooLarge(t *testing.T) {
	const mebibyte = 1 << 20
	large := strings.Repeat("x", 4*mebibyte)
	for name, c := range map[string]struct {
		change func(*kind.Request, *catalog.Version)
		at     string // "" for no finding
	}{
		"a parameter": {func(r *kind.Request, _ *catalog.Version) { r.Given.Parameters["blob"] = large },
			`parameters["blob"]`},
		"a parameter that XML makes longer": {func(r *kind.Request, _ *catalog.Version) {
			r.Given.Parameters["blob"] = strings.Repeat("<", mebibyte)
		}, `parameters["blob"]`},
		"as large as it gets": {
			func(r *kind.Request, _ *catalog.Version) { r.Given.Parameters["blob"] = large[:metadataLimit-16<<10] }, "",
		},
		"a secret, which is not kept": {func(r *kind.Request, _ *catalog.Version) {
			r.Given.Secrets = map[string]parameter.Raw{"blob": large}
		}, ""},
		"a value to come": {func(r *kind.Request, _ *catalog.Version) {
			r.Given.Parameters["blob"] = parameter.Unknown{}
		},
			""},
		"a label": {func(r *kind.Request, _ *catalog.Version) {
			r.Labels = map[string]string{"a": "1", "b": large}
		}, `labels["b"]`},
		"all labels together": {func(r *kind.Request, _ *catalog.Version) {
			r.Labels = map[string]string{}
			for n := range 5 {
				r.Labels[fmt.Sprint(n)] = large[:(n+7)*mebibyte/10]
			}
		}, `labels["4"]`},
		"a description": {func(r *kind.Request, _ *catalog.Version) { r.Description = large },
			"description"},
		"a description that XML cannot hold": {func(r *kind.Request, _ *catalog.Version) {
			r.Description = "\x01" +
				large[:2*mebibyte]
		}, "description"},
		"quotes, which libvirt writes longer": {func(r *kind.Request, _ *catalog.Version) {
			r.Labels = map[string]string{"a": strings.Repeat(`"`, 700<<10)}
		}, `labels["a"]`},
		"a version of much that is alike": {func(_ *kind.Request, v *catalog.Version) {
			v.Spec.Parameters["blob"] = parameter.Parameter{Type: "text", Description: large}
		}, ""},
		"a version that cannot be kept": {func(_ *kind.Request, v *catalog.Version) {
			v.Spec.Parameters["blob"] = parameter.Parameter{Type: "text", Description: large + large + large}
		}, "version"},
		"a file": {func(r *kind.Request, _ *catalog.Version) {
			r.Customization = &guest.Customization{
				Files: map[string]guest.File{"/a": {Content: strings.Repeat("x", 40<<20+1)}},
			}
		}, `customization.files["/a"]`},
		"a file that fits": {func(r *kind.Request, _ *catalog.Version) {
			r.Customization = &guest.Customization{Files: map[string]guest.File{"/a": {Content: large[:mebibyte]}}}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			template, version := offered()
			version.Spec.Parameters["blob"] = parameter.Parameter{Type: "text"}
			request := asked(nil)
			c.change(&request, &version)
			b, findings := planner().NewBlueprint(request, template, version)
			var at string
			for _, f := range findings {
				at += f.Path.String()
				if len(f.Detail) > 1000 || !strings.Contains(f.Detail, "MiB") {
					t.Errorf("it is not explained: %.1000s", f.Detail)
				}
			}
			if at != c.at {
				t.Fatalf("found fault with %q, want %q", at, c.at)
			}
			frozen, err := metadata.Freeze(b.Version)
			if c.at != "" || err != nil {
				return
			}
			facts := metadata.Facts{Frozen: frozen, Labels: metadata.Pairs(request.Labels),
				Parameters: metadata.Settings(b.Shown)}
			if text, err := facts.Marshal(); err != nil || len(text) > host.MaxDefinition-128<<10 {
				t.Errorf("the metadata have %d bytes (%v), and nothing was found", len(text), err)
			}
		})
	}
}
