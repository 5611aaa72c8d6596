// Package network connects instances: it checks whether a host can connect them as they ask, and
// finds the addresses that they are seen to have.
package network

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

// Networks are the networks of one host.
type Networks struct {
	host      Guests
	inventory *inventory.Inventory
	public    []string
}

// Guests is what this package needs to see guests from outside.
type Guests interface {
	DomainAddresses(ctx context.Context, uuid string, source host.AddressSource) ([]host.Address, error)
	Leases(ctx context.Context, network string) ([]host.Address, error)
	Sent(ctx context.Context, uuid, mac string) (packets int64, err error)
}

// New creates the Networks of a host. public names its networks and bridges that are public.
func New(guests Guests, i *inventory.Inventory, public []string) *Networks {
	return &Networks{host: guests, inventory: i, public: public}
}

// Check reports what interfaces ask for and the host does not have. public says that one of them
// must be on a public network.
func (n *Networks) Check(ctx context.Context, nics []profile.NIC, public bool) (finding.List, error) {
	var fs finding.List
	for _, check := range []func(context.Context, []profile.NIC) (finding.List, error){
		n.checkNetworks, n.checkBridges, n.checkFilters,
	} {
		found, err := check(ctx, nics)
		if err != nil {
			return nil, err
		}
		fs = append(fs, found...)
	}
	if public {
		fs = append(fs, checkPublic(nics, n.public)...)
	}
	return fs, nil
}

// checkNetworks reports interfaces on networks that the host does not have, that are not active, or
// that cannot tag.
func (n *Networks) checkNetworks(ctx context.Context, nics []profile.NIC) (finding.List, error) {
	var fs finding.List
	if !slices.ContainsFunc(nics, func(nic profile.NIC) bool { return nic.Network != "" || nic.VLAN > 0 }) {
		return nil, nil
	}
	networks, err := n.inventory.Networks(ctx)
	if err != nil {
		return nil, err
	}
	info, err := n.inventory.Info(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(networks))
	for i, network := range networks {
		names[i] = network.Name
	}
	for _, nic := range nics {
		at := finding.At("network_profile").Name("interfaces").Key(nic.Name)
		var network host.Network
		if nic.Network != "" {
			i := slices.Index(names, nic.Network)
			if i < 0 {
				fs.Add(at.Name("network"), "Network not found",
					fmt.Sprintf("Interface %q should be on the network %q, which the "+
						"host %s does not have. %s Name one of them, define the network, or "+
						"use bridge.", nic.Name, nic.Network, n.inventory.URI(), finding.Available("It has", names)))
				continue
			}
			if network = networks[i]; !network.Active {
				fs.Add(at.Name("network"), "Network is not active",
					fmt.Sprintf("Interface %q should be on the network %q, which "+
						"is not active on %s: start it with `virsh net-start %s`.", nic.Name, nic.Network,
						n.inventory.URI(), nic.Network))
			}
		}
		if nic.VLAN > 0 && !canTag(network, info.LibvirtVersion) {
			fs.Add(at.Name("vlan"), "Network does not support VLAN tags",
				fmt.Sprintf("Interface %q should have the VLAN tag "+
					"%d. The host's libvirt %s adds tags on networks whose bridge is an Open vSwitch bridge "+
					"(<virtualport type='openvswitch'/>), from version 11 on also on other bridges of the host, and "+
					"never on networks of its own. Plug the interface into such a network, or into one that is in the "+
					"VLAN as a whole, without vlan.", nic.Name, nic.VLAN, info.LibvirtVersion))
		}
	}
	return fs, nil
}

// checkBridges reports interfaces on bridges that the host does not have, if libvirt lists the
// host's bridges.
func (n *Networks) checkBridges(ctx context.Context, nics []profile.NIC) (finding.List, error) {
	if !slices.ContainsFunc(nics, func(n profile.NIC) bool { return n.Bridge != "" }) {
		return nil, nil
	}
	names, err := n.inventory.Interfaces(ctx)
	if err != nil {
		return nil, err
	}
	networks, err := n.inventory.Networks(ctx)
	if err != nil {
		return nil, err
	}
	// Some builds of libvirt read the files of the host's network configuration, and miss most
	// bridges. If a list lacks the bridges of libvirt's own networks, another bridge that it lacks may
	// exist.
	if !slices.ContainsFunc(networks, func(n host.Network) bool {
		return n.Bridge != "" && slices.Contains(names, n.Bridge)
	}) {
		return nil, nil
	}
	var fs finding.List
	for _, nic := range nics {
		if nic.Bridge != "" && !slices.Contains(names, nic.Bridge) {
			fs.Add(finding.At("network_profile").Name("interfaces").Key(nic.Name).Name("bridge"), "Bridge not found",
				fmt.Sprintf(
					"Interface %q should be on the bridge %q, which the host %s does not have. %s Name one of them, "+
						"create the bridge on the host, or use network.", nic.Name, nic.Bridge, n.inventory.URI(),
					finding.Available("Its interfaces are", names)))
		}
	}
	return fs, nil
}

// canTag reports whether a libvirt of that version tags what a guest sends into a network; a
// network without a name stands for a bridge of the host
// (https://libvirt.org/formatdomain.html#setting-vlan-tag-on-supported-network-types-only).
func canTag(n host.Network, libvirt string) bool {
	major, _, _ := strings.Cut(libvirt, ".")
	number, _ := strconv.Atoi(major)
	hostBridge := n.Name == "" || n.ForwardMode == "bridge" && n.Bridge != ""
	return n.OpenVSwitch || n.ForwardMode == "hostdev" || number >= 11 && hostBridge
}

// checkFilters reports network filters that the host does not have.
func (n *Networks) checkFilters(ctx context.Context, nics []profile.NIC) (finding.List, error) {
	var fs finding.List
	filtered := slices.IndexFunc(nics, func(nic profile.NIC) bool { return nic.Filter != "" })
	if filtered < 0 {
		return nil, nil
	}
	filters, err := n.inventory.NetworkFilters(ctx)
	if err != nil {
		return nil, err
	}
	if filter := nics[filtered].Filter; !slices.Contains(filters, filter) {
		fs.Add(finding.At("network_profile").Name("default_network_policies"), "Network filter not found",
			fmt.Sprintf("The "+
				"interfaces should have the network filter %q, which the host %s does not have. %s Name one of them, "+
				"or define it with `virsh nwfilter-define`.",
				filter, n.inventory.URI(), finding.Available("It has", filters)))
	}
	return fs, nil
}

// checkPublic reports that no interface is on a public network.
func checkPublic(nics []profile.NIC, public []string) finding.List {
	var fs finding.List
	isPublic := func(n profile.NIC) bool {
		return n.Network != "" && slices.Contains(public, n.Network) || n.Bridge != "" &&
			slices.Contains(public, n.Bridge)
	}
	if !slices.ContainsFunc(nics, isPublic) {
		fs.Add(finding.At("network_profile").Name("requires_public_ip"), "Missing public network", fmt.Sprintf("The "+
			"instance needs a public address, but none of its interfaces is on a network or bridge that "+
			"the provider's public_networks name. %s Plug an interface into one of them, or add its network "+
			"there.", finding.Available("They name", public)))
	}
	return fs
}
