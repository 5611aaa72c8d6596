package resourcepool_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// desk is a configuration of two hosts with a catalog on the first, and a template with a version.
type desk struct {
	uris     map[string]string
	template tfconfig.Template
	version  tfconfig.Version
}

// newDesk brings up the hosts.
func newDesk(t *testing.T, name string) (d desk, hosts []*acctest.Host) {
	t.Helper()
	shared := acctest.RequireHost(t)
	d.uris = map[string]string{}
	for _, key := range []string{"kvm1", "kvm2"} {
		h := shared.Own(t, name+key)
		d.uris[key], hosts = h.URI, append(hosts, h)
	}
	d.template = tfconfig.Template{
		Name:            "web",
		HardwareProfile: &tfconfig.Hardware{CPUType: "Nehalem", CPUCores: 2, MemoryMB: 128},
	}
	d.version = tfconfig.Release("1.0.0", tfacc.EmptyImage(t, "16M")).Of(d.template)
	return d, hosts
}

// provider is the provider's block with further settings.
func (d desk) provider(settings ...string) tfconfig.Provider {
	var hosts strings.Builder
	for _, key := range []string{"kvm1", "kvm2"} {
		fmt.Fprintf(&hosts, "    %s = { uri = %q, labels = { rack = %q }, overcommit = { vcpus = 100, memory = 4 } }\n",
			key, d.uris[key], key[3:])
	}
	return tfconfig.Provider{Settings: append([]string{
		"hosts = {\n" + hosts.String() + "}", `catalog = { host = "kvm1" }`,
	}, settings...)}
}

// instance is an instance that is off, with that many vCPUs.
func (d desk) instance(label string, cores int, pool tfconfig.Value) tfconfig.Instance {
	i := tfconfig.Instance{Meta: tfconfig.Meta{Label: label}, Name: label, PowerState: "stopped"}
	i = i.Of(d.template, d.version)
	i.HardwareProfile, i.ResourcePool = &tfconfig.Hardware{CPUCores: cores}, pool
	return i
}

// gold is a pool on the first host.
func gold(vcpus int) tfconfig.ResourcePool {
	return tfconfig.ResourcePool{
		Meta: tfconfig.Meta{Label: "gold"}, Name: "gold", Hosts: []string{"kvm1"},
		Tenants: map[string]tfconfig.Quota{"default": {VCPUs: vcpus, MemoryMB: 4096, DiskGB: 8, Instances: 20}},
	}
}

