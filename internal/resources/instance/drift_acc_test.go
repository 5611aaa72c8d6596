package instance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

func TestAccWhatOthersDidIsPutRight(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("drift")
	config := shop(name, blankImage(t)) + instance("it", name, `wait_for = []`, `timeouts {
	  delete = "5s"
	}`)
	runs := tfacc.OnHost(func() {
		if state := fact(t, host, name, "State"); state != "running" {
			t.Errorf("the guest is %s", state)
		}
	})
	var first string
	after := func(what func(), action plancheck.ResourceActionType, check resource.TestCheckFunc) resource.TestStep {
		return resource.TestStep{PreConfig: what, Config: config, ConfigPlanChecks: planned(action), Check: check}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{
			{Config: config, Check: runs},
			after(func() { host.Virsh(t, "destroy", name) }, plancheck.ResourceActionUpdate, runs),
			after(func() { host.Virsh(t, "suspend", name) }, plancheck.ResourceActionUpdate, runs),
			after(func() {
				first = fact(t, host, name, "UUID")
				host.Virsh(t, "destroy", name)
				host.Virsh(t, "undefine", name)
				// A disk that only the old instance had.
				host.Virsh(t, "vol-create-as", volumes.DefaultPool, "nova.disk.default."+name+".data.qcow2", "1M")
			}, plancheck.ResourceActionCreate, resource.ComposeTestCheckFunc(runs, tfacc.OnHost(func() {
				if uuid := fact(t, host, name, "UUID"); uuid == first {
					t.Errorf("it is still the domain %s", uuid)
				}
				left := host.Leftovers(t, volumes.DefaultPool, ".default."+name+".")
				left = slices.DeleteFunc(left, func(what string) bool { return strings.HasSuffix(what, ".json") })
				slices.Sort(left)
				want := []string{"volume novacron/nova.console.default." + name + ".log",
					"volume novacron/nova.disk.default." + name + ".system.qcow2",
					"volume novacron/nova.seed.default." + name + ".iso"}
				if !slices.Equal(left, want) {
					t.Errorf("the host has %q, want %q", left, want)
				}
			}))),
		},
	})
}

// The next plan has what others changed in the definition, also for settings that are not
// configured.
func TestAccWhatOthersRedefinedIsPutRight(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("redefined")
	settings := []string{
		`wait_for = []`, `power_state = "stopped"`, `network_profile = { interfaces = { eth0 = {}, eth1 = {} } }`,
	}
	config := shop(name, blankImage(t)) + instance("it", name, settings...)
	var before string
	var had []string
	devices := func() string {
		return host.Virsh(t, "domiflist", name) + host.Virsh(t, "domblklist", name) +
			fact(t, host, name, "Max memory") + fact(t, host, name, "UUID")
	}
	same := tfacc.OnHost(func() {
		if after := devices(); after != before {
			t.Errorf("the instance was\n%s\nand is\n%s", before, after)
		}
	})
	after := func(args ...string) resource.TestStep {
		return resource.TestStep{
			PreConfig: func() {
				host.Virsh(t, args...)
			}, Config: config, ConfigPlanChecks: planned(plancheck.ResourceActionUpdate), Check: same,
		}
	}
	macs := func() (macs []string) {
		for _, nic := range nicsOf(t, host, name) {
			macs = append(macs, nic.mac)
		}
		return macs
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{
			{Config: config, Check: tfacc.OnHost(func() { before, had = devices(), macs() })},
			after("setmaxmem", name, "262144", "--config"),
			after("domrename", name, name+"-other"),
			{
				PreConfig: func() {
					host.Virsh(t, "detach-interface", name, "network", "--mac", macs()[0], "--config")
				},
				Config: config, ConfigPlanChecks: planned(plancheck.ResourceActionUpdate),
				Check: tfacc.OnHost(func() { // the guest may know an interface by its address
					now := macs()
					if !slices.Equal(slices.Sorted(slices.Values(now)), slices.Sorted(slices.Values(had))) {
						t.Errorf("the instance has interfaces with the MAC addresses %q, and had %q", now, had)
					}
				}),
			},
		},
	})
}

// A disk that was enlarged by other means stays so, because no disk shrinks, until it is configured
// so. A disk that was shrunk gets its size back.
func TestAccDisksThatOthersResizedAreSeen(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("resized")
	config := func(size string) string {
		return shop(name, blankImage(t)) + instance("it", name, `wait_for = []`, `power_state = "stopped"`,
			`storage_profile = { disks = { data = { size_gb = `+size+` } } }`)
	}
	resize := func(size string) func() {
		return func() {
			host.Virsh(t, "vol-resize", "nova.disk.default."+name+".data.qcow2", size, "--pool", volumes.DefaultPool,
				"--shrink")
		}
	}
	has := func(size string) resource.TestCheckFunc {
		return tfacc.OnHost(func() {
			if info := host.Virsh(t, "domblkinfo", name, "vdb"); !strings.Contains(info, size) {
				t.Errorf("the disk has not %s bytes: %s", size, info)
			}
		})
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{
			{Config: config("1"), Check: has("1073741824")},
			{
				PreConfig: resize("512M"), Config: config("1"),
				ConfigPlanChecks: planned(plancheck.ResourceActionUpdate), Check: has("1073741824"),
			},
			{
				PreConfig: resize("2G"), Config: config("1"), ConfigPlanChecks: planned(plancheck.ResourceActionNoop),
				Check: has("2147483648"),
			},
			{Config: config("2"), ConfigPlanChecks: planned(plancheck.ResourceActionUpdate), Check: has("2147483648")},
			{
				PreConfig: resize("1G"), Config: config("2"), ConfigPlanChecks: planned(plancheck.ResourceActionUpdate),
				Check: has("2147483648"),
			},
		},
	})
}
