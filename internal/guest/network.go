package guest

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// NetworkInterface is found in the guest by its MAC address, because names depend on the guest's
// kernel and on PCI slots.
type NetworkInterface struct {
	// Name is unique in the guest. A name like eth0 is given to the interface; any other names only
	// its configuration.
	Name string
	// Device is what the guest calls the interface; "" to have it find the interface by its MAC address.
	Device string
	// MAC is a 48-bit address such as 52:54:00:12:34:56.
	MAC string
	// DHCP asks for an IPv4 address by DHCP.
	DHCP bool
	// Addresses are static ones with their prefix lengths, IPv4 or IPv6.
	Addresses []netip.Prefix
	// Gateways lead to all other addresses of their kind: at most one of IPv4 and one of IPv6.
	Gateways []Gateway
	// DNS are the servers to ask, in this order, besides those that DHCP names.
	DNS []netip.Addr
}

// Gateway is a router on the link of an interface.
type Gateway struct {
	Addr netip.Addr
	// OnLink says that no network of the interface's addresses contains it. The guest's netplan
	// learns that; other network configuration there may not support it (cloud-init 22.4 passes it
	// to netplan alone).
	OnLink bool
}

var (
	interfaceNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`) // becomes an ID of netplan
	kernelNameForm    = regexp.MustCompile(`^eth[0-9]{1,3}$`)
)

// networkConfig is cloud-init's network configuration format version 2, see
// https://docs.cloud-init.io/en/22.4.2/topics/network-config-format-v2.html.
type networkConfig struct {
	Version   int               `yaml:"version"`
	Ethernets map[text]ethernet `yaml:"ethernets"`
}

type ethernet struct {
	Match   *match `yaml:"match,omitempty"` // nil: the entry's key is the name of the interface
	SetName text   `yaml:"set-name,omitempty"`
	DHCP4   bool   `yaml:"dhcp4"`
	DHCP6   bool   `yaml:"dhcp6"`
	// Identifier mac makes the guest identify itself by its MAC address, so that it gets the same
	// address again after its system disk was replaced. By default, systemd-networkd uses the
	// machine's id, which a new system creates again.
	Identifier  string       `yaml:"dhcp-identifier,omitempty"`
	Addresses   []text       `yaml:"addresses,omitempty"`
	Routes      []route      `yaml:"routes,omitempty"`
	Nameservers *nameservers `yaml:"nameservers,omitempty"`
	// Optional lets a boot go on without the interface.
	Optional bool `yaml:"optional,omitempty"`
}

type match struct {
	MACAddress text `yaml:"macaddress"`
}

// route leads to everything. It is 0.0.0.0/0 rather than default, which older netplans and
// cloud-init's own renderers do not know, or gateway4, which newer netplans are dropping.
type route struct {
	To     text `yaml:"to"`
	Via    text `yaml:"via"`
	OnLink bool `yaml:"on-link,omitempty"`
}

type nameservers struct {
	Addresses []text `yaml:"addresses"`
}

func renderNetwork(interfaces []NetworkInterface) ([]byte, error) {
	if len(interfaces) == 0 {
		return nil, nil
	}
	config := networkConfig{Version: 2, Ethernets: map[text]ethernet{}}
	owner, named := map[text]string{}, map[string]bool{}
	for i, nic := range interfaces {
		if !interfaceNameForm.MatchString(nic.Name) {
			return nil, fmt.Errorf("network interface %q: the name must be 1 to 63 letters, digits and ._- and begin "+
				"with a letter or digit", nic.Name)
		}
		if _, taken := named[nic.Name]; taken {
			return nil, fmt.Errorf("network interface %q: the name is used twice; give each interface its own",
				nic.Name)
		}
		named[nic.Name] = true
		mac, err := net.ParseMAC(nic.MAC)
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("network interface %q: %q is not a MAC address like 52:54:00:12:34:56",
				nic.Name, nic.MAC)
		}
		address := text(strings.ToLower(mac.String()))
		if other, taken := owner[address]; taken {
			return nil, fmt.Errorf("network interface %q: the MAC address %s is also that of %q; the guest could not "+
				"tell them apart", nic.Name, address, other)
		}
		owner[address] = nic.Name
		entry, key := nic.ethernet(), text(nic.Name)
		if nic.Device != "" {
			key, entry.SetName = text(nic.Device), ""
		} else {
			entry.Match = &match{address}
		}
		// A boot waits for the first interface. It would wait for minutes for another one that has
		// no DHCP server, or no address at all.
		entry.Optional = len(nic.Addresses) == 0 && (i > 0 || !nic.DHCP)
		config.Ethernets[key] = entry
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("writing network-config: %w", err)
	}
	return out, nil
}

// ethernet is the addressing of the interface in cloud-init's format.
func (nic NetworkInterface) ethernet() ethernet {
	entry := ethernet{DHCP4: nic.DHCP}
	if nic.DHCP {
		entry.Identifier = "mac"
	}
	if nic.KeepsName() {
		entry.SetName = text(nic.Name)
	}
	for _, address := range nic.Addresses {
		entry.Addresses = append(entry.Addresses, text(address.String()))
	}
	for _, gateway := range nic.Gateways {
		to := text("::/0")
		if gateway.Addr.Is4() {
			to = "0.0.0.0/0"
		}
		entry.Routes = append(entry.Routes, route{To: to, Via: text(gateway.Addr.String()), OnLink: gateway.OnLink})
	}
	if len(nic.DNS) > 0 {
		entry.Nameservers = &nameservers{}
		for _, server := range nic.DNS {
			entry.Nameservers.Addresses = append(entry.Nameservers.Addresses, text(server.String()))
		}
	}
	return entry
}

// KeepsName reports whether the guest's interface gets the name. Any other name is only that of its
// configuration.
func (nic NetworkInterface) KeepsName() bool { return kernelNameForm.MatchString(nic.Name) }
