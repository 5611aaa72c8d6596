package domain

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
)

const cardBefore = `<interface type='network' trustGuestRxFilters='no'>
  <mac address='52:54:00:00:00:01'/>
  <source network='default' portid='x' bridge='virbr0'/>
  <virtualport type='openvswitch'/>
  <vlan><tag id='3'/></vlan>
  <target dev='vnet0'/>
  <model type='virtio'/>
  <filterref filter='old'><parameter name='IP' value='10.0.0.1'/></filterref>
  <alias name='ua-nic-eth0'/>
  <future answer='42'/>
  <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>
</interface>`

func TestDevicesOfADefinitionChangeAlone(t *testing.T) {
	const others = `<disk type='file' device='disk'><source file='/pool/a'/><target dev='vdb'/><alias ` +
		`name='ua-disk-a'/></disk>`
	definition := domainOf(pcieRoot, port(1, ""), others, cardBefore)
	for name, c := range map[string]struct {
		change    host.DomainChange
		has, lost []string
		kept      []string
	}{
		"nothing": {change: host.DomainChange{}, kept: []string{definition}},
		"a disk comes": {
			host.DomainChange{AddDisk: &host.DiskSpec{Name: "b", Target: "vdc", Path: "/pool/b", Format: "qcow2"}},
			[]string{`<alias name="ua-disk-b">`, `file="/pool/b"`}, nil, []string{others, cardBefore},
		},
		"a disk is there": {
			host.DomainChange{AddDisk: &host.DiskSpec{Name: "a", Target: "vdc", Path: "/pool/b", Format: "qcow2"}}, nil,
			[]string{"/pool/b"}, []string{others, cardBefore},
		},
		"a SCSI disk comes": {
			host.DomainChange{
				AddDisk: &host.DiskSpec{Name: "b", Target: "sdaa", Path: "/pool/b", Format: "qcow2", Rotation: 1},
			}, []string{`target="26"`}, nil, []string{others},
		},
		"a disk goes": {host.DomainChange{RemoveDevice: host.DiskID("a")}, nil,
			[]string{"/pool/a", "pcie-root-port'/>"}, []string{cardBefore}},
		"what is not there": {host.DomainChange{RemoveDevice: host.DiskID("eth0")}, nil, nil, []string{definition}},
		"a card goes": {host.DomainChange{RemoveDevice: host.InterfaceID("eth0")}, nil, []string{"52:54:00"},
			[]string{others}},
		"a card comes": {
			host.DomainChange{
				SetInterface: &host.InterfaceSpec{
					Name: "eth1", Network: "lab", MAC: "52:54:00:00:00:02", PCI: &host.PCIAddress{Bus: 1},
				},
			}, []string{`<alias name="ua-nic-eth1">`, `bus="0x01"`}, nil, []string{others, cardBefore},
		},
		"its place is taken": {
			host.DomainChange{
				SetInterface: &host.InterfaceSpec{Name: "eth1", Network: "lab", PCI: &host.PCIAddress{Slot: 2}},
			},
			[]string{`<alias name="ua-nic-eth1">`},
			[]string{`slot="0x02"`},
			[]string{cardBefore},
		},
		"ports for next time": {host.DomainChange{SetInterface: &host.InterfaceSpec{Name: "eth1", Network: "lab"}},
			[]string{strings.Repeat("<controller type='pci' model='pcie-root-port'/>", 4)}, nil,
			[]string{others, cardBefore}},
		"another network": {
			host.DomainChange{
				SetInterface: &host.InterfaceSpec{
					Name: "eth0", Model: "virtio", Network: "a & b", MAC: "52:54:00:00:00:09",
				},
			},
			[]string{
				`<source network="a &amp; b"></source>`, "52:54:00:00:00:01", `<virtualport type='openvswitch'/>`,
				`<future answer='42'/>`, `slot='0x02'`, `<model type='virtio'/>`,
			},
			[]string{"portid", "filterref", "vlan", "52:54:00:00:00:09"}, []string{others},
		},
		"a bridge, a tag and a filter": {
			host.DomainChange{
				SetInterface: &host.InterfaceSpec{
					Name:      "eth0",
					Model:     "virtio",
					Bridge:    "br0",
					VLAN:      7,
					Filter:    "new",
					FilterIPs: []string{"10.0.0.2"},
				},
			},
			[]string{
				`<interface type="bridge" trustGuestRxFilters="no">`, `<source bridge="br0"></source>`,
				`<vlan><tag id='7'/></vlan>`,
				`<filterref filter="new"><parameter name='IP' value='10.0.0.2'/></filterref>`,
			},
			[]string{"10.0.0.1", "id='3'", "default"}, []string{others},
		},
		"another model": {
			host.DomainChange{SetInterface: &host.InterfaceSpec{Name: "eth0", Model: "e1000", Network: "default"}},
			[]string{`<model type="e1000"></model>`, "52:54:00:00:00:01"}, []string{"slot='0x02'", "'virtio'"},
			[]string{others},
		},
		"another model elsewhere": {
			host.DomainChange{
				SetInterface: &host.InterfaceSpec{
					Name: "eth0", Model: "e1000", Network: "default", PCI: &host.PCIAddress{Slot: 5},
				},
			},
			[]string{`<address type='pci' domain='0' bus='0' slot='5' function='0'/>`}, []string{"slot='0x02'"},
			[]string{others},
		},
	} {
		got := must.Get[string](t)(machineDialect.edit(definition, c.change))
		for _, text := range append(c.has, c.kept...) {
			if !strings.Contains(got, text) {
				t.Errorf("%s: %s is missing in\n%s", name, text, got)
			}
		}
		for _, text := range c.lost {
			if strings.Contains(got, text) {
				t.Errorf("%s: %s is in\n%s", name, text, got)
			}
		}
		must.Get[host.Domain](t)(parseDomain(got))
	}
	for name, change := range map[string]host.DomainChange{
		"a disk without a name":      {AddDisk: &host.DiskSpec{Target: "vdb"}},
		"a card that goes nowhere":   {SetInterface: &host.InterfaceSpec{Name: "eth0"}},
		"a card with a strange name": {SetInterface: &host.InterfaceSpec{Name: "e'", Network: "x"}},
	} {
		if _, err := machineDialect.edit(definition, change); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestACardOfARunningGuestIsReconnected(t *testing.T) {
	got := must.Get[string](t)(must.Get[*editor](t)(newEditor(domainOf(cardBefore))).reconnected(host.InterfaceSpec{
		Name:    "eth0",
		Model:   "e1000",
		Network: "lab",
		Filter:  "f",
		PCI:     &host.PCIAddress{Slot: 9},
	}))
	for _, text := range []string{
		`network="lab"`, `filter="f"`, "52:54:00:00:00:01", "vnet0", "'virtio'", "slot='0x02'", "ua-nic-eth0",
	} {
		if !strings.Contains(got, text) {
			t.Errorf("%s is missing in %s", text, got)
		}
	}
	if strings.Contains(got, "virtualport") || strings.Contains(got, "portid") {
		t.Errorf("it takes along the port of its old network: %s", got)
	}
	if _, err := must.Get[*editor](t)(newEditor(domainOf(cardBefore))).reconnected(
		host.InterfaceSpec{Name: "eth1", Network: "lab"}); err == nil {
		t.Error("a card that the guest has not got is reconnected")
	}
}

func TestAMachineOfPCIExpressGetsSparePorts(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)
	text := strings.Replace(must.Get[string](t)(renderDomain(spec)), "<type>", `<type machine="q35">`, 1)
	ref := must.Get[libvirt.Domain](t)(rpc.Tell(ctx, h.Client, "defining", spec.Name,
		func(l *libvirt.Libvirt) (libvirt.Domain, error) { return l.DomainDefineXMLFlags(text, 0) }))
	_, text, err := h.readText(ctx, spec.Name, ref)
	if err := errors.Join(err, h.withSparePorts(ctx, "defining", spec.Name, text)); err != nil {
		t.Fatal(err)
	}
	before := must.Get[host.Hardware](t)(parseHardware(text))
	after := must.Get[host.Hardware](t)(h.Hardware(context.WithoutCancel(ctx), spec.UUID))
	const spare = 4 // ports, which are kept free
	if n := after.Slots().Ports; n < spare || before.Slots().Ports >= spare {
		t.Errorf("%d ports were free and %d are, want %d", before.Slots().Ports, n, spare)
	}
	for _, id := range []host.DeviceID{host.DiskID("data"), host.InterfaceID("data")} {
		if a, b := before.PCI(id), after.PCI(id); a == nil || b == nil || *a != *b {
			t.Errorf("%s has moved from %v to %v", id, a, b)
		}
	}
}
