package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// example reads a file below examples/.
func example(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "examples", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// exchanged is an example with some of its text exchanged, each old one for the new one behind it.
func exchanged(t *testing.T, example string, oldNew ...string) string {
	t.Helper()
	for n := 0; n < len(oldNew); n += 2 {
		if !strings.Contains(example, oldNew[n]) {
			t.Fatalf("%q is not in the example:\n%s", oldNew[n], example)
		}
	}
	return strings.NewReplacer(oldNew...).Replace(example)
}

// resources is what users read on the resources' pages, one after another; a page refers to those
// before it.
func resources(t *testing.T, names ...string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range names {
		all.WriteString(example(t, "resources/novacron_"+name+"/resource.tf"))
	}
	return all.String()
}

func TestAccExamplesAreValid(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	home, _ := homeWithKey(t)
	valid := func(what string, files map[string]string) {
		t.Run(what, func(t *testing.T) {
			w := tfacc.NewWorkspace(t, "")
			w.Setenv("HOME", home)
			for name, content := range files {
				w.Write(t, name, content)
			}
			if out, err := w.Run(t.Context(), "validate"); err != nil {
				t.Errorf("terraform validate: %v\n%s", err, out)
			}
		})
	}
	valid("provider", map[string]string{"main.tf": example(t, "provider/provider.tf")})
	valid("quickstart", map[string]string{"main.tf": example(t, "quickstart/main.tf"),
		"variables.tf": example(t, "quickstart/variables.tf"),
		"outputs.tf":   example(t, "quickstart/outputs.tf")})
	valid("catalog in PostgreSQL", map[string]string{"main.tf": example(t, "catalog-postgresql/main.tf")})
	valid("profiles", map[string]string{"main.tf": example(t, "profiles/main.tf")})
	valid("writing a template", map[string]string{"main.tf": example(t, "writing-a-template/main.tf")})
	valid("sharing", map[string]string{"main.tf": example(t, "sharing/main.tf")})
	valid("golden images", map[string]string{"main.tf": example(t, "golden-images/main.tf")})
	valid("quotas", map[string]string{"main.tf": example(t, "quotas/main.tf")})
	valid("groups", map[string]string{"main.tf": example(t, "groups/main.tf")})
	valid("instantiate", map[string]string{"main.tf": example(t, "instantiate/main.tf")})
	valid("incremental versions", map[string]string{"main.tf": example(t, "incremental-versions/main.tf")})
	valid("publishing releases", map[string]string{"main.tf": example(t, "publishing-releases/main.tf")})
	pages := map[string]string{}
	for _, kind := range []string{
		"resources/*/resource*.tf", "data-sources/*/data-source.tf", "functions/*/function.tf",
	} {
		paths, err := filepath.Glob(filepath.Join("..", "..", "examples", kind))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", kind, len(paths), err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.Base(filepath.Dir(path))+"-"+filepath.Base(path)] = string(content)
		}
	}
	valid("all pages together", pages)
}

