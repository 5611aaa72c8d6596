//go:build linux

package root

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// HostsFile renders /etc/hosts: localhost, the container by its first address, and what the
// configuration adds.
func HostsFile(hostname string, network initd.Network) string {
	var text strings.Builder
	text.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	if hostname != "" {
		own := "127.0.1.1"
		if address, found := firstAddress(network); found {
			own = address.String()
		}
		names := hostname
		if short, _, found := strings.Cut(hostname, "."); found {
			names += " " + short
		}
		fmt.Fprintf(&text, "%s\t%s\n", own, names)
	}
	for _, h := range network.Hosts {
		fmt.Fprintf(&text, "%s\t%s\n", h.Address, strings.Join(h.Names, " "))
	}
	return text.String()
}

func firstAddress(network initd.Network) (netip.Addr, bool) {
	for _, n := range network.Interfaces {
		for _, a := range n.Addresses {
			return a.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// ResolvFile renders /etc/resolv.conf.
func ResolvFile(nameservers []netip.Addr, search []string) string {
	var text strings.Builder
	if len(search) > 0 {
		fmt.Fprintf(&text, "search %s\n", strings.Join(search, " "))
	}
	for _, n := range nameservers {
		fmt.Fprintf(&text, "nameserver %s\n", n)
	}
	return text.String()
}
