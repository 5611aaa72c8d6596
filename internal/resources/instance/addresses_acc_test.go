package instance_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// ipOf is the network_profile of an instance whose interface has that configuration.
func ipOf(configuration string) string {
	return "network_profile = { interfaces = { eth0 = { ip_configuration = { " + configuration + " } } } }"
}

// An interface has IPv4 and IPv6 together, several addresses of each, and gateways that are in none
// of its networks.
func TestAccAnInterfaceHasSeveralAddresses(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("several")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	one := func(configuration string) {
		w.instances(t, instance("it", domain, `power_state = "stopped"`, ipOf(configuration)))
	}
	one(`static_ip = "192.168.122.5/24", gateway = "192.168.122.1"`)
	w.Apply(t)
	w.EmptyPlan(t)

	// A state from before an interface could have several.
	path := filepath.Join(w.Dir, "terraform.tfstate")
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	older := regexp.MustCompile(`(?m)^ *"(static_ips|gateways|gateway_on_link)": null,\n`).ReplaceAll(state, nil)
	if len(older) == len(state) {
		t.Fatalf("the state has no new attributes:\n%s", state)
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	w.EmptyPlan(t)

	// The same addresses, written differently.
	uuid := fact(t, host, domain, "UUID")
	one(`static_ips = ["192.168.122.5/24"], gateways = ["192.168.122.1"]`)
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if fact(t, host, domain, "UUID") != uuid {
		t.Error("the machine is another")
	}

	several := off("it", domain)
	addresses := &tfconfig.Addresses{
		StaticIPs: []tfconfig.Value{"203.0.113.5/32", "203.0.113.9/32", "2001:db8::5/128"},
		Gateways:  []tfconfig.Value{"198.51.100.1", "2001:db8:f::1"},
	}
	several.NetworkProfile = &tfconfig.Network{
		Interfaces: map[string]tfconfig.Interface{"eth0": {IPConfiguration: addresses}},
	}
	w.instances(t, several.String())
	tfacc.Says(t, w.Apply(t), "forces replacement", "1 added, 0 changed, 1 destroyed")
	w.EmptyPlan(t)

	slices.Reverse(addresses.Gateways)
	w.instances(t, several.String())
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	w.instances(t, instance("it", name+"-it", `network_profile = { interfaces = {
    eth0 = { ip_configuration = { static_ip = "203.0.113.5/26" } }
    eth1 = { ip_configuration = { static_ip = "203.0.113.6/26" } }
  } }`))
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, `Warning: Interfaces "eth0" and "eth1" share a network`, "203.0.113.6/26")

	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake, configuration string
		says                   []string
	}{
		{"elsewhere", `static_ip = "203.0.113.5/26", gateway = "198.51.100.1"`,
			[]string{"Invalid gateway", "gateway_on_link = true"}},
		{
			"two of a kind", `static_ips = ["203.0.113.5/26", "2001:db8::5/64"], gateways = ["203.0.113.1", ` +
				`"203.0.113.2"]`, []string{"Too many gateways"},
		},
		{"both ways", `static_ip = "203.0.113.5/26", static_ips = ["2001:db8::5/64"]`,
			[]string{"Conflicting static_ip and static_ips"}},
		{"none of its kind", `static_ips = ["203.0.113.5/26"], gateways = ["2001:db8::1"]`,
			[]string{"Invalid gateway", "no static IPv6 address"}},
	} {
		refusals.Add(c.mistake, instance("it", name+"-it", ipOf(c.configuration)), c.says...)
	}
	refusals.Check(t)
	w.instances(t)
}
