package templateversion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// One version resource changes its number, and an instance refers to it. The instance leaves the
// old version before that is removed.
func TestAccVersionIsBumpedWithItsClones(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("bump")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	images := map[string]string{
		"1.0.0": tfacc.EmptyImage(t, "16M"), "1.1.0": tfacc.EmptyImage(t, "17M"), "1.2.0": tfacc.EmptyImage(t, "18M"),
		"1.3.0": tfacc.EmptyImage(t, "19M"),
	}
	const first = "lifecycle { create_before_destroy = true }"
	config := func(number, versionSettings string, onChange tfconfig.Value) string {
		mine := clone(name)
		mine.OnVersionChange = onChange
		return library(pool, name) + version("it", number, fromPath(images[number]), versionSettings) + mine.String()
	}
	w := tfacc.NewWorkspace(t, config("1.0.0", "", nil))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	for _, c := range []struct {
		number, version string
		onChange        tfconfig.Value
		says            string
	}{
		{"1.1.0", "", nil, "2 added, 0 changed, 2 destroyed"},
		{"1.2.0", first, nil, "2 added, 0 changed, 2 destroyed"},
		{"1.3.0", first, "reimage", "1 added, 1 changed, 1 destroyed"},
	} {
		w.Configure(t, config(c.number, c.version, c.onChange))
		tfacc.Says(t, w.Apply(t), c.says)
		w.EmptyPlan(t)
		if now := bases(t, host, directory); len(now) != 1 {
			t.Errorf("with version %s the pool has the images %q", c.number, now)
		}
	}
	// Without create_before_destroy, Terraform removes the version first. Terraform does not tell a
	// provider about create_before_destroy, so the plan recommends it.
	w.Configure(t, config("1.0.0", "", "reimage"))
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "System disk will be replaced", "The same apply removes version 1.3.0",
		"create_before_destroy = true")
}

// If a release is taken out of a map while clones of the same state need it, the plan refuses. If
// clones of other states need it, the plan warns.
func TestAccReleaseIsNotRemovedUnderClones(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("release")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := tfacc.EmptyImage(t, "16M")
	versions := func(numbers ...string) string {
		return tfconfig.Version{
			Meta:    tfconfig.Meta{ForEach: tfconfig.Expr(fmt.Sprintf(`toset(["%s"])`, strings.Join(numbers, `", "`)))},
			Version: tfconfig.Expr("each.key"), Source: &tfconfig.Source{Path: image},
		}.Of(tfconfig.Template{}).String()
	}
	releases := func(numbers ...string) string { return library(pool, name) + versions(numbers...) }
	own := func(number string) string {
		mine := clone(name)
		mine.Version = tfconfig.Expr(fmt.Sprintf("novacron_template_version.it[%q].version", number))
		return mine.String()
	}
	before := releases("1.0.0", "1.1.0")
	w := tfacc.NewWorkspace(t, before+own("1.0.0"))
	t.Cleanup(func() {
		w.Configure(t, before)
		w.Destroy(t)
	})
	w.Apply(t)

	t.Log("the same state has the clone")
	pinned := clone(name)
	pinned.Version, pinned.DependsOn = "1.0.0", []tfconfig.Expr{"novacron_template_version.it"}
	w.Configure(t, releases("1.1.0")+pinned.String())
	tfacc.Says(t, w.Fails(t, "plan"), "Version is removed under its instance", "novacron_instance",
		`Instance "default/`+name+`" needs the image of version "default/`+name+`@1.0.0"`)
	w.Configure(t, releases("1.1.0")+own("1.1.0"))
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 2 destroyed")
	w.EmptyPlan(t)

	t.Log("another state has it")
	user := tfacc.NewWorkspace(t, tfacc.Provider(pool)+cloneOf(name+"-user", name, "1.1.0").String())
	t.Cleanup(func() { user.Destroy(t) })
	user.Apply(t)
	plan := func(args ...string) string {
		out, err := w.Run(t.Context(), append([]string{"plan"}, args...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	warning := []string{"Version may be in use", `The plan removes version "default/` + name +
		`@1.1.0", and these instances need its base image: default/` + name,
		"default/" + name + "-user", "The apply is refused", `state = "archived"`}
	w.Configure(t, releases("1.0.0")+own("1.0.0"))
	tfacc.Says(t, plan(), warning...)
	w.Configure(t, releases("1.1.0")+own("1.1.0"))
	out := plan("-destroy")
	tfacc.Says(t, out, "Version may be in use", "default/"+name+"-user")
	if strings.Contains(out, "default/"+name+",") {
		t.Errorf("the clone is named that the same plan destroys:\n%s", out)
	}
	user.Destroy(t)
	if out := plan("-destroy"); strings.Contains(out, "may be in use") {
		t.Errorf("the plan of destroying everything warns:\n%s", out)
	}

	t.Log("another tenant has it, which another provider of the same configuration may be for")
	w.Configure(t, library(pool, name, `access_control = { use_tenants = ["team-2"] }`)+versions("1.1.0")+own("1.1.0"))
	w.Apply(t)
	theirs := tfacc.NewWorkspace(t, tfacc.Provider(pool)+cloneOf(name, name, "1.1.0").String())
	theirs.Setenv("NOVACRON_TENANT", "team-2")
	t.Cleanup(func() { theirs.Destroy(t) })
	theirs.Apply(t)
	out, err := w.Run(t.Context(), "plan", "-destroy")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "Version may be in use", `The plan removes version "default/`+name+
		`@1.1.0", and these instances need its base image:`, "1 of other tenants")
	theirs.Destroy(t)
}
