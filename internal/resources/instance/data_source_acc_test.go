package instance_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// named expects a list to have instances of these names, in this order.
func named(label string, names ...string) []statecheck.StateCheck {
	checks := make([]knownvalue.Check, len(names))
	for i, name := range names {
		checks[i] = knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": knownvalue.StringExact(name)})
	}
	return []statecheck.StateCheck{
		statecheck.ExpectKnownValue("data.novacron_instances."+label, tfjsonpath.New("instances"),
			knownvalue.ListExact(checks)),
	}
}

func TestAccInstancesAreFound(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("found")
	pool, _ := host.Pool(t, name)
	image := blankImage(t)
	one, two, tenant := name+"-1", name+"-2", strings.ReplaceAll(name, "-", "")
	provider := func(tenant string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  tenant = %q\n}\n", pool, tenant)
	}
	made := func(tenant string) string {
		return provider(tenant) + shop(name, image) +
			instance("one", one, `description = "first"`, `labels = { role = "web", os = "linux" }`,
				`parameters = { hostname = "it" }`, `power_state = "stopped"`, `autostart = true`) +
			instance("two", two, `labels = { role = "db" }`, `wait_for = []`, `timeouts {
    delete = "1s"
  }`, `network_profile = {
    interfaces = { eth0 = { network = "default", ip_configuration = { static_ip = "192.168.122.250/24" } } }
  }`)
	}
	find := func(label string, filters ...string) string {
		return "data \"novacron_instances\" \"" + label + "\" {\n  template_id = novacron_template.it.id\n  " +
			"depends_on = [novacron_instance.one, novacron_instance.two]\n  " +
			strings.Join(filters, "\n  ") + "\n}\n"
	}
	single := func(label, how string) string {
		return "data \"novacron_instance\" \"" + label + "\" {\n  " + how + "\n}\n"
	}
	var same []statecheck.StateCheck
	for _, attribute := range []string{
		"id", "name", "tenant", "description", "template_id", "resolved_version", "update_available", "image_digest",
		"strategy", "labels",
		"power_state", "autostart", "deletion_protection", "domain_name", "host", "status", "ip_addresses",
		"ip_address", "mac_addresses",
	} {
		at := tfjsonpath.New(attribute)
		same = append(same, statecheck.CompareValuePairs("novacron_instance.one", at, "data.novacron_instance.it", at,
			compare.ValuesSame()),
			statecheck.CompareValuePairs("novacron_instance.one", at, "data.novacron_instances.it",
				tfjsonpath.New("instances").AtSliceIndex(0).AtMapKey(attribute), compare.ValuesSame()))
	}
	same = append(same,
		statecheck.CompareValuePairs("novacron_instance.two", tfjsonpath.New("id"), "data.novacron_instance.two",
			tfjsonpath.New("id"), compare.ValuesSame()),
		statecheck.CompareValuePairs("novacron_instance.one", tfjsonpath.New("effective_parameters"),
			"data.novacron_instance.it", tfjsonpath.New("effective_parameters"), compare.ValuesSame()),
		statecheck.CompareValuePairs("novacron_instance.one", tfjsonpath.New("provisioning").AtMapKey("request_id"),
			"data.novacron_instance.it", tfjsonpath.New("request_id"), compare.ValuesSame()),
		statecheck.ExpectKnownValue("data.novacron_instances.it",
			tfjsonpath.New("instances").AtSliceIndex(1).AtMapKey("ip_addresses"),
			knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("192.168.122.250")})))
	base := made("default")
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{
				Config:      base + single("it", `name = "UPPER"`),
				ExpectError: regexp.MustCompile(`"UPPER" is not a valid instance\s+name`),
			},
			{Config: base + single("it", ""), ExpectError: regexp.MustCompile(`one \(and only one\) of \[id,name\]`)},
			{
				Config:      base + "data \"novacron_instances\" \"it\" {\n  status = \"asleep\"\n}\n",
				ExpectError: regexp.MustCompile(`status value must be one of`),
			},
			{Config: base},
			{
				Config: base + single("it", "id = novacron_instance.one.id") +
					single("two", "name = novacron_instance.two.name") +
					find("it") + find("db", `labels = { role = "db" }`) +
					find("bsd", `labels = { role = "web", os = "bsd" }`) +
					find("off", `status = "shutoff"`) + find("old", `version = "< 1.0"`) +
					find("on", `version = "~> 1.0"`, `status = "running"`),
				ConfigStateChecks: slices.Concat(same, named("it", one, two), named("db", two), named("bsd"),
					named("off", one), named("old"), named("on", two)),
			},
			{
				Config:      base + single("it", fmt.Sprintf("name = %q", name+"-3")),
				ExpectError: regexp.MustCompile(`Instance not found`),
			},
			{Config: base, Check: tfacc.OnHost(func() { hidden(t, host, pool, tenant, one) })},
		},
	})
}

