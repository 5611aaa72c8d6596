package node

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// bridge is a device of a virtual machine without an IOMMU, and card is one of a server, as `virsh
// nodedev-dumpxml` shows them.
const (
	bridge = `<device>
  <name>pci_0000_00_00_0</name>
  <path>/sys/devices/pci0000:00/0000:00:00.0</path>
  <parent>computer</parent>
  <capability type='pci'>
    <class>0x060000</class>
    <domain>0</domain>
    <bus>0</bus>
    <slot>0</slot>
    <function>0</function>
    <product id='0x0d57'/>
    <vendor id='0x8086'/>
    <pci-express/>
  </capability>
</device>`
	card = `<device>
  <name>pci_0000_b1_00_0</name>
  <path>/sys/devices/pci0000:b0/0000:b0:02.0/0000:b1:00.0</path>
  <parent>pci_0000_b0_02_0</parent>
  <driver>
    <name>nvidia</name>
  </driver>
  <capability type='pci'>
    <class>0x030200</class>
    <domain>0</domain>
    <bus>177</bus>
    <slot>0</slot>
    <function>0</function>
    <product id='0x1eb8'>TU104GL [Tesla T4]</product>
    <vendor id='0x10de'>NVIDIA Corporation</vendor>
    <iommuGroup number='84'>
      <address domain='0x0000' bus='0xb1' slot='0x00' function='0x0'/>
      <address domain='0x0000' bus='0xb1' slot='0x00' function='0x1'/>
    </iommuGroup>
  </capability>
</device>`
)

func TestPCIDevicesAreReadFromTheHostsXML(t *testing.T) {
	for text, want := range map[string]host.PCIDevice{
		bridge: {Class: 0x060000, ID: "8086:0d57"},
		card: {
			Address: host.PCIAddress{Bus: 0xb1}, Class: 0x030200, ID: "10de:1eb8", Name: "TU104GL [Tesla T4]",
			Group: []host.PCIAddress{{Bus: 0xb1}, {Bus: 0xb1, Function: 1}},
		},
	} {
		if diff := virttest.Differ(must.Get[host.PCIDevice](t)(parsePCIDevice(text)), want); diff != "" {
			t.Error(diff)
		}
	}
	for _, text := range []string{"", "<device/>", "<device><capability><vendor id='x'/></capability></device>"} {
		if d, err := parsePCIDevice(text); err == nil {
			t.Errorf("%q is read as %+v", text, d)
		}
	}
	if got := (host.PCIAddress{Bus: 0xb1, Slot: 0x1f, Function: 7}).String(); got != "0000:b1:1f.7" {
		t.Errorf("the address is written %q", got)
	}
}

func FuzzPCIDevice(f *testing.F) {
	f.Add(bridge)
	f.Add(card)
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parsePCIDevice(text); err == nil && (len(d.ID) < 9 || d.ID[len(d.ID)-5] != ':' && len(d.ID) == 9) {
			t.Errorf("%q has the id %q", text, d.ID)
		}
	})
}

func TestFirmwaresAreThoseThatLibvirtChooses(t *testing.T) {
	for text, want := range map[string]string{
		`<domainCapabilities><os supported='yes'><enum name='firmware'><value>bios</value><value>efi</value></enum>
			<loader supported='yes'><enum name='type'><value>rom</value></enum></loader></os>
			</domainCapabilities>`: "[bios efi]",
		`<domainCapabilities><os supported='yes'><enum name='firmware'/></os></domainCapabilities>`: "[]",
		`<domainCapabilities/>`: "[]",
	} {
		if diff := virttest.Differ(must.Get[[]string](t)(parseFirmwares(text)), want); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNetworksTellWhatTheirBridgeIs(t *testing.T) {
	for text, want := range map[string]host.Network{
		`<network><name>ovs</name><forward mode='bridge'/><bridge name='ovs0'/>
			<virtualport type='openvswitch'/></network>`: {
			Name: "ovs", Bridge: "ovs0", ForwardMode: "bridge", OpenVSwitch: true},
		`<network><name>default</name><forward/><bridge name='virbr0'/></network>`: {
			Name: "default", Bridge: "virbr0", ForwardMode: "nat",
		},
	} {
		if diff := virttest.Differ(must.Get[host.Network](t)(parseNetwork(text)), want); diff != "" {
			t.Error(diff)
		}
	}
}
