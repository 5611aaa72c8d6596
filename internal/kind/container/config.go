package container

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// configure is what nova-init is told, except for what only the host decides: MAC addresses, and the
// revision.
func (p *Part) configure(r kind.Request, b kind.Blueprint, s *settings.Settings) (initd.Config, finding.List) {
	var fs finding.List
	at := finding.At("container")
	c := initd.Config{
		Hostname:   b.Hostname(r.Name),
		System:     p.system,
		Privileged: p.privileged,
		Upper:      initd.UpperDisk,
		Network:    networkOf(b.NICs),
	}
	if p.fresh {
		c.Upper = initd.UpperMemory
	}
	if !p.privileged {
		c.Users = initd.IDRange{First: firstUser, Count: userCount}
	}
	for _, drive := range b.Drives[1:] {
		c.Disks = append(c.Disks, initd.Disk{Name: drive.Name, Path: drive.MountPath})
	}
	for _, path := range slices.Sorted(maps.Keys(s.Tmpfs)) {
		size := settings.DefaultTmpfsMB
		if asked := s.Tmpfs[path].SizeMB; asked != nil {
			size = *asked
		}
		c.Tmpfs = append(c.Tmpfs, initd.Tmpfs{Path: path, Size: size << 20})
	}
	if !p.system {
		fs = append(fs, p.run(&c, b.Version, s)...)
		files, wrong := filesOf(b.Version, p.Customization)
		c.Files, fs = files, append(fs, wrong...)
	}
	if len(fs) > 0 {
		return c, fs
	}
	if _, err := told(c, 0, "", 0); err != nil {
		blamed := at
		if broken, is := errors.AsType[*initd.ConfigError](err); is {
			blamed = blame(broken.Field)
		}
		fs.Add(blamed, "Container cannot be told this", finding.Sentence(err))
	}
	return c, fs
}

// blame is the attribute behind a field of the configuration.
func blame(field string) finding.Path {
	switch head, _, _ := strings.Cut(field, "."); {
	case strings.HasPrefix(head, "files"):
		return finding.At("customization").Name("files")
	case strings.HasPrefix(head, "network"):
		return finding.At("network_profile").Name("interfaces")
	case strings.HasPrefix(head, "disks"):
		return finding.At("storage_profile").Name("disks")
	case strings.HasPrefix(head, "hostname"):
		return finding.At("name")
	default:
		return finding.At("container")
	}
}

// networkOf is what the container is told of its interfaces.
func networkOf(nics []profile.NIC) initd.Network {
	var n initd.Network
	for _, nic := range nics {
		link := initd.Interface{Name: nic.Name, MAC: nic.MAC, DHCP: nic.IP.DHCP, Addresses: nic.IP.Addresses}
		for _, gateway := range nic.IP.Gateways {
			everywhere, bits := netip.IPv6Unspecified(), 128
			if gateway.Is4() {
				everywhere, bits = netip.IPv4Unspecified(), 32
			}
			if nic.IP.OnLink(gateway) {
				link.Routes = append(link.Routes, initd.Route{To: netip.PrefixFrom(gateway, bits)})
			}
			link.Routes = append(link.Routes, initd.Route{To: netip.PrefixFrom(everywhere, 0), Via: gateway})
		}
		n.Interfaces = append(n.Interfaces, link)
		for _, server := range nic.IP.DNS {
			if !slices.Contains(n.Nameservers, server) {
				n.Nameservers = append(n.Nameservers, server)
			}
		}
	}
	return n
}

// withoutMACs is a configuration without what the host decides.
func withoutMACs(c initd.Config) initd.Config {
	c.Network.Interfaces = slices.Clone(c.Network.Interfaces)
	for n := range c.Network.Interfaces {
		c.Network.Interfaces[n].MAC = ""
	}
	return c
}

// configSize is the least size of the volume of a configuration, bytes. It is twice what most take, so
// that most changes fit.
const configSize = 64 << 10

// told is a configuration as its volume holds it, followed by zeros up to a size of at least least. For
// interfaces whose MAC addresses are not known yet, it has some.
func told(c initd.Config, least uint64, revision string, request uint64) ([]byte, error) {
	c.Network.Interfaces = slices.Clone(c.Network.Interfaces)
	for n := range c.Network.Interfaces {
		if c.Network.Interfaces[n].MAC == "" {
			c.Network.Interfaces[n].MAC = fmt.Sprintf("02:00:00:00:%02x:%02x", n>>8&0xff, n&0xff)
		}
	}
	c.Revision, c.Request = revision, request
	text, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	size := max(int(least), configSize, (len(text)+configSize-1)/configSize*configSize)
	return slices.Concat(text, make([]byte, size-len(text))), nil
}

// tell is what the container of an instance is told, with the MAC addresses of its interfaces. names are
// those of the interfaces that the container has, by MAC addresses in lower case.
func (p *Part) tell(b kind.Blueprint, uuid, instance string, names map[string]string, least uint64) ([]byte, error) {
	if p.config == nil {
		return nil, fmt.Errorf("what instance %q is to be told is not known", instance)
	}
	c := *p.config
	c.Network = networkOf(b.NICs)
	if p.system {
		seed, err := p.seed(b, uuid, instance, names)
		if err != nil {
			return nil, err
		}
		c.Seed = seed
	}
	return told(c, least, p.revision(), 0)
}

// revision names what the container is told, without secrets.
func (p *Part) revision() string { return digest(p.told) }

// seed is what cloud-init finds at the first boot of a system. A container has no permanent MAC addresses
// by which netplan would find its interfaces, so they are told by their names.
func (p *Part) seed(b kind.Blueprint, uuid, instance string, names map[string]string) (map[string][]byte, error) {
	s := p.Seed(b, uuid, instance)
	for n, device := range devices(b.NICs, names) {
		s.NetworkInterfaces[n].Device = device
	}
	files, err := s.Render()
	if err != nil {
		return nil, err
	}
	seed := map[string][]byte{"user-data": files.UserData, "meta-data": files.MetaData}
	if files.NetworkConfig != nil {
		seed["network-config"] = files.NetworkConfig
	}
	if files.VendorData != nil {
		seed["vendor-data"] = files.VendorData
	}
	return seed, nil
}
