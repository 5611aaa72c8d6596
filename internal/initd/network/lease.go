//go:build linux

package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/jsimonetti/rtnetlink/v2"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

const (
	// firstAnswer is how long a DHCP server may take before the request is sent again. dnsmasq pings an
	// address for three seconds before it offers it, and a bridge may be deaf for its first seconds.
	firstAnswer = 2 * time.Second
	// tries is how often a request is sent before the error is reported. Then it all begins again.
	tries = 3
	// shortest is the least time between two requests for a lease that did not fail.
	shortest = time.Second
)

// Lease is what a DHCP server has given.
type Lease struct {
	Address     netip.Prefix
	Routes      []initd.Route
	Nameservers []netip.Addr
	Search      []string
	Valid       time.Duration
	Renew       time.Duration // from now, as RFC 2131 calls T1
}

// KeepLease asks for a lease and renews it until ctx ends. It calls report at each change, with the
// error if there is no lease.
func (l *Link) KeepLease(ctx context.Context, hostname string, report func(Lease, error)) {
	k := keeper{link: l, hostname: hostname, report: report}
	for ctx.Err() == nil {
		timer := time.NewTimer(k.next(ctx))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// keeper holds a lease while it is renewed.
type keeper struct {
	link     *Link
	hostname string
	report   func(Lease, error)

	held    *nclient4.Lease // nil before the first, and once it has ended
	lease   Lease
	expires time.Time
}

// next asks for the lease once, and returns the pause until it is to be called again.
func (k *keeper) next(ctx context.Context) time.Duration {
	asking := ctx
	if k.held != nil {
		var cancel context.CancelFunc
		asking, cancel = context.WithDeadline(ctx, k.expires)
		defer cancel()
	}
	got, err := k.link.ask(asking, k.hostname, k.held)
	switch {
	case err == nil:
		lease := leaseOf(got.ACK)
		if err = k.link.apply(k.lease, lease); err != nil {
			err = fmt.Errorf("using the lease: %w", err)
		}
		k.held, k.lease, k.expires = got, lease, time.Now().Add(lease.Valid)
		k.report(lease, err)
		return max(lease.Renew, shortest)
	case ctx.Err() != nil:
		return 0
	case k.held != nil && !refused(err) && time.Now().Before(k.expires):
		return max(time.Until(k.expires)/2, shortest) // RFC 2131, 4.4.5
	}
	if k.held != nil {
		k.link.withdraw(k.lease)
		k.held, k.lease = nil, Lease{}
	}
	k.report(Lease{}, err)
	return shortest
}

func refused(err error) bool {
	_, nak := errors.AsType[*nclient4.ErrNak](err)
	return nak
}

func (l *Link) ask(ctx context.Context, hostname string, held *nclient4.Lease) (*nclient4.Lease, error) {
	client, err := nclient4.New(l.Name, nclient4.WithTimeout(firstAnswer), nclient4.WithRetry(tries))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	const ethernet = 1 // RFC 2132, 9.14
	modifiers := []dhcpv4.Modifier{
		dhcpv4.WithOption(dhcpv4.OptClientIdentifier(append([]byte{ethernet}, l.MAC...))),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionClasslessStaticRoute, dhcpv4.OptionDNSDomainSearchList),
	}
	if hostname != "" {
		modifiers = append(modifiers, dhcpv4.WithOption(dhcpv4.OptHostName(hostname)))
	}
	if held != nil {
		return client.Renew(ctx, held, modifiers...)
	}
	return client.Request(ctx, modifiers...)
}

// leaseOf reads a server's answer. What is missing in it has the value that RFC 2131 gives it.
func leaseOf(ack *dhcpv4.DHCPv4) Lease {
	const defaultTime = time.Hour
	address := toAddr(ack.YourIPAddr)
	bits, size := ack.SubnetMask().Size()
	if bits == 0 || size == 0 { // there is none, or it is no prefix
		bits = 32
	}
	lease := Lease{Address: netip.PrefixFrom(address, bits), Valid: ack.IPAddressLeaseTime(defaultTime)}
	lease.Renew = ack.IPAddressRenewalTime(lease.Valid / 2)
	if lease.Renew > lease.Valid {
		lease.Renew = lease.Valid / 2
	}
	if routes := ack.ClasslessStaticRoute(); len(routes) > 0 { // RFC 3442: then routers do not count
		for _, r := range routes {
			ones, _ := r.Dest.Mask.Size()
			route := initd.Route{To: netip.PrefixFrom(toAddr(r.Dest.IP), ones), Via: toAddr(r.Router)}
			if route.Via.IsUnspecified() {
				route.Via = netip.Addr{}
			}
			lease.Routes = append(lease.Routes, route)
		}
	} else if routers := ack.Router(); len(routers) > 0 {
		lease.Routes = reachable(lease.Address, toAddr(routers[0]))
	}
	for _, server := range ack.DNS() {
		if a := toAddr(server); a.IsValid() {
			lease.Nameservers = append(lease.Nameservers, a)
		}
	}
	if search := ack.DomainSearch(); search != nil {
		lease.Search = domains(search.Labels)
	} else {
		lease.Search = domains([]string{ack.DomainName()})
	}
	return lease
}

// domains leaves out what would be several words, or lines, in /etc/resolv.conf.
func domains(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return name == "" || strings.ContainsFunc(name,
			func(c rune) bool { return c <= ' ' || c > '~' || c == '#' || c == ';' })
	})
}

// reachable is the default route, with one to the router itself if it is in no network of ours.
func reachable(address netip.Prefix, router netip.Addr) []initd.Route {
	if !router.IsValid() {
		return nil
	}
	all := initd.Route{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: router}
	if address.Masked().Contains(router) {
		return []initd.Route{all}
	}
	return []initd.Route{{To: netip.PrefixFrom(router, 32)}, all}
}

func toAddr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// withdraw removes the address of a lease that has ended, and with it its routes.
func (l *Link) withdraw(lease Lease) {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = l.removeAddress(conn, lease.Address) // the application may have removed it
}

// apply sets the address of a lease, and its routes.
func (l *Link) apply(before, lease Lease) error {
	if !lease.Address.IsValid() {
		return errors.New("the server has sent no address")
	}
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if before.Address.IsValid() && before.Address != lease.Address {
		if err := l.removeAddress(conn, before.Address); err != nil {
			return err
		}
	}
	if err := l.addAddress(conn, lease.Address); err != nil {
		return err
	}
	for _, r := range lease.Routes {
		if err := l.addRoute(conn, r); err != nil {
			return fmt.Errorf("adding the route to %s: %w", r.To, err)
		}
	}
	return nil
}