// hidden checks that an instance does not exist for another tenant: neither by its id, nor by its
// name, nor in a list.
func hidden(t *testing.T, host *acctest.Host, pool, tenant, domain string) {
	w := tfacc.NewWorkspace(t, "")
	asks := func(config string) {
		w.Configure(t, fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  tenant = %q\n}\n", pool, tenant)+config)
	}
	asks("data \"novacron_instances\" \"it\" {}\noutput \"n\" {\n  value = " +
		"length(data.novacron_instances.it.instances)\n}\n")
	tfacc.Says(t, w.Apply(t), "n = 0")
	for attribute, value := range map[string]string{"id": fact(t, host, domain, "UUID"), "name": domain} {
		asks(fmt.Sprintf("data \"novacron_instance\" \"it\" {\n  %s = %q\n}\n", attribute, value))
		tfacc.Says(t, w.Fails(t, "plan"), "Instance not found", fmt.Sprintf("no instance %q of the tenant %s",
			value, tenant))
	}
}

// Listing instances asks the host one question for each of the tenant's, and none for others'.
func TestAccListAsksOneThingOfEachInstance(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("list")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	tenant := strings.ReplaceAll(name, "-", "") // of its own: other tests create instances meanwhile
	config := func(uri, after string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  tenant = %q\n  uri = %q\n}\n",
			pool, tenant, uri) + after
	}
	w := tfacc.NewWorkspace(t, "")
	t.Cleanup(func() { w.Destroy(t) })
	image := blankImage(t)
	asked := func(count string) *acctest.Counted {
		counted := host.Count(t)
		all := off("it", numbered(name))
		all.WaitFor, all.Settings = []string{}, []string{"count = " + count}
		instances := shop(name, image) + all.String()
		w.Configure(t, config(host.URI, instances))
		w.Apply(t)
		reader := tfacc.NewWorkspace(t, config(counted.URI,
			"data \"novacron_instances\" \"it\" {}\noutput \"n\" {\n  value = "+
				"length(data.novacron_instances.it.instances)\n}\n"))
		tfacc.Says(t, reader.Apply(t), "n = "+count)
		return counted
	}
	few, many := asked("2"), asked("12")
	if more := many.CallsOf(acctest.ReadDefinition) - few.CallsOf(acctest.ReadDefinition); more != 10 {
		t.Errorf("10 more instances were read %d times", more)
	}
	// The containers of the host are listed as well.
	for listing, want := range map[uint32]int{acctest.ListStatistics: 1, acctest.ListDomains: 2} {
		if few, many := few.CallsOf(listing), many.CallsOf(listing); few != want || many != want {
			t.Errorf("procedure %d is called %d times to list 2 instances, and %d times to list 12; want %d",
				listing, few, many, want)
		}
	}
	// Calls that grow with the instances would be made 10 times more often. A busy host gets only a
	// few extra calls.
	for procedure, n := range many.More(few) {
		if procedure != acctest.ReadDefinition && n >= 5 {
			t.Errorf("procedure %d is called %d times more to list 12 instances than to list 2", procedure, n)
		}
	}
}
