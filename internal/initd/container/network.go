//go:build linux

package container

import (
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/initd/network"
	"github.com/novacron/terraform-provider-novacron/internal/initd/root"
)

// configureNetwork sets up the interfaces, as far as that takes no time. Leases come later.
func (c *container) configureNetwork() error {
	if !c.config.Privileged {
		// The capabilities to bind low ports and to ping do not reach from the container's user namespace
		// to its network namespace, which libvirt has made.
		for name, value := range map[string]string{
			"net/ipv4/ip_unprivileged_port_start": "0",
			"net/ipv4/ping_group_range":           "0 2147483647",
		} {
			if err := root.SetSysctl(name, value); err != nil {
				c.log.Printf("setting %s: %v", name, err)
			}
		}
	}
	links, err := network.Configure(c.config.Network.Interfaces)
	if err != nil {
		return err
	}
	c.links = links
	c.status.change(func(s *initd.Status) {
		for _, l := range links {
			s.Interfaces = append(s.Interfaces,
				initd.InterfaceStatus{Name: l.Name, MAC: l.MAC.String(), Addresses: l.Addresses()})
		}
	})
	return nil
}

// leases takes the leases of a link. An error that repeats itself is in the log once.
func (c *container) leases(link *network.Link) func(network.Lease, error) {
	logged := ""
	return func(lease network.Lease, failed error) {
		now := ""
		if failed != nil {
			now = failed.Error()
		}
		if now != "" && now != logged {
			c.log.Printf("DHCP on %s: %s", link.Name, now)
		}
		logged = now
		c.leased(link, lease, failed)
	}
}

// leased reports a lease, and uses its name servers if the configuration has none.
func (c *container) leased(link *network.Link, lease network.Lease, failed error) {
	names := c.config.Network
	if failed == nil && len(names.Nameservers) == 0 && len(lease.Nameservers) > 0 {
		search := names.Search
		if len(search) == 0 {
			search = lease.Search
		}
		if err := c.root.SetResolv(root.ResolvFile(lease.Nameservers, search)); err != nil {
			c.log.Printf("writing /etc/resolv.conf: %v", err)
		}
	}
	addresses := link.Addresses()
	c.status.change(func(s *initd.Status) {
		for i := range s.Interfaces {
			if s.Interfaces[i].Name != link.Name {
				continue
			}
			s.Interfaces[i].Addresses, s.Interfaces[i].Error = addresses, ""
			if failed != nil {
				s.Interfaces[i].Error = failed.Error()
			}
		}
	})
}
