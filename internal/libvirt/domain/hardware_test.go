package domain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// pciDevice returns a device of novacron at a PCI address.
func pciDevice(kind, alias string, bus, slot int) string {
	return fmt.Sprintf("<%[1]s><alias name='%[2]s'/><address type='pci' domain='0x0000' bus='%#02[3]x' "+
		"slot='%#02[4]x' function='0x0'/></%[1]s>",
		kind, alias, bus, slot)
}

func port(index int, target string) string {
	return fmt.Sprintf("<controller type='pci' index='%d' model='pcie-root-port'>%s<address type='pci' "+
		"domain='0x0000' bus='0x00' slot='0x01' function='%#x'/></controller>",
		index, target, index)
}

func domainOf(devices ...string) string {
	return "<domain><devices>" + strings.Join(devices, "\n") + "</devices></domain>"
}

const (
	pciRoot  = "<controller type='pci' index='0' model='pci-root'/>"
	pcieRoot = "<controller type='pci' index='0' model='pcie-root'/>"
	// handed is a device of the host: its address on the host takes no slot of the guest.
	handed = "<hostdev type='pci'><source><address domain='0' bus='0' slot='9' function='0'/></source><address " +
		"type='pci' bus='0' slot='3' function='0'/></hostdev>"
)

func TestFreeSlotsAreCounted(t *testing.T) {
	var full []string
	for slot := 2; slot < 32; slot++ {
		full = append(full, pciDevice("rng", "rng", 0, slot))
	}
	for name, c := range map[string]struct {
		devices             []string
		without             []host.DeviceID
		ports, conventional int
		virtio, e1000       bool // there is room for one
	}{
		"an old PC": {[]string{pciRoot, pciDevice("disk", "ua-disk-a", 0, 2), handed}, nil, 0, 28, true, true},
		"a device goes": {[]string{pciRoot, pciDevice("disk", "ua-disk-a", 0, 2), handed},
			[]host.DeviceID{host.DiskID("a")}, 0, 29, true, true},
		"a full PC": {append(full, pciRoot), nil, 0, 0, false, false},
		"with a bridge": {append(full, pciRoot, "<controller type='pci' index='1' model='pci-bridge'/>"), nil, 0, 31,
			true, true},
		"PCI Express": {[]string{pcieRoot, port(1, ""), port(2, ""), pciDevice("interface", "ua-nic-a", 1, 0)}, nil,
			1, 0, true, false},
		"a card goes": {[]string{pcieRoot, port(1, ""), pciDevice("interface", "ua-nic-a", 1, 0)},
			[]host.DeviceID{host.InterfaceID("a")}, 1, 0, true, false},
		"all ports taken": {[]string{pcieRoot, port(1, ""), pciDevice("interface", "ua-nic-a", 1, 0)}, nil, 0, 0, false,
			false},
		"a port that takes none": {
			[]string{pcieRoot, port(1, "<target hotplug='off'/>")}, nil, 0, 0, false, false,
		},
		"PCI behind PCI Express": {[]string{
			pcieRoot, port(1, ""),
			"<controller type='pci' index='2' model='pcie-to-pci-bridge'><address type='pci' bus='1' slot='0' " +
				"function='0'/></controller>",
		}, nil, 0, 31, false, true},
		"a machine without PCI": {[]string{"<disk><alias name='ua-disk-a'/><address type='ccw' cssid='0xfe'/></disk>"},
			nil, 0, 0, true, true},
	} {
		hardware := must.Get[host.Hardware](t)(parseHardware(domainOf(c.devices...)))
		got := hardware.Slots(c.without...)
		if got.Ports != c.ports || got.Conventional != c.conventional {
			t.Errorf("%s: %d ports and %d slots are free, want %d and %d",
				name, got.Ports, got.Conventional, c.ports, c.conventional)
		}
		again := got
		if v, e := got.TakeFor("virtio"), again.TakeFor("e1000"); v != c.virtio || e != c.e1000 {
			t.Errorf("%s: room for virtio %t and e1000 %t, want %t and %t", name, v, e, c.virtio, c.e1000)
		}
	}
	slots := must.Get[host.Hardware](t)(parseHardware(domainOf(pcieRoot, port(1, ""), port(2, "")))).Slots()
	if !slots.TakeFor("virtio") || !slots.TakeFor("e1000e") || slots.TakeFor("virtio") {
		t.Error("two ports are not room for two devices")
	}
}

func TestHardwareIsFoundByName(t *testing.T) {
	h := must.Get[host.Hardware](t)(parseHardware(domainOf(pciRoot, pciDevice("interface", "ua-nic-eth0", 0, 0x1f),
		"<disk><alias name='ua-disk-eth0'/><target dev='sdb'/></disk>")))
	if !h.Has(host.InterfaceID("eth0")) || !h.Has(host.DiskID("eth0")) || h.Has(host.InterfaceID("eth")) {
		t.Error("it is not told apart what there is")
	}
	if at := h.PCI(host.InterfaceID("eth0")); at == nil || *at != (host.PCIAddress{Slot: 0x1f}) {
		t.Errorf("the interface is at %v", at)
	}
	if at := h.PCI(host.DiskID("eth0")); at != nil {
		t.Errorf("a SCSI disk is at %v", at)
	}
	if got := host.DiskID("a").String() + ", " + host.InterfaceID("b").String(); got != `disk "a", interface "b"` {
		t.Errorf("a user is told of %s", got)
	}
}

func TestSparePortsAreForMachinesThatHavePorts(t *testing.T) {
	for name, c := range map[string]struct {
		devices    []string
		more, lack int
	}{
		"an old PC":         {[]string{pciRoot}, 2, 0},
		"none":              {[]string{pcieRoot}, 0, 4},
		"one free":          {[]string{pcieRoot, port(1, "")}, 0, 3},
		"one free, to take": {[]string{pcieRoot, port(1, "")}, 1, 4},
		"enough": {[]string{pcieRoot, port(1, ""), port(2, ""), port(3, ""), port(4, ""), port(5, "")}, 1,
			0},
	} {
		got := must.Get[host.Hardware](t)(parseHardware(domainOf(c.devices...))).LackingPorts(c.more)
		if got != c.lack {
			t.Errorf("%s: %d ports are lacking, want %d", name, got, c.lack)
		}
	}
}