// homeWithKey creates a home directory with an SSH key, as the examples expect it; private is the
// key's path.
func homeWithKey(t *testing.T) (home, private string) {
	t.Helper()
	home = t.TempDir()
	private = filepath.Join(home, ".ssh", "id_ed25519")
	if err := os.Mkdir(filepath.Dir(private), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(
		t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private,
	).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return home, private
}

// What the pages of templates, versions and data sources show is applied as it stands.
func TestAccExamplesWork(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("examples")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	tenant := func(tenant, config string) *tfacc.Workspace {
		w := tfacc.NewWorkspace(t, config)
		w.Setenv("NOVACRON_TENANT", tenant)
		w.Setenv("NOVACRON_POOL", pool)
		w.OwnProcess() // whose working directory has the images that the examples name
		return w
	}
	noble, err := os.ReadFile(tfacc.EmptyImage(t, "2G"))
	if err != nil {
		t.Fatal(err)
	}
	apply := func(w *tfacc.Workspace, args ...string) string {
		out, err := w.Run(t.Context(), append([]string{"apply", "-auto-approve"}, args...)...)
		if err != nil {
			t.Fatalf("terraform apply: %v\n%s", err, out)
		}
		return out
	}
	team := tenant("team-a", resources(t, "template", "template_version"))
	team.Write(t, "noble.qcow2", string(noble))
	shop, err := os.ReadFile(acctest.WebImage(t))
	if err != nil {
		t.Fatal(err)
	}
	team.Write(t, "shop.tar", string(shop))
	t.Cleanup(func() { team.Destroy(t) })
	// The other version's image is a download from a site that does not exist.
	tfacc.Says(t, apply(team, "-target=novacron_template_version.v1_0"), "2 added")

	platform := tenant("platform", "resource \"novacron_template\" \"debian\" {\n  name = \"debian-12\"\n  "+
		"is_public = true\n}\n")
	t.Cleanup(func() { platform.Destroy(t) })
	platform.Apply(t)

	host.Exec(t, "ip", "link", "add", "br0", "type", "bridge") // which the template's second interface is on
	t.Cleanup(func() { host.Exec(t, "ip", "link", "delete", "br0") })
	user := tenant("team-a", "resource \"novacron_instance\" \"web\" {\n  name = \"web-1\"\n  template_id = "+
		"\"team-a/ubuntu-server-24.04\"\n  version = \"1.0.0\"\n  power_state = \"stopped\"\n  parameters = { "+
		"hostname = \"web-1\" }\n}\n")
	t.Cleanup(func() { user.Destroy(t) })
	user.Apply(t)

	reader := tenant("team-a", "")
	for _, page := range []string{
		"host", "template", "templates", "template_version", "template_versions", "instance", "instances",
		"provisioning_requests", "catalog", "polkit_rules",
	} {
		reader.Write(t, "novacron_"+page+".tf", example(t, "data-sources/novacron_"+page+"/data-source.tf"))
	}
	for _, name := range []string{"version_matches", "newest_version", "parse_id"} {
		reader.Write(t, name+".tf", example(t, "functions/"+name+"/function.tf"))
	}
	tfacc.Says(t, reader.Apply(t), "its rules guard against mistakes only", "0 added", "backends = {}", "failures = []",
		`image_digest = "fsverity:`, "is_long_term = true", "library_gb = 0", `newest_release = "1.10.0"`,
		"50-novacron-platform.rules", "seconds = {", `"web-1" = [`,
		`template = "ubuntu-server-24.04 1.1.0 of platform"`, "unused_versions = []")
}

// The guide's worked example can be planned, and finds the mistake that the guide shows.
func TestAccWorkedExampleFindsMistakes(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	worked := example(t, "writing-a-template/main.tf")
	w := tfacc.NewWorkspace(t, "")
	pool, _ := host.Pool(t, tfacc.Name("worked"))
	w.Setenv("NOVACRON_POOL", pool)
	w.Setenv("TF_VAR_image", tfacc.EmptyImage(t, "2G"))
	home, _ := homeWithKey(t)
	w.Setenv("HOME", home)
	w.Write(t, "main.tf", worked)
	t.Cleanup(func() {
		w.Write(t, "main.tf", worked)
		w.Destroy(t)
	})
	for _, args := range [][]string{{"apply", "-auto-approve", "-target=novacron_template_version.app"}, {"plan"}} {
		if out, err := w.Run(t.Context(), args...); err != nil {
			t.Fatalf("terraform %v: %v\n%s", args, err, out)
		}
	}
	wrong := exchanged(t, worked, "http_port = 80\n", "http_port = \"http\"\n")
	w.Write(t, "main.tf", wrong)
	tfacc.Says(t, w.Fails(t, "plan"), "Invalid parameter value", "on main.tf line 73", `http_port = "http"`,
		`Parameter "http_port": "http" is not an integer.`)
}

// The guide's example is applied as it stands, and a release is added, followed and removed as the
// guide says.
func TestAccPublishingExampleWorks(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	pool, _ := host.Pool(t, tfacc.Name("publish"))
	w.Setenv("NOVACRON_POOL", pool)
	w.Setenv("NOVACRON_TENANT", pool) // so that no other test has an instance of that name
	config := example(t, "publishing-releases/main.tf")
	releases := func(lines ...string) {
		before, rest, _ := strings.Cut(config, "  default = {\n")
		_, after, found := strings.Cut(rest, "\n  }\n}\n")
		if !found {
			t.Fatal("the example has no default of releases")
		}
		w.Write(t, "main.tf", before+"  default = {\n"+strings.Join(lines, "\n")+"\n  }\n}\n"+after)
	}
	release := func(number, size, state string) string {
		return `    "` + number + `" = { image = "` + tfacc.EmptyImage(t, size) + `", state = "` + state + `" }`
	}
	second := release("1.1.0", "17M", "active")
	releases(release("1.0.0", "16M", "active"))
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "3 added")
	w.EmptyPlan(t)
	releases(release("1.0.0", "16M", "archived"), second)
	tfacc.Says(t, w.Apply(t), "1 added, 2 changed, 0 destroyed")
	w.EmptyPlan(t)
	releases(second)
	tfacc.Says(t, w.Apply(t), "0 added, 0 changed, 1 destroyed")
	w.EmptyPlan(t)
	releases(release("1.2.0", "18M", "active")) // at once, which create_before_destroy allows
	tfacc.Says(t, w.Apply(t), "1 added, 1 changed, 1 destroyed")
	w.EmptyPlan(t)
}

// The guide's worked example is applied as it stands.
func TestAccSharingExampleWorks(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	pool, _ := host.Pool(t, tfacc.Name("guide"))
	w.Setenv("NOVACRON_POOL", pool)
	w.Setenv("TF_VAR_image", tfacc.EmptyImage(t, "16M"))
	w.Write(t, "main.tf", exchanged(t, example(t, "sharing/main.tf"),
		"  wait_for    = []\n", "  wait_for    = []\n  power_state = \"stopped\"\n"))
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "5 added")
	w.EmptyPlan(t)
	tfacc.Says(t, w.Show(t, "novacron_instance.web"), `resolved_version = "1.1.0"`)
}

