package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// tenants configures the provider for two tenants on one pool.
func tenants(pool string) string {
	return tfconfig.Render(
		tfconfig.Provider{Alias: "shop", Pool: pool, Tenant: "shop", User: "ann"},
		tfconfig.Provider{Alias: "bank", Pool: pool, Tenant: "bank", User: "tom"},
	)
}

// offer is shop's template with a version of that image.
func offer(name, image string, settings ...string) string {
	t := tfconfig.Template{
		Meta: tfconfig.Meta{Provider: "novacron.shop", Settings: settings},
		Name: name, HardwareProfile: &tfconfig.Hardware{MemoryMB: 64},
	}
	v := tfconfig.Version{
		Meta: tfconfig.Meta{Provider: "novacron.shop"}, Version: "1.0.0", Source: &tfconfig.Source{Path: image},
	}
	return tfconfig.Render(t, v.Of(t))
}

// ofBank is an instance of bank's, which does not depend on what shop does in the same
// configuration.
func ofBank(label, name string, settings ...string) tfconfig.Instance {
	return tfconfig.Instance{
		Meta: tfconfig.Meta{Label: label, Provider: "novacron.bank", Settings: settings},
		Name: name + "-" + label, TemplateID: "shop/" + name, WaitFor: []string{},
	}
}

// bankInstance is the configuration of ofBank.
func bankInstance(label, name string, settings ...string) string {
	return ofBank(label, name, settings...).String()
}

// A template is shared with another tenant and taken back; a tenant that has an instance keeps it.
func TestAccATemplateIsSharedAndTakenBack(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("shared")
	pool, _ := host.Pool(t, tfacc.Name("sharing"))
	t.Parallel()
	image := tfacc.EmptyImage(t, "16M")
	w := tfacc.NewWorkspace(t, "")
	configure := func(parts ...string) { w.Configure(t, tenants(pool)+strings.Join(parts, "")) }
	const share = `access_control = { use_tenants = ["bank"] }`
	// Nothing boots from the image, so the guest does not hear that it is to shut down.
	running, stopped := bankInstance("on", name, "timeouts {\n    delete = \"1s\"\n  }"),
		bankInstance("off", name, `power_state = "stopped"`)
	t.Cleanup(func() {
		configure(offer(name, image)) // nothing tells Terraform to destroy the instances first
		w.Apply(t)
		w.Destroy(t)
		if left := host.Leftovers(t, pool, name); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})

	configure(offer(name, image))
	w.Apply(t)
	w.EmptyPlan(t)
	// What is not shared is reported in the same words as what does not exist.
	for _, ask := range []func(name string) string{
		func(name string) string { return bankInstance("new", name) },
		func(name string) string {
			return fmt.Sprintf("data \"novacron_template\" \"it\" {\n  provider = novacron.bank\n  id = "+
				"\"shop/%s\"\n}\n", name)
		},
		func(name string) string {
			return fmt.Sprintf("data \"novacron_template_version\" \"it\" {\n  provider = novacron.bank\n  "+
				"template_id = \"shop/%s\"\n}\n", name)
		},
		func(name string) string {
			return fmt.Sprintf("data \"novacron_template_versions\" \"it\" {\n  provider = novacron.bank\n  "+
				"template_id = \"shop/%s\"\n}\n", name)
		},
	} {
		var said []string
		for _, asked := range []string{name, name + "-not"} {
			configure(offer(name, image), ask(asked))
			out := w.Fails(t, "plan")
			tfacc.Says(t, out, "Template not found", `has no template "shop/`+asked+`"`)
			_, diagnostics, _ := strings.Cut(tfacc.Prose(out), "Error: ")
			said = append(said, strings.ReplaceAll(diagnostics, asked, "NAME"))
		}
		if said[0] != said[1] {
			t.Errorf("what is hidden is told as\n%s\nand what is not there as\n%s", said[0], said[1])
		}
	}

	configure(offer(name, image, share))
	w.Apply(t)
	configure(offer(name, image, share), running, stopped)
	tfacc.Says(t, w.Apply(t), "2 added, 0 changed, 0 destroyed")
	w.EmptyPlan(t)

	// Instances belong to their tenant, under every name.
	theft := ofBank("theft", name)
	theft.Provider = "novacron.shop"
	for _, id := range []string{
		"bank/" + name + "-off", strings.TrimSpace(host.Virsh(t, "domuuid", "bank."+name+"-off")),
	} {
		configure(offer(name, image, share), running, stopped, theft.String(),
			fmt.Sprintf("import {\n  to = novacron_instance.theft\n  id = %q\n}\n", id))
		tfacc.Says(t, w.Fails(t, "plan"), `The host has no instance "`+id+`"`)
	}

	configure(offer(name, image), running, stopped)
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	stopped = bankInstance("off", name, `power_state = "stopped"`, `hardware_profile = { memory_mb = 96 }`)
	configure(offer(name, image), running, stopped)
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if memory := host.Virsh(t, "dominfo", "bank."+name+"-off"); !strings.Contains(memory, "98304 KiB") {
		t.Errorf("after the change:\n%s", memory)
	}
	configure(offer(name, image), running, stopped, bankInstance("new", name))
	tfacc.Says(t, w.Fails(t, "plan"), "Template not found", `has no template "shop/`+name+`"`)

	deprecated := []string{share, `state = "deprecated"`, `deprecation_message = "Use trixie instead."`}
	configure(offer(name, image, deprecated...), running, stopped)
	w.Apply(t)
	out, err := w.Run(t.Context(), "plan", "-detailed-exitcode")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "No changes", "Template is deprecated",
		`Template "shop/`+name+`" is deprecated. Its author says: Use trixie instead.`)
	configure(offer(name, image, deprecated...), running, stopped, bankInstance("new", name))
	if out, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		tfacc.Says(t, out, "1 to add, 0 to change, 0 to destroy", "Template is deprecated", "Use trixie instead.")
	}

	configure(offer(name, image, share, `state = "archived"`), running, stopped)
	w.Apply(t)
	w.EmptyPlan(t)
	configure(offer(name, image, share, `state = "archived"`), running, stopped, bankInstance("new", name))
	tfacc.Says(t, w.Fails(t, "plan"), "Template is archived", `resource "novacron_instance" "new"`,
		"nothing new can be created from it")
	configure(offer(name, image, share, `state = "draft"`), running, stopped)
	tfacc.Says(t, w.Fails(t, "plan"), "State cannot return to draft", `state = "draft"`,
		`is archived and has instances: 2 of other tenants. Only its writers see a draft`)
	configure(running, stopped)
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), `Version "shop/`+name+`@1.0.0" cannot be removed`,
		"2 of other tenants")
}
