//go:build linux

package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// If the provider is killed while it creates an instance on one of two hosts, at any step on the host that
// gets the instance or on the home of the catalog, the next apply recovers, and destroy leaves nothing: no
// placement without its instance, and no part of an instance on any host.
func TestAccKilledWhilePlacingTheNextApplyConverges(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	for n, disturbed := range []string{"kvm1", "kvm2"} {
		t.Run(disturbed, func(t *testing.T) {
			t.Parallel()
			p := onTwoHosts(t, shared, fmt.Sprint(n), "create an instance", disturbed)
			if disturbed == "kvm2" {
				p.confirms = 1
			}
			p.run(t, p.disturb)
		})
	}
}

// onTwoHosts is a bench with two hosts, one of which is disturbed. The hosts' names end with the suffix, which
// no other bench has.
func onTwoHosts(t *testing.T, shared *acctest.Host, suffix, does, disturbed string) *placing {
	t.Helper()
	p := &placing{
		bench: bench{
			operation: operation{name: does + " on one of two hosts, disturbed on " + disturbed},
			space:     tfacc.NewWorkspace(t, ""),
		},
		hosts: map[string]*acctest.Host{}, uris: map[string]string{}, image: tfacc.EmptyImage(t, "16M"), on: "kvm2",
	}
	for _, key := range []string{"kvm1", "kvm2"} {
		p.hosts[key] = shared.Own(t, key+suffix)
		p.uris[key] = p.hosts[key].URI
	}
	p.way = p.hosts[disturbed].Faulty(t)
	p.uris[disturbed] = p.way.URI
	t.Cleanup(func() {
		p.way.Arm(acctest.Fault{})
		p.space.Destroy(t)
		p.left(t, "nova.")
		p.print(t)
	})
	return p
}

// placing is where the create of an instance on kvm2 is disturbed repeatedly. kvm1 is the catalog's home.
type placing struct {
	bench
	hosts map[string]*acctest.Host
	uris  map[string]string
	image string
	on    string // the host for the instance
	live  bool   // its guest runs on when it moves
}

// run counts the steps of an undisturbed run, and then disturbs each. The first create of all copies the
// image, so it does not count.
func (p *placing) run(t *testing.T, disturb func(*testing.T, acctest.Fault) []string) {
	disturb(t, acctest.Fault{})
	steps := disturb(t, acctest.Fault{})
	if len(steps) == 0 {
		t.Fatal("it changes nothing on the host")
	}
	for n := range steps {
		for _, when := range []acctest.Moment{acctest.Before, acctest.After} {
			if !chosen(n, len(steps)-p.confirms, when) {
				continue
			}
			ok := t.Run(fmt.Sprintf("kill %s step %d", when, n+1), func(t *testing.T) {
				disturb(t, acctest.Fault{At: n + 1, When: when, Do: acctest.Kill})
			})
			p.note(n+1, steps[n], string(when), "kill", ok, "converges, nothing left")
		}
	}
}

// disturb runs one case, as that of bench.
func (p *placing) disturb(t *testing.T, fault acctest.Fault) []string {
	t.Helper()
	before := p.instance()
	p.cases++
	p.way.Arm(acctest.Fault{})
	p.configure(t, "") // removes the previous case
	p.space.Apply(t)
	if p.cases > 1 {
		p.left(t, before)
		p.left(t, "nova.placement.")
	}
	name := p.instance()
	p.configure(t, name)
	steps := p.recovered(t, fault)
	for key, want := range map[string][]string{"kvm1": nil, "kvm2": {name}} {
		if got := strings.Fields(p.hosts[key].Virsh(t, "list", "--all", "--name")); !slices.Equal(got, want) {
			t.Errorf("host %s has the domains %q, want %q", key, got, want)
		}
	}
	return steps
}

// instance is the name of the instance of a case.
func (p *placing) instance() string { return fmt.Sprintf("placing-%d", p.cases) }

// left reports what there is of something on any host.
func (p *placing) left(t *testing.T, marker string) {
	t.Helper()
	for key, host := range p.hosts {
		if left := host.Leftovers(t, volumes.DefaultPool, marker); len(left) > 0 {
			t.Errorf("host %s has %q", key, left)
		}
	}
}

// configure writes the configuration with an instance of a name, or with none.
func (p *placing) configure(t *testing.T, name string) {
	t.Helper()
	config := fmt.Sprintf("provider \"novacron\" {\n  domain_type = %q\n", p.hosts["kvm1"].DomainType) +
		"  catalog = { host = \"kvm1\" }\n  hosts = {\n"
	for _, key := range []string{"kvm1", "kvm2"} {
		peer := ""
		if p.live {
			uri, data := p.hosts[key].Peer()
			peer = fmt.Sprintf(", peer = { uri = %q, data = %q }", uri, data)
		}
		config += fmt.Sprintf("    %s = { uri = %q, overcommit = { vcpus = 100, memory = 4 }%s }\n", key, p.uris[key],
			peer)
	}
	config += "  }\n}\n" + tfconfig.Render(template("placing"), version("1.0.0", p.image))
	if name != "" {
		i := instance(name)
		i.Timeouts = &tfconfig.Timeouts{Update: "16s", Delete: "1s"} // its guest hears nothing
		block := strings.TrimSuffix(strings.TrimSpace(i.String()), "}")
		if p.live {
			block += "  on_host_change = \"live\"\n"
		}
		config += block + fmt.Sprintf("  placement = { hosts = [%q] }\n}\n", p.on)
	}
	p.space.Configure(t, config)
}
