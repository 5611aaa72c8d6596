package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file computes the profiles that describe what an instance has beyond its version: laid over
// the version's own, they yield what the host has. A host can also have, by manual changes, things
// that no profile can express, such as one interface fewer than the version; they are left out.

// Beyond is the profile that, laid over base, yields the machine; it is nil if base alone does.
// base may be nil.
func (m Machine) Beyond(base *Hardware) *Hardware {
	under := base.Machine()
	h := Hardware{
		CPUCount: unless(int64(m.Sockets), int64(under.Sockets)), CPUCores: unless(int64(m.Cores), int64(under.Cores)),
		CPUType: unless(m.CPU, under.CPU), Firmware: unless(m.Firmware, under.Firmware),
		MemoryMB: unless(int64(m.MemoryMiB), int64(under.MemoryMiB)),
		GPUCount: unless(int64(m.GPUs), int64(under.GPUs)),
	}
	if m.GPUs > 0 && (base == nil || m.GPU != strings.ToLower(or(base.GPUType, ""))) {
		h.GPUType = &m.GPU
	}
	if h == (Hardware{}) {
		return nil
	}
	return &h
}

// NetworkBeyond is the profile that, laid over base, yields the network cards; it is nil if base
// alone does. It ignores cards without a name, because they are not novacron's. base may be nil.
func NetworkBeyond(nics []NIC, base *Network) *Network {
	var n Network
	under := map[string]NIC{}
	for _, nic := range base.NICs() {
		under[nic.Name] = nic
	}
	nics = slices.DeleteFunc(slices.Clone(nics), func(nic NIC) bool { return nic.Name == "" })
	interfaces := map[string]Interface{}
	for _, nic := range nics {
		var of Interface
		if base != nil {
			of = base.Interfaces[nic.Name]
		}
		over, has := nic.beyond(of), under[nic.Name].Name != ""
		if !has || over != (Interface{}) {
			interfaces[nic.Name] = over.orNetwork(nic)
		}
		if filter := base.filter(); nic.Filter != filter && n.Policies == nil {
			n.Policies = slices.DeleteFunc([]string{nic.Filter}, func(name string) bool { return name == "" })
		}
	}
	switch named := base != nil && base.Interfaces != nil; {
	case named && len(interfaces) > 0:
		n.Interfaces = interfaces
	case !named && (len(interfaces) > 0 || len(nics) != len(under)): // which replaces the default interface
		n.Interfaces = map[string]Interface{}
		for _, nic := range nics {
			n.Interfaces[nic.Name] = interfaces[nic.Name].orNetwork(nic)
		}
	}
	if n.Interfaces == nil && n.Policies == nil {
		return nil
	}
	return &n
}

// orNetwork is the interface with something set: the network or bridge that it is plugged into, if
// nothing else. An interface with nothing set looks as if its attributes were misspelt.
func (i Interface) orNetwork(n NIC) Interface {
	if i == (Interface{}) {
		i.Network, i.Bridge = unless(n.Network, ""), unless(n.Bridge, "")
	}
	return i
}

// beyond is the interface that, laid over base, yields the card. A MAC address that base leaves to
// chance stays so.
func (n NIC) beyond(base Interface) Interface {
	under := base.nic(n.Name)
	i := Interface{Model: unless(n.Model, under.Model), IP: n.IP.beyond(base.IP)}
	if n.Network != under.Network || n.Bridge != under.Bridge {
		i.Bridge = unless(n.Bridge, "")
		i.Network = unless(n.Network, "")
	}
	if n.VLAN > 0 {
		i.VLAN = unless(int64(n.VLAN), int64(under.VLAN))
	}
	if under.MAC != "" && !strings.EqualFold(n.MAC, under.MAC) {
		i.MAC = &n.MAC
	}
	return i
}

