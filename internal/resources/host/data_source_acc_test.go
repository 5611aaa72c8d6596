package host_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// The data source shows the same as virsh.
func TestAccHostIsTold(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("host")
	pool, directory := host.Pool(t, name)
	const address = "data.novacron_host.it"
	fact := func(command, key string) string {
		for line := range strings.Lines(host.Virsh(t, command)) {
			if k, v, _ := strings.Cut(line, ":"); k == key {
				return strings.TrimSpace(v)
			}
		}
		t.Fatalf("virsh %s has no %q", command, key)
		return ""
	}
	number := func(text string) int64 {
		n, err := strconv.ParseInt(strings.TrimSuffix(text, " KiB"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	memory := func() int64 { return number(fact("nodeinfo", "Memory size")) / 1024 }
	// If the host is a virtual machine, its memory may grow during the test.
	before := memory()
	asVirshHas := knownvalue.Int64Func(func(v int64) error {
		after := memory()
		if slack := max(before, after) - min(before, after); v < min(before, after)-slack ||
			v > max(before, after)+slack {
			return fmt.Errorf("want %d, as virsh has it, or %d, as it had before", after, before)
		}
		return nil
	})
	above := knownvalue.Int64Func(func(v int64) error {
		if v <= 0 {
			return strconv.ErrRange
		}
		return nil
	})
	version := knownvalue.StringRegexp(regexp.MustCompile(`^\d+\.\d+\.\d+$`))
	var checks []statecheck.StateCheck
	for attribute, want := range map[string]knownvalue.Check{
		"uri":            knownvalue.StringExact(os.Getenv("NOVACRON_URI")),
		"hostname":       knownvalue.StringExact(strings.TrimSpace(host.Virsh(t, "hostname"))),
		"architecture":   knownvalue.StringExact(fact("nodeinfo", "CPU model")),
		"cpus":           knownvalue.Int64Exact(number(fact("nodeinfo", "CPU(s)"))),
		"memory_mb":      asVirshHas,
		"free_memory_mb": above,
		"domain_types": knownvalue.ListPartial(map[int]knownvalue.Check{
			0: knownvalue.StringRegexp(regexp.MustCompile(`^(kvm|qemu)$`)),
		}),
		"libvirt_version":    version,
		"hypervisor_version": version,
		"pools": knownvalue.MapPartial(
			map[string]knownvalue.Check{pool: knownvalue.ObjectExact(map[string]knownvalue.Check{
				"type":            knownvalue.StringExact("dir"),
				"path":            knownvalue.StringExact(directory),
				"active":          knownvalue.Bool(true),
				"capacity_bytes":  above,
				"available_bytes": above,
			})}),
		"networks": knownvalue.MapPartial(
			map[string]knownvalue.Check{"default": knownvalue.ObjectExact(map[string]knownvalue.Check{
				"bridge": knownvalue.StringExact("virbr0"), "forward_mode": knownvalue.StringExact("nat"),
				"active": knownvalue.Bool(true),
			})}),
	} {
		checks = append(checks, statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want))
	}
	const data = "data \"novacron_host\" \"it\" {}\n"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		Steps: []resource.TestStep{
			{
				Config: "provider \"novacron\" {\n  uri = " +
					"\"qemu+unix:///system?socket=/nowhere/libvirt-sock\"\n}\n" + data,
				ExpectError: regexp.MustCompile(
					`(?s)Could not read host.*the host is\s+unreachable.*Check\s+the provider's uri`),
			},
			// Reading the host needs no library, so its pool need not exist.
			{Config: tfacc.Provider(name+"-not") + data, ConfigStateChecks: checks},
		},
	})
}
