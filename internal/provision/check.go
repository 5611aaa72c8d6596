package provision

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// CheckHost finds what a blueprint of the instance of that name asks for and the host does not have.
func (p *Provisioner) CheckHost(ctx context.Context, name string, b Blueprint) (finding.List, error) {
	var fs finding.List
	for _, check := range []func() (finding.List, error){
		func() (finding.List, error) { return p.checkFirmware(ctx, b) },
		func() (finding.List, error) { return p.checkGPUs(ctx, name, b) },
		func() (finding.List, error) { return p.checkNetworks(ctx, b) },
		func() (finding.List, error) { return p.checkBridges(ctx, b) },
		func() (finding.List, error) { return p.checkFilters(ctx, b) },
		func() (finding.List, error) { return p.checkTiers(ctx, b) },
	} {
		found, err := check()
		if err != nil {
			return nil, err
		}
		fs = append(fs, found...)
	}
	if b.Public {
		fs = append(fs, checkPublic(b.NICs, p.public)...)
	}
	return fs, nil
}

// there is a sentence that lists what there is instead.
func there(has string, names []string) string {
	if len(names) == 0 {
		return has + " none."
	}
	return has + ": " + strings.Join(names, ", ") + "."
}

// checkNetworks finds interfaces on networks that the host does not have, that are not active, or that cannot tag.
func (p *Provisioner) checkNetworks(ctx context.Context, b Blueprint) (finding.List, error) {
	var fs finding.List
	if !slices.ContainsFunc(b.NICs, func(n catalog.NIC) bool { return n.Network != "" || n.VLAN > 0 }) {
		return nil, nil
	}
	networks, err := p.inventory.Networks(ctx)
	if err != nil {
		return nil, err
	}
	info, err := p.inventory.Info(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(networks))
	for i, n := range networks {
		names[i] = n.Name
	}
	for _, nic := range b.NICs {
		at := finding.At("network_profile").Name("interfaces").Key(nic.Name)
		var network host.Network
		if nic.Network != "" {
			i := slices.Index(names, nic.Network)
			if i < 0 {
				fs.Add(at.Name("network"), "Network not found", fmt.Sprintf("Interface %q should be on the network %q, which the "+
					"host %s does not have. %s Name one of them, define the network, or "+
					"use bridge.", nic.Name, nic.Network, p.host.URI(), there("It has", names)))
				continue
			}
			if network = networks[i]; !network.Active {
				fs.Add(at.Name("network"), "Network is not active", fmt.Sprintf("Interface %q should be on the network %q, which "+
					"is not active on %s: start it with `virsh net-start %s`.", nic.Name, nic.Network, p.host.URI(), nic.Network))
			}
		}
		if nic.VLAN > 0 && !canTag(network, info.LibvirtVersion) {
			fs.Add(at.Name("vlan"), "Network does not support VLAN tags", fmt.Sprintf("Interface %q should have the VLAN tag "+
				"%d. The host's libvirt %s adds tags on networks whose bridge is an Open vSwitch bridge (<virtualport "+
				"type='openvswitch'/>), from version 11 on also on other bridges of the host, and never on networks of its own. "+
				"Plug the interface into such a network, or into one that is in the "+
				"VLAN as a whole, without vlan.", nic.Name, nic.VLAN, info.LibvirtVersion))
		}
	}
	return fs, nil
}

