package templateversion_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// A new image for a version would replace it under a clone of the same configuration, so the plan
// refuses.
func TestAccVersionInUseIsNotReplaced(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("swap")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	mine := clone(name).String()
	before := library(pool, name) + version("it", "1.0.0", fromPath(tfacc.EmptyImage(t, "16M"))) + mine
	w := tfacc.NewWorkspace(t, before)
	t.Cleanup(func() {
		w.Configure(t, before)
		w.Destroy(t)
	})
	w.Apply(t)
	stored := bases(t, host, directory)
	says := []string{"Version is removed under its instance", "with novacron_instance.it", `Instance "default/` + name +
		`" needs the image of version "default/` + name + `@1.0.0"`}

	w.Configure(t, library(pool, name)+version("it", "1.0.0", fromPath(tfacc.EmptyImage(t, "17M")))+mine)
	tfacc.Says(t, w.Fails(t, "plan"), says...)
	w.Configure(t, library(pool, name)+version("it", "1.0.0", fromPath(tfacc.EmptyImage(t, "16M")),
		`hardware_profile = { memory_mb = 256 }`)+mine)
	tfacc.Says(t, w.Fails(t, "plan"), says...)

	if now := bases(t, host, directory); len(now) != 1 || now[0] != stored[0] {
		t.Errorf("the pool had the images %q and has %q", stored, now)
	}
	w.Configure(t, before)
	w.EmptyPlan(t)
}

// While other configurations have versions of a template, it cannot be removed, and the error lists
// what depends on it.
func TestAccTemplateInUseStays(t *testing.T) {
	const share = `access_control = { use_tenants = ["team-2"] }`
	host, name := acctest.RequireHost(t), tfacc.Name("tree")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	owner := tfacc.NewWorkspace(t, library(pool, name, share))
	t.Cleanup(func() {
		owner.Configure(t, library(pool, name, share))
		owner.Destroy(t)
	})
	owner.Apply(t)
	// These are other configurations, so Terraform does not know what to destroy first.
	publisher := tfacc.NewWorkspace(t, tfconfig.Render(tfconfig.Provider{Pool: pool}, tfconfig.Version{
		TemplateID: "default/" + name, Version: "1.0.0", Source: &tfconfig.Source{Path: tfacc.EmptyImage(t, "16M")},
	}))
	t.Cleanup(func() { publisher.Destroy(t) })
	publisher.Apply(t)
	user := tfacc.NewWorkspace(t, tfacc.Provider(pool)+cloneOf(name, name, "1.0.0").String())
	user.Setenv("NOVACRON_TENANT", "team-2")
	t.Cleanup(func() { user.Destroy(t) })
	user.Apply(t)
	stored := bases(t, host, directory)

	says := []string{"Template still has versions",
		`Template "default/` + name + `" cannot be removed while it has versions: 1.0.0. Destroy them first, and ` +
			`before them the instances that need their images: 1 of other tenants`, "Nothing was changed"}
	tfacc.Says(t, owner.Fails(t, "destroy", "-auto-approve"), says...)
	owner.Configure(t, library(pool, name+"-renamed", share))
	tfacc.Says(t, owner.Fails(t, "apply", "-auto-approve"), says...)

	if now := bases(t, host, directory); len(now) != 1 || now[0] != stored[0] {
		t.Errorf("the pool had the images %q and has %q", stored, now)
	}
	owner.Configure(t, library(pool, name, share))
	for _, w := range []*tfacc.Workspace{owner, publisher, user} {
		w.EmptyPlan(t)
	}
}
