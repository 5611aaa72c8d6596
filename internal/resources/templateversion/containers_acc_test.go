package templateversion_test

import (
	"path/filepath"
	"regexp"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
)

// containers returns the configuration of a provider for the pool and of a template "it" of containers.
func containers(pool, name string, settings ...string) string {
	return library(pool, name, append([]string{`type = "container"`}, settings...)...)
}

// A version of containers shows what its image says about how to run it, and so do data sources.
func TestAccVersionShowsTheImageOfContainers(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("image")
	pool, _ := host.Pool(t, name)
	layout := ocitest.Layout(t, ocitest.Shop(t, "amd64", func(f *v1.ConfigFile) {
		f.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}}
	}))
	tar := filepath.Join(t.TempDir(), "root.tar")
	files := ocitest.Tar(t, ocitest.Dir("etc"), ocitest.File("etc/motd", "hi\n"))
	writeFile(t, tar, files)
	const (
		it    = "novacron_template_version.it"
		plain = "novacron_template_version.plain"
		data  = `
data "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  constraint  = novacron_template_version.it.version
}
data "novacron_template_versions" "it" {
  template_id = novacron_template.it.id
  depends_on  = [novacron_template_version.it, novacron_template_version.plain]
}
`
	)
	config := containers(pool, name, `container = { env = { A = "1" } }`) +
		version("it", "1.0.0", fromPath(layout), `container = { user = "1000" }`) +
		version("plain", "0.9.0", fromPath(tar)) + data
	is := func(address, attribute string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want)
	}
	checks := []statecheck.StateCheck{
		is(it, "oci_digest", knownvalue.StringRegexp(regexp.MustCompile(`^sha256:[0-9a-f]{64}$`))),
		is(it, "architecture", knownvalue.StringExact("amd64")),
		is(it, "exposed_ports", knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("80/tcp")})),
		statecheck.ExpectKnownValue(it, tfjsonpath.New("image_config").AtMapKey("entrypoint"),
			knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("/shop")})),
		is(plain, "oci_digest", knownvalue.Null()),
		is(plain, "exposed_ports", knownvalue.ListExact(nil)),
		is(plain, "container", knownvalue.Null()),
		statecheck.ExpectKnownValue("data.novacron_template_version.it", tfjsonpath.New("container").AtMapKey("user"),
			knownvalue.StringExact("1000")),
		statecheck.CompareValuePairs(it, tfjsonpath.New("oci_digest"), "data.novacron_template_versions.it",
			tfjsonpath.New("versions").AtSliceIndex(0).AtMapKey("oci_digest"), compare.ValuesSame()),
	}
	for _, attribute := range []string{"oci_digest", "architecture", "exposed_ports", "image_config"} {
		checks = append(checks, statecheck.CompareValuePairs(it, tfjsonpath.New(attribute),
			"data.novacron_template_version.it", tfjsonpath.New(attribute), compare.ValuesSame()))
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{Config: config, ConfigStateChecks: checks},
			{ResourceName: it, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{
				"source", "provisioning", "transferred_bytes", "verify",
			}},
		},
	})
}

// A plan refuses what the template's type does not have in the version, and in what the version makes
// of the template.
func TestAccBadVersionOfContainersIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("badroot")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	layout := ocitest.Layout(t, ocitest.Shop(t, "amd64"))
	shop := containers(pool, name, `storage_profile = { disks = { data = { size_gb = 1, mount_path = "/data" } } }`,
		`parameters = { port = { type = "integer", default = 80 } }`)
	w := tfacc.NewWorkspace(t, shop)
	t.Cleanup(func() {
		w.Configure(t, shop) // destroy needs a valid configuration
		w.Destroy(t)
	})
	w.Apply(t)
	const at, not = `resource "novacron_template_version" "it":`, "Not supported by this type of template"
	it := func(settings string) string { return version("it", "2.0.0", fromPath(layout), settings) }
	refusals := w.Refusals(shop)
	for _, c := range []struct {
		mistake, config string
		says            []string
	}{
		{"firmware", it(`hardware_profile = { firmware = "efi" }`),
			[]string{not, at, "hardware_profile.firmware", `leave firmware = "efi" out`}},
		{"a disk without a mount path", it(`storage_profile = { disks = { system = {}, more = { size_gb = 1 } } }`),
			[]string{"Missing mount path", at, `disks["more"].mount_path`}},
		{"a tmpfs at the path of the template's disk", it(`container = { tmpfs = { "/data" = {} } }`),
			[]string{"Two mounts at one path", at, `container.tmpfs["/data"]`, `disk "data"`}},
		{"cloud-init", it(`cloud_init = { user_data = "#cloud-config\n" }`),
			[]string{not, at, "An application container has no cloud-init"}},
		{"a parameter that the template does not have", it(`container = { env = { PORT = "{{ .prot }}" } }`),
			[]string{"Unknown parameter", at, `Variable "PORT"`, `Did you mean "port"?`}},
		{"a policy", it(`container = { restart = "maybe" }`), []string{"Unknown restart policy", at}},
		{"a warm snapshot", it(`warm = { settle_seconds = 0 }`), []string{not, at, "warm", "leave it out"}},
	} {
		refusals.Add(c.mistake, c.config, c.says...)
	}
	refusals.Check(t)
}