// beyond is the configuration that, laid over base, yields the addressing; it is nil if base alone
// does. base may be nil.
func (a Addressing) beyond(base *IPConfiguration) *IPConfiguration {
	under := base.Addressing()
	if a.Equal(under) {
		return nil
	}
	var c IPConfiguration
	sameAddresses, keepsGateways := slices.Equal(a.Addresses, under.Addresses), sameGateways(a.Gateways, under.Gateways)
	switch {
	case a.DHCP && (!under.DHCP || !sameAddresses || !keepsGateways): // which removes everything static below
		c.DHCP = &a.DHCP
		sameAddresses, keepsGateways = len(a.Addresses) == 0, len(a.Gateways) == 0
	case sameAddresses || len(a.Addresses) == 0:
		c.DHCP = unless(a.DHCP, under.DHCP || len(under.Addresses) > 0)
	}
	if !sameAddresses {
		c.StaticIP, c.StaticIPs = oneOrList(a.Addresses)
	}
	if !keepsGateways {
		c.Gateway, c.Gateways = oneOrList(a.Gateways)
	}
	for _, gateway := range a.Gateways {
		if _, err := validGateway(gateway.String(), a.Addresses, false); err != nil &&
			(base == nil || !or(base.OnLink, false)) {
			c.OnLink = new(true)
		}
	}
	if !slices.Equal(a.DNS, under.DNS) {
		c.DNS = []string{}
		for _, server := range a.DNS {
			c.DNS = append(c.DNS, server.String())
		}
	}
	return &c
}

// oneOrList splits addresses as a user writes them: one by itself, several or none as a list.
func oneOrList[T fmt.Stringer](all []T) (one *string, more []string) {
	if len(all) == 1 {
		return new(all[0].String()), nil
	}
	more = make([]string, len(all))
	for i, address := range all {
		more[i] = address.String()
	}
	return nil, more
}

// StorageBeyond is the profile that, laid over base, yields the drives; it is nil if base alone
// does. imageSize is the size, in bytes, of a system disk to which base gives no size. base may be
// nil.
func StorageBeyond(drives []Drive, base *Storage, imageSize uint64) *Storage {
	under, disks := map[string]Disk{SystemDisk: {}}, map[string]Disk{}
	if base != nil && base.Disks != nil {
		under = base.Disks
	}
	all := maps.Clone(under)
	for _, d := range drives {
		all[d.Name] = Disk{}
	}
	for _, d := range drives {
		u, has := under[d.Name]
		var over Disk
		if byName := len(all) == 1 || d.Name == SystemDisk; d.System != or(u.System, d.System && byName) {
			over.System = &d.System
		}
		if d.Type != "" {
			over.Type = unless(d.Type, or(u.Type, ""))
		}
		if d.Tier != "" {
			over.Tier = unless(d.Tier, or(u.Tier, ""))
		}
		if d.MountPath != "" {
			over.MountPath = unless(d.MountPath, or(u.MountPath, ""))
		}
		was := uint64(or(u.SizeGB, 0)) * gib // Validate found no negative one
		if d.System && u.SizeGB == nil {
			was = imageSize
		}
		if size := WholeGiB(d.Size); !SameSize(d.Size, was) && size > 0 {
			over.SizeGB = &size
		}
		if !has || over != (Disk{}) {
			disks[d.Name] = over
		}
	}
	moveBoot(disks, drives, under)
	if len(disks) == 0 {
		return nil
	}
	return &Storage{Disks: disks}
}

// moveBoot marks the drive that the machine starts from, if disks, laid over others, would make it
// start from another.
func moveBoot(disks map[string]Disk, drives []Drive, under map[string]Disk) {
	n := slices.IndexFunc(drives, func(d Drive) bool { return d.Boot })
	merged := (&Storage{Disks: disks}).Over(&Storage{Disks: under}).Disks
	if n < 0 || bootDisk(merged, systemDisk(merged)) == drives[n].Name {
		return
	}
	for name := range merged {
		boots, over := name == drives[n].Name, disks[name]
		if boots || or(merged[name].Boot, false) {
			over.Boot = &boots
			disks[name] = over
		}
	}
}

// unless returns a value if it differs from there, and nil if it is the same.
func unless[T comparable](v, there T) *T {
	if v == there {
		return nil
	}
	return &v
}

// sizeSlack is how many bytes two sizes may differ by and still be the size of one disk: disks
// consist of whole sectors and clusters.
const sizeSlack = 1 << 20

// SameSize reports whether two sizes, in bytes, are those of one disk.
func SameSize(a, b uint64) bool { return max(a, b)-min(a, b) < sizeSlack }

// WholeGiB is how many whole GiB a disk of that many bytes has.
func WholeGiB(bytes uint64) int64 { return int64((bytes + sizeSlack - 1) / gib) }