// The guide's example is applied as it stands, with two hosts.
func TestAccHostsExampleWorks(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	w.Setenv("TF_VAR_image", acctest.TinyImage(t))
	one, two := shared.Own(t, "desk1"), shared.Own(t, "desk2")
	w.Setenv("TF_VAR_hosts", fmt.Sprintf("{ kvm1 = %q, kvm2 = %q }", one.URI, two.URI))
	w.Write(t, "main.tf", example(t, "hosts/main.tf"))
	t.Cleanup(func() { w.Destroy(t) })
	out := w.Apply(t)
	tfacc.Says(t, out, "5 added", "placed = {", `"store" = "kvm2"`)
	for _, host := range []string{"kvm1", "kvm2"} {
		if !strings.Contains(out[strings.Index(out, "placed = {"):], `= "`+host+`"`) {
			t.Errorf("nothing is placed on %s:\n%s", host, out)
		}
	}
	w.EmptyPlan(t)
}

// The guide's example is applied as it stands, with two hosts, and team-b gets no second instance.
func TestAccQuotasExampleWorks(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	w.Setenv("TF_VAR_image", tfacc.EmptyImage(t, "16M"))
	w.Setenv("TF_VAR_hosts", fmt.Sprintf("{ kvm1 = %q, kvm2 = %q }", shared.Own(t, "quota1").URI,
		shared.Own(t, "quota2").URI))
	config := example(t, "quotas/main.tf")
	w.Write(t, "main.tf", config)
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "6 added", "left = {", `"disk_gb" = 8`, `"memory_mb" = 768`, `"vcpus" = 2`)
	w.EmptyPlan(t)
	w.Write(t, "main.tf", exchanged(t, config,
		"  provider      = novacron.team_b\n  name          = \"web-0\"\n",
		"  provider      = novacron.team_b\n  count         = 2\n  name          = \"web-${count.index}\"\n"))
	tfacc.Says(t, w.Fails(t, "plan"), "Quota exceeded",
		`0 of 1 instances are left of tenant "team-b"'s quota in resource pool "gold", and 1 is asked for`)
	w.Write(t, "main.tf", config)
}

// The guide's example is applied as it stands, with two hosts, and there is no third web server.
func TestAccGroupsExampleWorks(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	w.Setenv("TF_VAR_image", tfacc.EmptyImage(t, "16M"))
	w.Setenv("TF_VAR_hosts", fmt.Sprintf("{ kvm1 = %q, kvm2 = %q }", shared.Own(t, "group1").URI,
		shared.Own(t, "group2").URI))
	config := example(t, "groups/main.tf")
	w.Write(t, "main.tf", config)
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "7 added", "placed = {")
	w.EmptyPlan(t)
	w.Write(t, "main.tf", exchanged(t, config, "  count       = length(var.hosts)\n",
		"  count       = length(var.hosts) + 1\n"))
	tfacc.Says(t, w.Fails(t, "plan"), "No host takes the instance", `of group "web" is there`)
	w.Write(t, "main.tf", config)
}

// The guide's example is applied as it stands: its instances are resumed.
func TestAccInstantiateExampleWorks(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	pool, _ := host.Pool(t, tfacc.Name("instantiate"))
	w.Setenv("NOVACRON_POOL", pool)
	w.Setenv("NOVACRON_TENANT", pool) // so that no other test has an instance of that name
	w.Setenv("TF_VAR_image", acctest.TinyImage(t))
	w.Write(t, "main.tf", example(t, "instantiate/main.tf"))
	t.Cleanup(func() { w.Destroy(t) })
	out := w.Apply(t)
	tfacc.Says(t, out, "4 added", "workers = {", `"snapshot" = "ready"`)
	if strings.Contains(out, "Guest was booted") {
		t.Errorf("instances were booted:\n%s", out)
	}
	w.EmptyPlan(t)
}

// The guide's example is applied as it stands: connections to the front reach all of the others.
func TestAccContainersExampleWorks(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	pool, _ := host.Pool(t, tfacc.Name("web"))
	w.Setenv("NOVACRON_POOL", pool)
	w.Setenv("NOVACRON_TENANT", pool) // so that no other test has an instance of that name
	w.Setenv("TF_VAR_image", acctest.WebImage(t))
	w.Write(t, "main.tf", example(t, "containers/main.tf"))
	t.Cleanup(func() { w.Destroy(t) })
	out := w.Apply(t)
	tfacc.Says(t, out, "6 added", `"sha256:`, `"8080/tcp"`)
	w.EmptyPlan(t)
	_, address, _ := strings.Cut(out, `address = "http://`)
	address, _, _ = strings.Cut(address, ":")
	const get = `exec 3<>/dev/tcp/$0/8080; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3`
	missing := map[string]bool{"web-0": true, "web-1": true, "web-2": true}
	for range 100 { // the front chooses at random: with (2/3)^100, the test fails by chance
		_, name, _ := strings.Cut(strings.TrimSpace(host.Exec(t, "bash", "-c", get, address)), "This is ")
		if delete(missing, strings.TrimSuffix(name, ".")); len(missing) == 0 {
			return
		}
	}
	t.Errorf("%s never led to %v", address, missing)
}