// A platform team shares out its hosts, and instances stay within the quotas.
func TestAccInstancesStayWithinTheQuota(t *testing.T) {
	d, hosts := newDesk(t, "q")
	t.Parallel()
	configure := func(w *tfacc.Workspace, provider tfconfig.Provider, blocks ...tfconfig.Block) {
		all := []tfconfig.Block{provider, d.template, d.version}
		w.Configure(t, tfconfig.Render(append(all, blocks...)...))
	}
	w := tfacc.NewWorkspace(t, "")
	t.Cleanup(func() { w.Destroy(t) })
	silver := tfconfig.ResourcePool{
		Meta: tfconfig.Meta{Label: "silver"}, Name: "silver",
		Match: map[string]tfconfig.Value{"rack": "1"}, Policy: "pack",
		Tenants: map[string]tfconfig.Quota{"default": {VCPUs: 3}},
	}
	bronze := tfconfig.ResourcePool{
		Meta: tfconfig.Meta{Label: "bronze"}, Name: "bronze", Hosts: []string{"kvm2", "kvm9"},
		Tenants: map[string]tfconfig.Quota{"default": {Instances: 9}},
	}
	pools := []tfconfig.Block{gold(8), silver, bronze}
	with := func(more ...tfconfig.Block) []tfconfig.Block { return append(slices.Clone(pools), more...) }
	configure(w, d.provider(), pools...)
	tfacc.Says(t, w.Apply(t), "Warning: Unknown host", `no host "kvm9"`, "kvm1, kvm2", "5 added")
	w.EmptyPlan(t)

	// The plan counts what it creates together, also if it creates the pool or changes it.
	name := gold(8).Ref("name")
	five := d.instance("five", 2, name)
	five.Meta.Settings = []string{"count = 5"}
	five.Name = tfconfig.Expr(`"five-${count.index}"`)
	configure(w, d.provider(), with(five)...)
	tfacc.Says(t, w.Fails(t, "plan"), "Error: Quota exceeded", "resource_pool = novacron_resource_pool.gold.name",
		`8 of 8 vCPUs are left of tenant "default"'s quota in resource pool "gold", and 10 are asked for`)
	configure(w, d.provider(), d.instance("a", 2, name), gold(1), silver, bronze)
	tfacc.Says(t, w.Fails(t, "plan"), `1 of 1 vCPUs is left`, "and 2 are asked for")

	// What fits is applied, by the provider's default, too.
	fits := with(d.instance("a", 2, nil), d.instance("b", 4, name))
	configure(w, d.provider(`resource_pool = "gold"`), fits...)
	tfacc.Says(t, w.Apply(t), `resource_pool = "gold"`, "2 added")
	w.EmptyPlan(t)
	configure(w, d.provider(`resource_pool = "silver"`), fits...) // which a follows, and b does not
	tfacc.Says(t, w.Apply(t), `resource_pool = "gold" -> "silver"`, "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	configure(w, d.provider(), fits...)
	tfacc.Says(t, w.Apply(t), `resource_pool = "silver" -> null`, "0 added, 1 changed, 0 destroyed")
	configure(w, d.provider(), with(d.instance("a", 2, name), d.instance("b", 4, name))...)
	tfacc.Says(t, w.Apply(t), `+ resource_pool = "gold"`, "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)

	// A growth counts by what it adds.
	configure(w, d.provider(), with(d.instance("a", 2, name), d.instance("b", 7, name))...)
	tfacc.Says(t, w.Fails(t, "plan"), "Quota exceeded", "2 of 8 vCPUs are left", "and 3 are asked for")
	configure(w, d.provider(), with(d.instance("a", 2, name), d.instance("b", 6, name))...)
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	configure(w, d.provider(), with(d.instance("a", 2, name), d.instance("b", 3, name))...)
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)

	// Another pool takes an instance in place if it has the host and the room.
	for pool, says := range map[string][]string{
		"silver": {"3 of 3 vCPUs are left", `"silver", and 4 are asked for`},
		"bronze": {"Instance is on another host", "resource_pool does not allow", "not in resource pool bronze"},
		"lead":   {"No quota in the resource pool", `Tenant "default" has no quota in a resource pool "lead"`},
	} {
		configure(w, d.provider(), with(d.instance("a", 4, pool), d.instance("b", 3, name))...)
		tfacc.Says(t, w.Fails(t, "plan"), says...)
	}
	moved := d.instance("a", 3, silver.Ref("id"))
	configure(w, d.provider(), with(moved, d.instance("b", 3, name))...)
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)

	// What another configuration reads, imports and takes.
	other := tfacc.NewWorkspace(t, "")
	data := "data \"novacron_resource_pool\" \"gold\" {\n  name = \"gold\"\n}\noutput \"gold\" {\n  value = " +
		"data.novacron_resource_pool.gold\n}\n"
	render := func(blocks ...tfconfig.Block) string {
		return tfconfig.Render(d.provider()) + tfconfig.Render(blocks...)
	}
	other.Configure(t, render()+data)
	tfacc.Says(t, other.Apply(t), `"available" = {`, `"disk_gb" = 7`, `"instances" = 19`, `"vcpus" = 5`,
		`"hosts" = tomap({`, `"kvm1" = {`, `"allotted" = 256`, `"refusal" = tostring(null)`,
		`"limits" = {`, `"vcpus" = 8`, `"used" = {`,
		`"vcpus" = 3`)
	other.Configure(t, render(gold(8)))
	for _, args := range [][]string{{"import", "novacron_resource_pool.gold", "gold"}, {"plan", "-detailed-exitcode"}} {
		if out, err := other.Run(t.Context(), args...); err != nil {
			t.Errorf("terraform %q: %v\n%s", args, err, out)
		}
	}
	loose := tfconfig.Instance{Meta: tfconfig.Meta{Label: "a"}, Name: "a", TemplateID: "default/web", Version: "1.0.0",
		PowerState: "stopped", ResourcePool: "silver", HardwareProfile: &tfconfig.Hardware{CPUCores: 3}}
	other.Configure(t, render(gold(8), loose))
	if out, err := other.Run(t.Context(), "import", "novacron_instance.a", "a"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	tfacc.Says(t, other.Show(t, "novacron_instance.a"), `resource_pool = "silver"`)
	if out, err := other.Run(t.Context(), "state", "rm", "novacron_instance.a"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}

	// A change by the other one is drift here, and a quota that is too small now is a warning there.
	smaller := gold(1)
	smaller.Description = "reduced"
	other.Configure(t, render(smaller))
	tfacc.Says(t, other.Apply(t), "Warning: Quota below what is used",
		`Tenant "default" takes 3 of 1 vCPUs of resource pool "gold"`, "0 added, 1 changed, 0 destroyed")
	tfacc.Says(t, w.Apply(t), `"reduced" -> null`, "0 added, 1 changed, 0 destroyed")
	other.Configure(t, render())
	tfacc.Says(t, other.Fails(t, "apply", "-auto-approve"), "Resource pool is in use",
		"1 instance of resource pool \"gold\"",
		"default/b")
	if out, err := other.Run(t.Context(), "state", "rm", "novacron_resource_pool.gold"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}

	// Of two plans that are too many together, one fails when it is applied, with the same message.
	loose.Label, loose.Name, loose.ResourcePool = "c", "c", "gold"
	other.Configure(t, render(loose))
	configure(w, d.provider(), with(moved, d.instance("b", 3, name), d.instance("d", 4, name))...)
	for _, planning := range []*tfacc.Workspace{other, w} {
		if out, err := planning.Run(t.Context(), "plan", "-out=plan"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if out, err := other.Run(t.Context(), "apply", "plan"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	tfacc.Says(t, w.Fails(t, "apply", "plan"), "Quota exceeded", "2 of 8 vCPUs are left", "and 4 are asked for")
	other.Destroy(t)

	w.Destroy(t)
	for _, h := range hosts {
		for _, kind := range []string{"placement", "resource-pool", "disk"} {
			files, err := filepath.Glob(h.HostPath("/var/lib/libvirt/"+volumes.DefaultPool) + "/nova." + kind + ".*")
			if err != nil || len(files) > 0 {
				t.Errorf("a host has %q, %v", files, err)
			}
		}
	}
}

// What is wrong with a pool is an error of the plan, at the attribute.
func TestAccBadPoolsAreRefused(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	block := func(settings string) string {
		return "resource \"novacron_resource_pool\" \"it\" {\n" + settings + "\n}\n"
	}
	r := w.Refusals("provider \"novacron\" {\n  hosts = { kvm1 = { uri = \"qemu+tcp://192.0.2.1/system\" } }\n}\n")
	r.Add("a wrong name", block("  name = \"Gold\"\n  hosts = [\"kvm1\"]"), `name = "Gold"`, "not a valid name")
	r.Add("no hosts", block(`  name = "gold"`), "No hosts", "Neither hosts nor match is set")
	r.Add("hosts and labels", block("  name = \"gold\"\n  hosts = [\"kvm1\"]\n  match = { a = \"b\" }"),
		"Conflicting attributes", `match = { a = "b" }`)
	r.Add("an unknown policy", block("  name = \"gold\"\n  hosts = [\"kvm1\"]\n  policy = \"random\""),
		`policy = "random"`, "random")
	r.Add("a tenant that is none",
		block("  name = \"gold\"\n  hosts = [\"kvm1\"]\n  tenants = { \"T 1\" = { vcpus = 1 } }"),
		"Invalid tenant", `"T 1"`)
	r.Add("less than nothing", block("  name = \"gold\"\n  hosts = [\"kvm1\"]\n  tenants = { t1 = { vcpus = -1 } }"),
		`vcpus`, "at least 0")
	r.Check(t)
	w.Configure(t, "resource \"novacron_resource_pool\" \"it\" {\n  name = \"gold\"\n  hosts = [\"kvm1\"]\n}\n")
	tfacc.Says(t, w.Fails(t, "plan"), "No hosts to choose from", "names no hosts")
	w.Configure(t, "data \"novacron_resource_pool\" \"it\" {\n  name = \"gold\"\n}\n")
	tfacc.Says(t, w.Fails(t, "plan"), "No hosts to choose from", "names no hosts")
	w.Configure(t, "provider \"novacron\" {\n  resource_pool = \"gold\"\n}\ndata \"novacron_host\" \"it\" {}\n")
	tfacc.Says(t, w.Fails(t, "plan"), "No hosts to choose from", `resource_pool = "gold"`)
	w.Configure(t, "resource \"novacron_instance\" \"it\" {\n  name = \"it\"\n  template_id = \"default/none\"\n  "+
		"resource_pool = \"gold\"\n}\n")
	tfacc.Says(t, w.Fails(t, "plan"), "No hosts to choose from", `resource_pool = "gold"`)
}
