package vm

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// left is an instance as it was left, and the blueprint that it was left with.
func left() (kind.Instance, kind.Blueprint) {
	machine := profile.Machine{Sockets: 1, Cores: 2, CPU: "host-model", MemoryMiB: 512, Firmware: profile.BIOS}
	i := kind.Instance{
		DomainName: "web", Part: defined{domainType: "kvm", machine: machine},
		NICs: []profile.NIC{{Name: "eth0", Model: "virtio", Network: "default", MAC: "52:54:00:00:00:01",
			Filter: "clean-traffic"}},
		Disks: []host.DomainDisk{{Name: "system", Target: "vda", Path: "/a", Format: "qcow2"},
			{Name: "data", Target: "vdb", Path: "/b", Format: "qcow2"}},
		Facts: metadata.Facts{Tenant: "default", Name: "web"},
	}
	b := kind.Blueprint{
		Part: &Part{Machine: machine}, NICs: []profile.NIC{{Name: "eth0", Model: "virtio", Network: "default",
			Filter: "clean-traffic"}},
		Drives: []profile.Drive{{Name: "system", System: true, Size: 1 << 30}, {Name: "data", Size: 1 << 30}},
	}
	i.Shape = shape(i)
	i.Facts.Shape = i.Shape
	return i, b
}

// remade changes the machine of an instance.
func remade(i *kind.Instance, change func(*profile.Machine)) {
	own := definedOf(*i)
	change(&own.machine)
	i.Part = own
}

func TestWhatSomebodyElseChangedIsSeen(t *testing.T) {
	driver := &Driver{}
	if i, b := left(); i.Drifted() || len(driver.Drift(i, b)) > 0 || i.Renamed() {
		t.Fatal("what nobody touched has drifted")
	}
	for change, c := range map[string]struct {
		do   func(*kind.Instance)
		want string
	}{
		"vCPUs": {func(i *kind.Instance) { remade(i, func(m *profile.Machine) { m.Sockets = 4 }) },
			"hardware_profile.cpu_count 4 false"},
		"cores": {func(i *kind.Instance) { remade(i, func(m *profile.Machine) { m.Cores = 1 }) },
			"hardware_profile.cpu_cores 1 false"},
		"memory": {func(i *kind.Instance) { remade(i, func(m *profile.Machine) { m.MemoryMiB = 256 }) },
			"hardware_profile.memory_mb 256 false"},
		"CPU": {func(i *kind.Instance) { remade(i, func(m *profile.Machine) { m.CPU = "qemu64" }) },
			"hardware_profile.cpu_type qemu64 true"},
		"network": {func(i *kind.Instance) { i.NICs[0].Network = "lab" },
			`network_profile.interfaces["eth0"].network lab false`},
		"VLAN": {func(i *kind.Instance) { i.NICs[0].VLAN = 7 }, `network_profile.interfaces["eth0"].vlan 7 false`},
		"card": {func(i *kind.Instance) { i.NICs[0].Model = "e1000" },
			`network_profile.interfaces["eth0"].type e1000 false`},
		"filter": {func(i *kind.Instance) { i.NICs[0].Filter = "" },
			"network_profile.default_network_policies [] false"},
		"no interface": {func(i *kind.Instance) { i.NICs = nil }, `network_profile.interfaces["eth0"].network  false`},
		"no disk": {
			func(i *kind.Instance) { i.Disks = i.Disks[:1] }, `storage_profile.disks["data"].size_gb 0 false`,
		},
		"no system": {
			func(i *kind.Instance) { i.Disks = i.Disks[1:] }, `storage_profile.disks["system"].size_gb 0 true`,
		},
		"disk type": {func(i *kind.Instance) { i.Disks[1].Rotation = 7200 },
			`storage_profile.disks["data"].type hdd true`},
	} {
		i, b := left()
		c.do(&i)
		i.Shape = shape(i)
		if !i.Drifted() {
			t.Errorf("%s: not seen", change)
		}
		drift := driver.Drift(i, b)
		if len(drift) != 1 {
			t.Errorf("%s: told as %v", change, drift)
			continue
		}
		if got := fmt.Sprint(drift[0].Path, " ", drift[0].Is, " ", drift[0].Lost); got != c.want {
			t.Errorf("%s: told as %q, want %q", change, got, c.want)
		}
	}
	i, _ := left()
	if i.Facts.Shape, i.Shape = "", "another"; i.Drifted() {
		t.Error("an instance that nothing was noted of has drifted")
	}
	if i.DomainName = "old"; !i.Renamed() {
		t.Error("another name goes unseen")
	}
}
