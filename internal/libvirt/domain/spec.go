package domain

import (
	"cmp"
	"fmt"
	"regexp"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// aliasName matches the aliases that libvirt allows.
var aliasName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func renderDomain(spec host.DomainSpec) (string, error) {
	if err := checkDomain(spec); err != nil {
		return "", err
	}
	doc := libvirtxml.Domain{
		Type:        spec.Type,
		Name:        spec.Name,
		UUID:        spec.UUID,
		Title:       spec.Title,
		Description: spec.Description,
		Memory:      &libvirtxml.DomainMemory{Unit: "MiB", Value: uint(spec.MemoryMiB)},
		VCPU:        &libvirtxml.DomainVCPU{Placement: "static", Value: uint(spec.Sockets * spec.Cores)},
		CPU:         domainCPU(spec),
		OS:          &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Type: "hvm"}, Firmware: spec.Firmware},
		Features: &libvirtxml.DomainFeatureList{
			ACPI: &libvirtxml.DomainFeature{}, APIC: &libvirtxml.DomainFeatureAPIC{},
		},
		Clock:      &libvirtxml.DomainClock{Offset: "utc"},
		OnPoweroff: "destroy",
		OnReboot:   "restart",
		OnCrash:    "destroy",
		Devices:    domainDevices(spec),
	}
	if spec.GenID {
		doc.GenID = &libvirtxml.DomainGenID{}
	}
	if spec.Metadata != "" {
		metadata, err := WithPrefix(spec.Metadata)
		if err != nil {
			return "", err
		}
		doc.Metadata = &libvirtxml.DomainMetadata{XML: metadata}
	}
	return doc.Marshal()
}

func checkDomain(spec host.DomainSpec) error {
	if spec.Sockets < 1 || spec.Cores < 1 {
		return fmt.Errorf("%d sockets of %d cores: both must be at least 1", spec.Sockets, spec.Cores)
	}
	for _, d := range spec.Disks {
		if err := checkDisk(d); err != nil {
			return err
		}
	}
	for _, d := range spec.Passthrough {
		if !aliasName.MatchString(d.Name) {
			return fmt.Errorf("host device name %q: only letters, digits, _ and - are possible", d.Name)
		}
	}
	for _, n := range spec.Interfaces {
		if err := CheckInterface(n); err != nil {
			return err
		}
	}
	return nil
}

// CheckInterface checks the name and the connection of an interface.
func CheckInterface(n host.InterfaceSpec) error {
	if !aliasName.MatchString(n.Name) {
		return fmt.Errorf("interface name %q: only letters, digits, _ and - are possible", n.Name)
	}
	if (n.Network == "") == (n.Bridge == "") {
		return fmt.Errorf("interface %q: give either a network or a bridge", n.Name)
	}
	return nil
}

// domainCPU describes the processor. match='exact' with fallback='forbid' refuses to start a guest
// rather than give it less than was asked for.
func domainCPU(spec host.DomainSpec) *libvirtxml.DomainCPU {
	cpu := &libvirtxml.DomainCPU{
		Mode:     host.EffectiveCPU(spec.Type, spec.CPU),
		Topology: &libvirtxml.DomainCPUTopology{Sockets: spec.Sockets, Cores: spec.Cores, Threads: 1},
	}
	if cpu.Mode != "host-model" && cpu.Mode != "host-passthrough" && cpu.Mode != "maximum" {
		cpu.Mode, cpu.Match = "custom", "exact"
		cpu.Model = &libvirtxml.DomainCPUModel{Fallback: "forbid", Value: spec.CPU}
	}
	return cpu
}

