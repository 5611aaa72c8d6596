//go:build linux

// Package network configures the interfaces of a container, and keeps their leases.
package network

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/jsimonetti/rtnetlink/v2"
	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// Link is an interface that is up, with its static addresses and routes.
type Link struct {
	Name string
	MAC  net.HardwareAddr

	index  uint32
	config initd.Interface
}

// DHCP reports whether the interface is to have a lease.
func (l *Link) DHCP() bool { return l.config.DHCP }

// Configure brings the loopback interface and those of the configuration up. It returns those of
// the configuration. The error names the interface.
func Configure(interfaces []initd.Interface) ([]*Link, error) {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for interfaces: %w", err)
	}
	defer conn.Close()
	there, err := conn.Link.List()
	if err != nil {
		return nil, fmt.Errorf("listing interfaces: %w", err)
	}
	var links []*Link
	for _, config := range interfaces {
		link, err := find(there, config)
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	for _, t := range there {
		if t.Flags&unix.IFF_LOOPBACK != 0 {
			if err := set(conn, t.Index, unix.IFF_UP, nil); err != nil {
				return nil, fmt.Errorf("bringing up the loopback interface: %w", err)
			}
		}
	}
	if err := rename(conn, there, links); err != nil {
		return nil, err
	}
	for _, l := range links {
		if err := l.up(conn); err != nil {
			return nil, fmt.Errorf("configuring the interface %s: %w", l.config.Name, err)
		}
	}
	return links, nil
}

func find(there []rtnetlink.LinkMessage, config initd.Interface) (*Link, error) {
	for _, t := range there {
		if t.Attributes != nil && strings.EqualFold(t.Attributes.Address.String(), config.MAC) {
			return &Link{Name: t.Attributes.Name, MAC: t.Attributes.Address, index: t.Index, config: config}, nil
		}
	}
	return nil, fmt.Errorf("configuring the interface %s: there is none with the MAC address %s", config.Name,
		config.MAC)
}

// rename gives the interfaces their names. One may have the name of another so far.
func rename(conn *rtnetlink.Conn, there []rtnetlink.LinkMessage, links []*Link) error {
	taken := map[string]uint32{}
	for _, t := range there {
		if t.Attributes != nil {
			taken[t.Attributes.Name] = t.Index
		}
	}
	call := func(index uint32, name string) error {
		err := set(conn, index, 0, &rtnetlink.LinkAttributes{Name: name})
		if err != nil {
			return fmt.Errorf("naming an interface %s: %w", name, err)
		}
		return nil
	}
	for _, l := range links {
		if index, found := taken[l.config.Name]; found && index != l.index {
			if err := call(index, fmt.Sprintf("nova%d", index)); err != nil {
				return err
			}
		}
	}
	for _, l := range links {
		if l.Name != l.config.Name {
			if err := call(l.index, l.config.Name); err != nil {
				return err
			}
			l.Name = l.config.Name
		}
	}
	return nil
}

// set changes an interface: with up, its state as well. A name can only be changed while it is down.
func set(conn *rtnetlink.Conn, index, up uint32, attributes *rtnetlink.LinkAttributes) error {
	return conn.Link.Set(&rtnetlink.LinkMessage{Index: index, Flags: up, Change: unix.IFF_UP, Attributes: attributes})
}

func (l *Link) up(conn *rtnetlink.Conn) error {
	var attributes *rtnetlink.LinkAttributes
	if l.config.MTU != 0 {
		attributes = &rtnetlink.LinkAttributes{MTU: l.config.MTU}
	}
	if err := set(conn, l.index, unix.IFF_UP, attributes); err != nil {
		return fmt.Errorf("bringing it up: %w", err)
	}
	for _, a := range l.config.Addresses {
		if err := l.addAddress(conn, a); err != nil {
			return fmt.Errorf("adding the address %s: %w", a, err)
		}
	}
	for _, r := range l.config.Routes {
		if err := l.addRoute(conn, r); err != nil {
			return fmt.Errorf("adding the route to %s: %w", r.To, err)
		}
	}
	return nil
}

func family(address netip.Addr) uint8 {
	if address.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// addAddress adds an address, if the interface does not have it.
func (l *Link) addAddress(conn *rtnetlink.Conn, address netip.Prefix) error {
	ip := net.IP(address.Addr().AsSlice())
	attributes := &rtnetlink.AddressAttributes{Address: ip, Local: ip}
	if address.Addr().Is4() && address.Bits() < 31 {
		attributes.Broadcast = broadcast(address)
	} else if address.Addr().Is6() {
		attributes.Flags = unix.IFA_F_NODAD // or it could not be used for a second
	}
	const flags = unix.NLM_F_REQUEST | unix.NLM_F_ACK | unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	_, err := conn.Execute(&rtnetlink.AddressMessage{
		Family:       family(address.Addr()),
		PrefixLength: uint8(address.Bits()),
		Index:        l.index,
		Attributes:   attributes,
	}, unix.RTM_NEWADDR, flags)
	return err
}

func (l *Link) removeAddress(conn *rtnetlink.Conn, address netip.Prefix) error {
	ip := net.IP(address.Addr().AsSlice())
	return conn.Address.Delete(&rtnetlink.AddressMessage{
		Family:       family(address.Addr()),
		PrefixLength: uint8(address.Bits()),
		Index:        l.index,
		Attributes:   &rtnetlink.AddressAttributes{Address: ip, Local: ip},
	})
}

func broadcast(address netip.Prefix) net.IP {
	ip := address.Addr().As4()
	for bit := address.Bits(); bit < 32; bit++ {
		ip[bit/8] |= 0x80 >> (bit % 8)
	}
	return ip[:]
}

func (l *Link) addRoute(conn *rtnetlink.Conn, route initd.Route) error {
	to := route.To.Masked()
	message := &rtnetlink.RouteMessage{
		Family:    family(to.Addr()),
		DstLength: uint8(to.Bits()),
		Table:     unix.RT_TABLE_MAIN,
		Protocol:  unix.RTPROT_STATIC,
		Scope:     unix.RT_SCOPE_UNIVERSE,
		Type:      unix.RTN_UNICAST,
		Attributes: rtnetlink.RouteAttributes{
			Dst:      net.IP(to.Addr().AsSlice()),
			OutIface: l.index,
		},
	}
	if to.Bits() == 0 {
		message.Attributes.Dst = nil
	}
	if route.Via.IsValid() {
		message.Attributes.Gateway = net.IP(route.Via.AsSlice())
	} else if to.Addr().Is4() {
		message.Scope = unix.RT_SCOPE_LINK
	}
	return conn.Route.Replace(message)
}

// Addresses are the addresses of the interface now, except those that only reach the link.
func (l *Link) Addresses() []string {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return nil
	}
	defer conn.Close()
	all, err := conn.Address.List()
	if err != nil {
		return nil
	}
	var addresses []string
	for _, a := range all {
		if a.Index != l.index || a.Attributes == nil || a.Scope != unix.RT_SCOPE_UNIVERSE {
			continue
		}
		if ip, ok := netip.AddrFromSlice(a.Attributes.Address); ok {
			addresses = append(addresses, netip.PrefixFrom(ip.Unmap(), int(a.PrefixLength)).String())
		}
	}
	return addresses
}
