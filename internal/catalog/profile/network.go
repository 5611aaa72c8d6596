package profile

import (
	"fmt"
	"maps"
	"net"
	"strings"
	"unicode"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Network names a machine's interfaces. A nil member sets nothing.
type Network struct {
	// RequiresPublicIP asks for an interface on the host's public network.
	RequiresPublicIP *bool `json:"requires_public_ip,omitempty"`
	// Policies are the libvirt network filters of every interface.
	Policies []string `json:"default_network_policies"`
	// Interfaces by name; nil for one, eth0 on the network "default".
	Interfaces map[string]Interface `json:"interfaces"`
}

// Interface is one network card, on a libvirt network or a host bridge.
type Interface struct {
	Model   *string          `json:"type,omitempty"` // virtio, e1000, e1000e or rtl8139
	Network *string          `json:"network,omitempty"`
	Bridge  *string          `json:"bridge,omitempty"`
	VLAN    *int64           `json:"vlan,omitempty"` // the tag that the host adds and removes
	MAC     *string          `json:"mac_address,omitempty"`
	IP      *IPConfiguration `json:"ip_configuration,omitempty"`
}

// Network defaults.
const (
	DefaultInterface      = "eth0"
	DefaultInterfaceModel = "virtio"
	DefaultNetwork        = "default"
)

// InterfaceModels lists the network card models that a guest may get.
func InterfaceModels() []string { return []string{"virtio", "e1000", "e1000e", "rtl8139"} }

// Over lays the fields that n sets over base, interface by interface and field by field.
func (n *Network) Over(base *Network) *Network {
	if n == nil {
		return base
	}
	if base == nil {
		return n
	}
	merged := &Network{
		RequiresPublicIP: either(n.RequiresPublicIP, base.RequiresPublicIP), Policies: base.Policies,
		Interfaces: base.Interfaces,
	}
	if n.Policies != nil {
		merged.Policies = n.Policies
	}
	if n.Interfaces == nil {
		return merged
	}
	if merged.Interfaces = maps.Clone(base.Interfaces); merged.Interfaces == nil {
		merged.Interfaces = map[string]Interface{}
	}
	for name, over := range n.Interfaces {
		merged.Interfaces[name] = over.over(merged.Interfaces[name])
	}
	return merged
}

func (i Interface) over(base Interface) Interface {
	if i.Network != nil || i.Bridge != nil { // a network and a bridge are alternatives
		base.Network, base.Bridge = nil, nil
	}
	return Interface{
		Model:   either(i.Model, base.Model),
		Network: either(i.Network, base.Network),
		Bridge:  either(i.Bridge, base.Bridge),
		VLAN:    either(i.VLAN, base.VLAN),
		MAC:     either(i.MAC, base.MAC),
		IP:      i.IP.over(base.IP),
	}
}

// NIC is an interface with every field filled in; MAC is "" when it is to be chosen.
type NIC struct {
	Name, Model, Network, Bridge, MAC string

	VLAN   int    // 0 for no tag
	Filter string // the libvirt network filter, "" for none
	IP     Addressing
}

// NICs fills in the defaults and orders the interfaces by name. n may be nil. Validate first.
func (n *Network) NICs() []NIC {
	interfaces := map[string]Interface{DefaultInterface: {}}
	if n != nil && n.Interfaces != nil {
		interfaces = n.Interfaces
	}
	nics := make([]NIC, 0, len(interfaces))
	for _, name := range naming.SortedNames(interfaces) {
		nic := interfaces[name].nic(name)
		nic.Filter = n.filter()
		nics = append(nics, nic)
	}
	return nics
}

// filter is the network filter of all interfaces, "" for none. n may be nil.
func (n *Network) filter() string {
	if n == nil || len(n.Policies) == 0 {
		return ""
	}
	return n.Policies[0]
}

// nic is the interface of that name with its defaults, without its filter.
func (i Interface) nic(name string) NIC {
	nic := NIC{
		Name:   name,
		Model:  or(i.Model, DefaultInterfaceModel),
		Bridge: or(i.Bridge, ""),
		MAC:    strings.ToLower(or(i.MAC, "")),
		VLAN:   int(or(i.VLAN, 0)),
		IP:     i.IP.Addressing(),
	}
	if nic.Bridge == "" {
		nic.Network = or(i.Network, DefaultNetwork)
	}
	return nic
}

// Public reports whether an interface has to be on a public network. n may be nil.
func (n *Network) Public() bool { return n != nil && or(n.RequiresPublicIP, false) }

// Validate returns findings for what is wrong; n may be nil.
func (n *Network) Validate() finding.List {
	var fs finding.List
	if n == nil {
		return nil
	}
	n.validatePolicies(&fs)
	macs, addresses := map[string]string{}, map[string]string{}
	for _, name := range naming.SortedNames(n.Interfaces) {
		i, at := n.Interfaces[name], finding.At("network_profile").Name("interfaces").Key(name)
		if err := naming.ValidateDeviceName(name); err != nil {
			fs.Add(at, "Invalid interface name", finding.Sentence(err))
		}
		i.validate(&fs, at)
		if i.MAC != nil {
			validateMAC(&fs, at.Name("mac_address"), name, *i.MAC, macs)
		}
		i.IP.validate(&fs, at.Name("ip_configuration"), name, addresses)
	}
	return fs
}

// Missing returns findings for fields that are left out and have no default, and that another
// profile, laid over n, may still set; n may be nil.
func (n *Network) Missing() finding.List {
	var fs finding.List
	if n == nil {
		return nil
	}
	for _, name := range naming.SortedNames(n.Interfaces) {
		if ip := n.Interfaces[name].IP; ip != nil && len(ip.gateways()) > 0 && !ip.static() {
			written := ip.gatewayAttribute()
			fs.Add(finding.At("network_profile").Name("interfaces").Key(name).Name("ip_configuration").Name(written),
				"Gateway without static address",
				fmt.Sprintf("A gateway belongs to a static address, and DHCP brings its own: set static_ip or "+
					"static_ips, or remove %s.", written))
		}
	}
	return fs
}

// validatePolicies returns findings for policies that libvirt could not take: an interface has one
// filter, which may refer to others.
func (n *Network) validatePolicies(fs *finding.List) {
	at := finding.At("network_profile").Name("default_network_policies")
	if len(n.Policies) > 1 {
		var inner strings.Builder
		for _, name := range n.Policies {
			fmt.Fprintf(&inner, "<filterref filter='%s'/>", name)
		}
		fs.Add(at, "Too many network filters",
			fmt.Sprintf("libvirt applies one filter to an interface, and the order of "+
				"rules matters. Define a filter on the host that refers to these, with `virsh "+
				"nwfilter-define` of <filter name='NAME' chain='root'>%s</filter>, and name that one.", inner.String()))
	}
	for _, name := range n.Policies {
		if strings.TrimSpace(name) == "" {
			fs.Add(at, "Empty name", "Name a network filter of the host, or leave it out.")
		}
	}
}

func (i Interface) validate(fs *finding.List, at finding.Path) {
	if i.Network != nil && i.Bridge != nil {
		fs.Add(at.Name("bridge"), "Conflicting network and bridge",
			"An interface is on a libvirt network or on a host bridge: set network or bridge, not both.")
	}
	for attribute, plug := range map[string]*string{"network": i.Network, "bridge": i.Bridge} {
		if plug != nil && strings.TrimSpace(*plug) == "" {
			fs.Add(at.Name(attribute), "Empty name", fmt.Sprintf("Name the %s, or leave it out for the network %q.",
				attribute, DefaultNetwork))
		}
	}
	if err := validateLink(or(i.Bridge, DefaultInterface)); err != nil {
		fs.Add(at.Name("bridge"), "Invalid bridge name", finding.Sentence(err))
	}
	oneOf(fs, at.Name("type"), "Unknown interface type", i.Model, InterfaceModels())
	within(fs, at.Name("vlan"), i.VLAN, 1, 4094) // IEEE 802.1Q: 0 and 4095 are reserved
}

// maxLink is how many bytes Linux accepts for the name of a network device (IFNAMSIZ in linux/if.h,
// less the NUL).
const maxLink = 15

// validateLink checks whether a network device of the host can have a name, by the rules of
// dev_valid_name in Linux's net/core/dev.c. It accepts an empty name, because another check reports
// it.
func validateLink(name string) error {
	switch {
	case len(name) > maxLink:
		return fmt.Errorf("%q has %d bytes, and Linux accepts at most %d for the name of a "+
			"network device", name, len(name), maxLink)
	case name == "." || name == "..", strings.ContainsAny(name, "/:"), strings.TrimSpace(name) != "" &&
		strings.ContainsFunc(name, unicode.IsSpace):
		return fmt.Errorf("%q cannot name a network device: it contains a slash, a colon or a space", name)
	}
	return nil
}

// validateMAC checks an address; seen has those of other interfaces, by address.
func validateMAC(fs *finding.List, at finding.Path, name, text string, seen map[string]string) {
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6 || mac.String() == "00:00:00:00:00:00":
		fs.Add(at, "Invalid MAC address", fmt.Sprintf("%q is not an Ethernet address: write it as 52:54:00:12:34:56.",
			text))
	case mac[0]&1 == 1:
		fs.Add(at, "Multicast MAC address",
			fmt.Sprintf("%q has the multicast bit set; the first byte of an interface's own address is even.", text))
	case seen[mac.String()] != "":
		fs.Add(at, "Duplicate MAC address", fmt.Sprintf("%q is also the address of interface %q.",
			text, seen[mac.String()]))
	default:
		seen[mac.String()] = name
	}
}