// checkBridges finds interfaces on bridges that the host does not have, where libvirt tells which it has.
func (p *Provisioner) checkBridges(ctx context.Context, b Blueprint) (finding.List, error) {
	if !slices.ContainsFunc(b.NICs, func(n catalog.NIC) bool { return n.Bridge != "" }) {
		return nil, nil
	}
	names, err := p.inventory.Interfaces(ctx)
	if err != nil {
		return nil, err
	}
	networks, err := p.inventory.Networks(ctx)
	if err != nil {
		return nil, err
	}
	// Some builds of libvirt read the files of the host's network configuration, and miss most bridges. Where a list lacks those of
	// libvirt's own networks, a bridge that it lacks may be there.
	if !slices.ContainsFunc(networks, func(n host.Network) bool { return n.Bridge != "" && slices.Contains(names, n.Bridge) }) {
		return nil, nil
	}
	var fs finding.List
	for _, nic := range b.NICs {
		if nic.Bridge != "" && !slices.Contains(names, nic.Bridge) {
			fs.Add(finding.At("network_profile").Name("interfaces").Key(nic.Name).Name("bridge"), "Bridge not found", fmt.Sprintf(
				"Interface %q should be on the bridge %q, which the host %s does not have. %s Name one of them, create the bridge "+
					"on the host, or use network.", nic.Name, nic.Bridge, p.host.URI(), there("Its interfaces are", names)))
		}
	}
	return fs, nil
}

// canTag tells whether a libvirt of that version puts tags on what a guest sends into a network; a network without a name
// stands for a bridge of the host (https://libvirt.org/formatdomain.html#setting-vlan-tag-on-supported-network-types-only).
func canTag(n host.Network, libvirt string) bool {
	major, _, _ := strings.Cut(libvirt, ".")
	number, _ := strconv.Atoi(major)
	hostBridge := n.Name == "" || n.ForwardMode == "bridge" && n.Bridge != ""
	return n.OpenVSwitch || n.ForwardMode == "hostdev" || number >= 11 && hostBridge
}

// checkFilters finds network filters that the host does not have.
func (p *Provisioner) checkFilters(ctx context.Context, b Blueprint) (finding.List, error) {
	var fs finding.List
	n := slices.IndexFunc(b.NICs, func(n catalog.NIC) bool { return n.Filter != "" })
	if n < 0 {
		return nil, nil
	}
	filters, err := p.inventory.NetworkFilters(ctx)
	if err != nil {
		return nil, err
	}
	if filter := b.NICs[n].Filter; !slices.Contains(filters, filter) {
		fs.Add(finding.At("network_profile").Name("default_network_policies"), "Network filter not found", fmt.Sprintf("The "+
			"interfaces should have the network filter %q, which the host %s does not have. %s Name one of them, or define it "+
			"with `virsh nwfilter-define`.",
			filter, p.host.URI(), there("It has", filters)))
	}
	return fs, nil
}

// checkPublic finds that no interface is on a public network.
func checkPublic(nics []catalog.NIC, public []string) finding.List {
	var fs finding.List
	isPublic := func(n catalog.NIC) bool {
		return n.Network != "" && slices.Contains(public, n.Network) || n.Bridge != "" && slices.Contains(public, n.Bridge)
	}
	if !slices.ContainsFunc(nics, isPublic) {
		fs.Add(finding.At("network_profile").Name("requires_public_ip"), "Missing public network", fmt.Sprintf("The "+
			"instance needs a public address, but none of its interfaces is on a network or bridge that the provider's "+
			"public_networks name. %s Plug an interface into one of them, or add its network "+
			"there.", there("They name", public)))
	}
	return fs
}

// checkFirmware finds that the host has no EFI.
func (p *Provisioner) checkFirmware(ctx context.Context, b Blueprint) (finding.List, error) {
	var fs finding.List
	if b.Machine.Firmware != catalog.EFI {
		return nil, nil
	}
	domainType, err := p.domainTypeFor(ctx)
	if err != nil {
		return nil, err
	}
	firmwares, err := p.inventory.Firmwares(ctx, domainType)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(firmwares, "efi") {
		fs.Add(finding.At("hardware_profile").Name("firmware"), "EFI firmware not found", fmt.Sprintf("The host %s has no EFI for guests. Install it "+
			"there (the package ovmf of Debian and Ubuntu, edk2-ovmf of Fedora and its kin), or use bios.", p.host.URI()))
	}
	return fs, nil
}
