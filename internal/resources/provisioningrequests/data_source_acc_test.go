package provisioningrequests_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

const address = "data.novacron_provisioning_requests.it"

// shop returns a template "it" with the versions 1.0.0 and 1.1.0. Their images differ, and neither
// boots.
func shop(t *testing.T, provider, name string) string {
	it := tfconfig.Template{Name: name, HardwareProfile: &tfconfig.Hardware{MemoryMB: 128}}
	older := tfconfig.Release("1.0.0", tfacc.EmptyImage(t, "16M")).Of(it)
	newer := tfconfig.Release("1.1.0", tfacc.EmptyImage(t, "17M")).Of(it)
	newer.Label = "newer"
	return provider + tfconfig.Render(it, older, newer)
}

// instance returns an instance of the shop's template, which is stopped unless the settings say
// otherwise.
func instance(label string, name tfconfig.Value, version string, settings ...string) string {
	if len(settings) == 0 {
		settings = []string{`power_state = "stopped"`}
	}
	return tfconfig.Instance{
		Meta: tfconfig.Meta{
			Label: label, Settings: settings,
			DependsOn: []tfconfig.Expr{"novacron_template_version.it", "novacron_template_version.newer"},
		},
		Name: name, TemplateID: tfconfig.Template{}.Ref("id"), Version: version, OnVersionChange: "reimage",
	}.String()
}

// find returns the data source "it", which is read after the resources that it depends on. findAs
// gives it another label.
func find(after string, filters ...string) string { return findAs("it", after, filters...) }

func findAs(label, after string, filters ...string) string {
	return "data \"novacron_provisioning_requests\" \"" + label + "\" {\n  depends_on = [" + after + "]\n  " +
		strings.Join(filters, "\n  ") + "\n}\n"
}

// request expects an entry with these attributes.
func request(
	action, instance, version, status string, instanceID, failure knownvalue.Check, steps ...string,
) knownvalue.Check {
	names := make([]knownvalue.Check, len(steps))
	for i, step := range steps {
		names[i] = knownvalue.ObjectExact(map[string]knownvalue.Check{
			"name": knownvalue.StringExact(step), "duration_ms": knownvalue.NotNull(),
		})
	}
	moment := knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
	return knownvalue.ObjectPartial(map[string]knownvalue.Check{
		"action":           knownvalue.StringExact(action),
		"instance_name":    knownvalue.StringExact(instance),
		"resolved_version": knownvalue.StringExact(version),
		"status":           knownvalue.StringExact(status),
		"instance_id":      instanceID,
		"error":            failure,
		"steps":            knownvalue.ListExact(names),
		"tenant":           knownvalue.StringExact("default"),
		"requested_by":     knownvalue.StringExact("tester"),
		"uri":              knownvalue.StringExact("qemu+unix:///system"),
		"created_at":       moment,
		"started_at":       moment,
		"completed_at":     moment,
		"duration_seconds": knownvalue.NotNull(),
	})
}

// lists expects these entries in the data source "it", listsAs in another one.
func lists(entries ...knownvalue.Check) []statecheck.StateCheck { return listsAs("it", entries...) }

func listsAs(label string, entries ...knownvalue.Check) []statecheck.StateCheck {
	return []statecheck.StateCheck{statecheck.ExpectKnownValue("data.novacron_provisioning_requests."+label,
		tfjsonpath.New("requests"), knownvalue.ListExact(entries))}
}