func domainDevices(spec host.DomainSpec) *libvirtxml.DomainDeviceList {
	port := uint(0)
	serial := libvirtxml.DomainSerial{
		Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}},
		Target: &libvirtxml.DomainSerialTarget{Port: &port},
	}
	if spec.ConsoleLog != "" {
		serial.Log = &libvirtxml.DomainChardevLog{File: spec.ConsoleLog, Append: "off"}
	}
	list := &libvirtxml.DomainDeviceList{
		// An emulated USB controller would keep the host busy while the guest is idle.
		Controllers: []libvirtxml.DomainController{{Type: "usb", Model: "none"}},
		Serials:     []libvirtxml.DomainSerial{serial},
		Channels: []libvirtxml.DomainChannel{{
			Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{}},
			Target: &libvirtxml.DomainChannelTarget{
				VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: "org.qemu.guest_agent.0"},
			},
		}},
		RNGs: []libvirtxml.DomainRNG{{
			Model:   "virtio",
			Backend: &libvirtxml.DomainRNGBackend{Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"}},
		}},
	}
	scsi := spec.Seed != ""
	for _, d := range spec.Disks {
		list.Disks = append(list.Disks, diskDevice(d))
		scsi = scsi || d.Rotation > 0
	}
	if scsi {
		// The cloud kernels have no driver for a SATA CD-ROM, but they have one for virtio-scsi.
		list.Controllers = append(list.Controllers, libvirtxml.DomainController{Type: "scsi", Model: "virtio-scsi"})
	}
	if spec.Seed != "" {
		list.Disks = append(list.Disks, seedDevice(spec.Seed))
	}
	for _, n := range spec.Interfaces {
		list.Interfaces = append(list.Interfaces, interfaceDevice(n))
	}
	for _, d := range spec.Passthrough {
		list.Hostdevs = append(list.Hostdevs, hostDevice(d))
	}
	return list
}

func interfaceDevice(n host.InterfaceSpec) libvirtxml.DomainInterface {
	nic := Connected(n)
	nic.Model = &libvirtxml.DomainInterfaceModel{Type: cmp.Or(n.Model, "virtio")}
	nic.Alias = &libvirtxml.DomainAlias{Name: string(host.InterfaceID(n.Name))}
	nic.Address = deviceAddress(n.PCI)
	// A guest boots from its disk. The card's boot ROM would only cost time, and could take a lease
	// other than the guest's.
	nic.ROM = &libvirtxml.DomainROM{Enabled: "no"}
	if n.LinkDown {
		nic.Link = &libvirtxml.DomainInterfaceLink{State: "down"}
	}
	return nic
}

// Connected describes how an interface is connected, whatever the guest sees of it.
func Connected(n host.InterfaceSpec) libvirtxml.DomainInterface {
	nic := libvirtxml.DomainInterface{Source: &libvirtxml.DomainInterfaceSource{}}
	if n.Network != "" {
		nic.Source.Network = &libvirtxml.DomainInterfaceSourceNetwork{Network: n.Network}
	} else {
		nic.Source.Bridge = &libvirtxml.DomainInterfaceSourceBridge{Bridge: n.Bridge}
	}
	if n.MAC != "" {
		nic.MAC = &libvirtxml.DomainInterfaceMAC{Address: n.MAC}
	}
	if n.VLAN > 0 {
		nic.VLan = &libvirtxml.DomainInterfaceVLan{Tags: []libvirtxml.DomainInterfaceVLanTag{{ID: n.VLAN}}}
	}
	if n.Filter != "" {
		nic.FilterRef = &libvirtxml.DomainInterfaceFilterRef{Filter: n.Filter}
		for _, ip := range n.FilterIPs {
			nic.FilterRef.Parameters = append(nic.FilterRef.Parameters,
				libvirtxml.DomainInterfaceFilterParam{Name: "IP", Value: ip})
		}
	}
	return nic
}

func hostDevice(d host.PassthroughDevice) libvirtxml.DomainHostdev {
	a := d.Address
	return libvirtxml.DomainHostdev{
		Managed: "yes",
		SubsysPCI: &libvirtxml.DomainHostdevSubsysPCI{Source: &libvirtxml.DomainHostdevSubsysPCISource{
			Address: &libvirtxml.DomainAddressPCI{Domain: &a.Domain, Bus: &a.Bus, Slot: &a.Slot, Function: &a.Function},
		}},
		Alias: &libvirtxml.DomainAlias{Name: string(host.PassthroughID(d.Name))},
	}
}
