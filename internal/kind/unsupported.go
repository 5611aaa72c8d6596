package kind

import (
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Unsupported reports what a request and the spec of its version ask for that instances of a kind
// cannot do.
func Unsupported(d Driver, r Request, spec catalog.Spec) finding.List {
	var fs finding.List
	add := func(at finding.Path, what, advice string) {
		fs.Add(at, "Not supported by this type of template",
			fmt.Sprintf("Instances of templates of the type %q have no %s: %s.",
				d.Type(), what, advice))
	}
	can, refuse := d.Capabilities(), func(at finding.Path, what string) {
		add(at, what, "leave it out, or use another template")
	}
	if !can.Seed && spec.CloudInit != nil {
		add(finding.At("template_id"), "cloud-init, which the template's cloud_init needs",
			"use another template, or remove cloud_init from this one")
	}
	if !can.Seed && r.Customization != nil {
		refuse(finding.At("customization"), "cloud-init, which customization needs")
	}
	for _, c := range []struct {
		condition string
		can       bool
		what      string
	}{
		{WaitCloudInit, can.Seed, "cloud-init, which wait_for names"},
		{WaitAgent, can.Agent, "guest agent, which wait_for names"},
		{WaitRunning, can.Status, "application, which wait_for names by \"running\""},
		{WaitHealthy, can.Status, "health check, which wait_for names by \"healthy\""},
		{WaitExited, can.Status, "application, which wait_for names by \"exited\""},
	} {
		if !c.can && slices.Contains(r.WaitFor, c.condition) {
			refuse(finding.At("wait_for"), c.what)
		}
	}
	return fs
}