func TestAccRequestsOutliveTheirInstances(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("requests")
	pool, _ := host.Pool(t, name)
	host.Network(t, name, noBridge)
	provider := func(tenant string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  user = \"tester\"\n  tenant = %q\n}\n",
			pool, tenant)
	}
	base, null, uuid := shop(t, provider("default"), name), knownvalue.Null(),
		knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f-]{36}$`))
	made := request("create", name+"-a", "1.0.0", "completed", uuid, null, "define", "disks", "seed")
	reimaged := request("reimage", name+"-a", "1.1.0", "completed", uuid, null, "disks", "shutdown", "seed", "define",
		"start")
	failed := request("create", name+"-failed", "1.0.0", "failed", null,
		knownvalue.StringRegexp(regexp.MustCompile(`^Making instance .*step start: .*nova-none`)), "define", "disks",
		"seed", "start")
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		Steps: []resource.TestStep{
			{
				Config:      base + "data \"novacron_provisioning_requests\" \"it\" {\n  status = \"done\"\n}\n",
				ExpectError: regexp.MustCompile(`status value must be one of`),
			},
			{Config: base + find("novacron_template.it"), ConfigStateChecks: lists()},
			{Config: base + instance("a", name+"-a", "1.0.0") + find("novacron_instance.a"),
				ConfigStateChecks: append(lists(made),
					statecheck.CompareValuePairs("novacron_instance.a",
						tfjsonpath.New("provisioning").AtMapKey("request_id"), address,
						tfjsonpath.New("requests").AtSliceIndex(0).AtMapKey("request_id"), compare.ValuesSame()),
					statecheck.CompareValuePairs("novacron_instance.a", tfjsonpath.New("id"),
						address, tfjsonpath.New("requests").AtSliceIndex(0).AtMapKey("instance_id"),
						compare.ValuesSame()))},
			{
				Config: base + instance("a", name+"-a", "1.0.0") + instance("b", name+"-failed", "1.0.0",
					onNetwork(name)), ExpectError: regexp.MustCompile(`nova-none`),
			},
			{
				Config:            base + instance("a", name+"-a", "1.1.0") + find("novacron_instance.a"),
				ConfigStateChecks: lists(reimaged, failed, made),
			},
			{Config: base},
			{
				Config: base + find("novacron_template.it") + findAs("failed", "novacron_template.it",
					`status = "failed"`) +
					findAs("newest", "novacron_template.it", fmt.Sprintf("instance_name = %q", name+"-a"),
						"limit = 1") +
					findAs("strange", "novacron_template.it", `template_id = "default/other"`) +
					findAs("own", "novacron_template.it", `template_id = novacron_template.it.id`,
						`tenant = "default"`) +
					findAs("others", "novacron_template.it", `tenant = "other"`),
				ConfigStateChecks: slices.Concat(lists(reimaged, failed, made), listsAs("failed", failed),
					listsAs("newest", reimaged), listsAs("strange"), listsAs("own", reimaged, failed, made),
					listsAs("others")),
			},
		},
	})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		Steps: []resource.TestStep{{
			Config:            provider("other") + find("", `tenant = "default"`) + findAs("own", ""),
			ConfigStateChecks: append(lists(), listsAs("own")...),
		}},
	})
}

// noBridge is part of the definition of a network. No guest can start on it, because its bridge
// does not exist.
const noBridge = "<forward mode='bridge'/><bridge name='nova-none'/>"

// onNetwork returns the settings of an instance with an interface on a network.
func onNetwork(name string) string {
	return fmt.Sprintf("network_profile = { interfaces = { eth0 = { network = %q } } }", name)
}

// written reads the statuses that a pool's catalog stores, by instance.
func written(t *testing.T, host *acctest.Host, pool string) map[string]catalog.RequestStatus {
	t.Helper()
	h, err := libvirt.New(libvirt.Options{URI: host.URI})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	records, err := poolstore.New(h, pool).Requests().List(t.Context(), "default/")
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]catalog.RequestStatus{}
	for _, rec := range records {
		statuses[rec.Value.Instance] = rec.Value.Status
	}
	return statuses
}

// listed reads the statuses that the data source shows, newest first, as "INSTANCE STATUS".
func listed(t *testing.T, w *tfacc.Workspace) []string {
	t.Helper()
	w.Write(t, "find.tf", find("")+"output \"requests\" {\n  value = [for r in "+
		"data.novacron_provisioning_requests.it.requests : \"${r.instance_name} ${r.status}\"]\n}\n")
	w.Apply(t)
	out, err := w.Run(t.Context(), "output", "-json", "requests")
	var requests []string
	if err == nil {
		err = json.Unmarshal([]byte(out), &requests)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return requests
}

// The data source shows a request of a killed process as failed, even while the record still says
// that it is running. The next request corrects the record.
func TestAccCutOffRequestsAreToldSo(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("cutoff")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	base := shop(t, tfacc.Provider(pool), name)
	w := tfacc.NewWorkspace(t, base)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	cutOff := func(domain string, end syscall.Signal) {
		t.Helper()
		// A blank guest never gets an address, so the request runs until the timeout.
		w.Configure(t, base+instance("it", domain, "1.0.0", `wait_for = ["ip"]`))
		started := func() bool {
			_, err := os.Stat(host.HostPath("/run/libvirt/qemu/" + domain + ".pid"))
			return err == nil
		}
		if out, err := w.Start(t, "apply", "-auto-approve").Until(
			t, "the guest has started", started, end,
		); err == nil {
			t.Errorf("terraform succeeded:\n%s", out)
		}
		w.Configure(t, base)
	}
	killed, cancelled := name+"-0", name+"-1"
	cutOff(killed, syscall.SIGKILL)
	if got, want := listed(t, w), []string{killed + " failed"}; !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	if status := written(t, host, pool)[killed]; status != catalog.RequestRunning {
		t.Errorf("the killed request is written as %q", status)
	}
	cutOff(cancelled, syscall.SIGINT)
	if statuses := written(t, host, pool); statuses[killed] != catalog.RequestFailed ||
		statuses[cancelled] != catalog.RequestCancelled {
		t.Errorf("the catalog has %v: the cancelled request was to settle the killed one", statuses)
	}
	if got, want := listed(t, w), []string{cancelled + " cancelled", killed + " failed"}; !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	w.Configure(t, base+instance("it", killed, "1.0.0")) // removes what the killed apply left
	w.Apply(t)
}

func TestAccRequestsOfManyAtOnceAreKeptAsLongAsIsSaid(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("retention")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	keep := func(count int) string {
		return shop(t, fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  request_retention = { count = %d, "+
			"age_days = 1 }\n}\n", pool, count), name)
	}
	numbered := tfconfig.Expr(`"` + name + "-${count.index}\"")
	many := func(count string) string {
		return instance("many", numbered, "1.0.0", "count = "+count, `power_state = "stopped"`)
	}
	w := tfacc.NewWorkspace(t, keep(3)+many("12"))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	// Each process applies the retention when its first request ends. At that time most of the 12
	// are still running.
	if got := len(written(t, host, pool)); got < 3 || got > 12 {
		t.Errorf("%d of 12 requests are recorded", got)
	}
	for instance, status := range written(t, host, pool) {
		if status != catalog.RequestCompleted {
			t.Errorf("%s is %s", instance, status)
		}
	}
	w.Configure(t, keep(3)+many("13"))
	w.Apply(t)
	got := listed(t, w)
	if len(got) != 3 || got[0] != name+"-12 completed" {
		t.Errorf("kept are %q, want 3, the newest first", got)
	}
}

// The record of a failed request does not contain the request's secrets.
func TestAccRecordsHaveNoSecrets(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("secret")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	host.Network(t, name, noBridge)
	secret := rand.Text()
	config := tfacc.Provider(pool) + fmt.Sprintf(`
resource "novacron_template" "it" {
  name       = %q
  parameters = { db_pass = { type = "string", sensitive = true } }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source      = { path = %q }
}
resource "novacron_instance" "it" {
  name          = %q
  template_id   = novacron_template.it.id
  version       = novacron_template_version.it.version
  parameters_wo = { db_pass = %q }
  wait_for      = ["cloud_init"]
  %s
}
`, name, tfacc.EmptyImage(t, "16M"), name, secret, onNetwork(name))
	w := tfacc.NewWorkspace(t, config)
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "nova-none")
	if status := written(t, host, pool)[name]; status != catalog.RequestFailed {
		t.Errorf("the request is %q", status)
	}
	files, err := filepath.Glob(filepath.Join(host.HostPath(directory), "nova.request.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are %d files of requests, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), secret) {
			t.Errorf("%s has the secret:\n%s", file, content)
		}
	}
}
