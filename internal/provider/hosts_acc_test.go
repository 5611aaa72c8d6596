package provider_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// What is wrong with hosts is an error before any host is asked, at the attribute.
func TestAccBadHostsAreRefused(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	const one, two = `kvm1 = { uri = "qemu+tcp://192.0.2.1/system" }`, `kvm2 = { uri = "qemu+tcp://192.0.2.2/system" }`
	w := tfacc.NewWorkspace(t, "")
	for name, c := range map[string]struct {
		config string
		says   []string
	}{
		"uri beside hosts": {
			`uri = "qemu:///system"` + "\nhosts = { " + one + " }",
			[]string{"Conflicting attributes", `uri = "qemu:///system"`, "Both uri and hosts are set"},
		},
		"a pool beside hosts": {
			`pool = "novacron"` + "\nhosts = { " + one + " }",
			[]string{"Conflicting attributes", `pool = "novacron"`, "Both pool and hosts are set"},
		},
		"no hosts": {"hosts = {}", []string{"hosts", "at least 1"}},
		"a name that is none": {
			`hosts = { "kvm 1" = { uri = "qemu:///system" } }`, []string{"kvm 1", "not a valid name of a host"},
		},
		"a wrong uri": {
			`hosts = { kvm1 = { uri = "http://kvm1" } }`, []string{"Invalid libvirt URI", `"http://kvm1"`},
		},
		"one host twice": {
			"hosts = {\n" + one + `
kvm2 = { uri = "qemu+tcp://192.0.2.1/system" }
}
catalog = { host = "kvm1" }`,
			[]string{"Duplicate host", `Hosts "kvm1" and "kvm2" have the same uri, qemu+tcp://192.0.2.1/system`},
		},
		"no home": {
			"hosts = {\n" + one + "\n" + two + "\n}",
			[]string{"Missing home of the catalog", `such as catalog = { host = "kvm1" }`},
		},
		"an unknown home": {
			"hosts = {\n" + one + "\n" + two + "\n}\ncatalog = { host = \"kvm3\" }",
			[]string{"Unknown host", `home is to be host "kvm3". The provider's hosts are: kvm1, kvm2.`},
		},
		"a home without hosts": {
			`catalog = { host = "kvm1" }`, []string{"No hosts to choose from", "names no hosts"},
		},
		"too much": {
			`hosts = { kvm1 = { uri = "qemu:///system", overcommit = { memory = 0 } } }`,
			[]string{"overcommit.memory", "between"},
		},
		"an unknown word": {"unreachable_hosts = \"ignore\"", []string{"unreachable_hosts", `"error"`, `"keep"`}},
	} {
		w.Configure(t, "provider \"novacron\" {\n"+c.config+"\n}\ndata \"novacron_host\" \"it\" {}\n")
		out := w.Fails(t, "plan")
		t.Run(name, func(t *testing.T) { tfacc.Says(t, out, c.says...) })
	}
}
