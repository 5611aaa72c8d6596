//go:build linux

package container

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/netns"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/initd/logfile"
	"github.com/novacron/terraform-provider-novacron/internal/initd/network"
)

func parseAddr(text string) (netip.Addr, error) { return netip.ParseAddr(text) }

const mac = "52:54:00:12:34:56"

// segment is a network with a router, 192.0.2.1, in a namespace of its own.
type segment struct {
	t    *testing.T
	name string
}

func newSegment(t *testing.T) *segment {
	t.Helper()
	needs.Installed(t, "ip")
	s := &segment{t, "nova" + strconv.Itoa(os.Getpid()) + strings.ReplaceAll(filepath.Base(t.TempDir()), "/", "")}
	run(t, "ip", "netns", "add", s.name)
	t.Cleanup(func() { run(t, "ip", "netns", "del", s.name) })
	return s
}

// connect gives a container an interface whose name is not the one that it is to have.
func (s *segment) connect(pid int) {
	run(s.t, "ip", "-n", s.name, "link", "add", "port", "type", "veth", "peer", "name", "any0", "address", mac,
		"netns", strconv.Itoa(pid))
	run(s.t, "ip", "-n", s.name, "address", "add", "192.0.2.1/24", "dev", "port")
	run(s.t, "ip", "-n", s.name, "address", "add", "2001:db8::1/64", "dev", "port", "nodad")
	run(s.t, "ip", "-n", s.name, "link", "set", "port", "up")
}

func TestStaticAddresses(t *testing.T) {
	b := newBox(t)
	net := newSegment(t)
	config := script("ip -o addr show eth0; ip route; ip -6 route; cat /sys/class/net/eth0/mtu; " +
		"probe ping 192.0.2.1; " +
		"nc -l -p 80 -e true & " +
		"for i in $(seq 6000); do echo | nc 127.0.0.1 80 && { echo port 80; break; }; sleep 0.01; done; cat /etc/hosts")
	config.Process.UID = 1000
	config.Network.Interfaces = []initd.Interface{{
		Name: "eth0", MAC: strings.ToUpper(mac), MTU: 1400,
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("2001:db8::7/64")},
		Routes: []initd.Route{
			{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.1")},
			{To: netip.MustParsePrefix("198.51.100.0/24")},
			{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("2001:db8::1")},
		},
	}}
	b.start(config, net.connect)
	b.exit()
	log := b.log()
	for _, want := range []string{
		"inet 192.0.2.7/24 brd 192.0.2.255", "inet6 2001:db8::7/64", "default via 192.0.2.1 dev eth0",
		"198.51.100.0/24 dev eth0",
		"default via 2001:db8::1 dev eth0", "1400\n", "answer: <nil>", "port 80", "192.0.2.7\tweb-1",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing", want)
		}
	}
	s := b.status()
	if len(s.Interfaces) != 1 || s.Interfaces[0].Name != "eth0" ||
		fmt.Sprint(s.Interfaces[0].Addresses) != "[192.0.2.7/24 2001:db8::7/64]" {
		t.Errorf("the interfaces are %+v", s.Interfaces)
	}
	if t.Failed() {
		t.Logf("%s\n%+v", log, s.Error)
	}
}

// withDHCP is a configuration that waits for name servers.
func withDHCP() initd.Config {
	config := script("echo started; while [ ! -s /etc/resolv.conf ]; do sleep 0.01; done; " +
		"cat /etc/resolv.conf; ip route; exec sleep 1000")
	config.Network.Interfaces = []initd.Interface{{Name: "lan0", MAC: mac, DHCP: true}}
	return config
}

func TestALeaseOfDnsmasq(t *testing.T) {
	b := newBox(t)
	needs.Installed(t, "dnsmasq")
	net := newSegment(t)
	b.start(withDHCP(), net.connect)
	b.until("running without a lease", func(s initd.Status) bool { return s.State == initd.StateRunning })
	b.printed("started")
	leases := filepath.Join(t.TempDir(), "leases")
	server := exec.Command("ip", "netns", "exec", net.name, "dnsmasq", "--keep-in-foreground",
		"--conf-file=/dev/null", "--port=0",
		"--no-ping", "--user=root", "--log-facility=-", "--dhcp-leasefile="+leases,
		"--dhcp-range=192.0.2.50,192.0.2.60,2m",
		"--dhcp-option=option:dns-server,192.0.2.53", "--domain=example.org", "--dhcp-authoritative")
	var served strings.Builder
	server.Stdout, server.Stderr = &served, &served
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(served.String(), b.log())
		}
	})
	s := b.until("an address", func(s initd.Status) bool {
		return len(s.Interfaces) == 1 &&
			len(s.Interfaces[0].Addresses) == 1
	})
	if address := netip.MustParsePrefix(s.Interfaces[0].Addresses[0]); address.Bits() != 24 ||
		s.Interfaces[0].Name != "lan0" {
		t.Errorf("the interfaces are %+v", s.Interfaces)
	}
	b.printed("nameserver 192.0.2.53")
	b.printed("default via 192.0.2.1 dev lan0")
	if log := b.log(); !strings.Contains(log, "search example.org") {
		t.Error(log)
	}
	lease := string(must.Get[[]byte](t)(os.ReadFile(leases)))
	if !strings.Contains(lease, " web-1 ") || !strings.Contains(lease, "01:"+mac) {
		t.Errorf("the server knows %s", lease)
	}
}

// server answers in the segment's namespace, as a handler says.
func (s *segment) server(handler server4.Handler) {
	s.t.Helper()
	var server *server4.Server
	if err := netns.Do("/run/netns/"+s.name, func() (err error) {
		server, err = server4.NewServer("port", nil, handler)
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = server.Serve() }()
	s.t.Cleanup(func() { server.Close() })
}

// A lease is renewed, given up when the server says so, and its address goes when it ends.
func TestALeaseIsKept(t *testing.T) {
	b := newBox(t)
	segment := newSegment(t)
	b.start(withDHCP(), segment.connect)
	b.until("running", func(s initd.Status) bool { return s.State == initd.StateRunning })
	var mu sync.Mutex
	address, refuse, silent, renewals := "192.0.2.77", false, false, 0
	segment.server(func(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
		mu.Lock()
		defer mu.Unlock()
		if silent {
			return
		}
		kind := dhcpv4.MessageTypeOffer
		if m.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
			if m.ClientIPAddr != nil && !m.ClientIPAddr.IsUnspecified() {
				renewals++
				if refuse {
					kind, refuse = dhcpv4.MessageTypeNak, false
				}
			}
		}
		answer, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind),
			dhcpv4.WithYourIP(net.ParseIP(address)),
			dhcpv4.WithServerIP(net.IPv4(192, 0, 2, 1)),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(192, 0, 2, 1))),
			dhcpv4.WithLeaseTime(4), dhcpv4.WithNetmask(net.CIDRMask(28, 32)),
			dhcpv4.WithOption(dhcpv4.OptRenewTimeValue(time.Second)), dhcpv4.WithDNS(net.IPv4(192, 0, 2, 53)),
			dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(
				&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(32, 32)},
					Router: net.IPv4zero},
				&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)},
					Router: net.IPv4(192, 0, 2, 1)})))
		if err == nil {
			_, _ = conn.WriteTo(answer.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
		}
	})
	has := func(want string) func(initd.Status) bool {
		return func(s initd.Status) bool {
			return len(s.Interfaces) == 1 && fmt.Sprint(s.Interfaces[0].Addresses) == want
		}
	}
	b.until("an address", has("[192.0.2.77/28]"))
	b.printed("default via 192.0.2.1 dev lan0")
	if !waitFor(func() bool { mu.Lock(); defer mu.Unlock(); return renewals >= 3 }) { // longer than the lease
		t.Fatal("it is not renewed")
	}
	if s := b.status(); !has("[192.0.2.77/28]")(s) {
		t.Errorf("the interfaces are %+v", s.Interfaces)
	}
	mu.Lock()
	address, refuse = "192.0.2.78", true
	mu.Unlock()
	b.until("another address", has("[192.0.2.78/28]"))
	mu.Lock()
	silent = true
	mu.Unlock()
	s := b.until("no address", has("[]"))
	if s.Interfaces[0].Error == "" || s.State != initd.StateRunning {
		t.Errorf("the status is %+v", s)
	}
	mu.Lock()
	silent = false
	mu.Unlock()
	s = b.until("an address again", has("[192.0.2.78/28]"))
	if s.Interfaces[0].Error != "" {
		t.Errorf("the interfaces are %+v", s.Interfaces)
	}
}

// A network without a DHCP server does not fill the log.
func TestAnErrorOfDHCPIsLoggedOnce(t *testing.T) {
	dir := t.TempDir()
	files := map[string]*os.File{}
	for _, name := range []string{"log", "status"} {
		files[name] = must.Get[*os.File](t)(os.Create(filepath.Join(dir, name)))
		t.Cleanup(func() { files[name].Close() })
	}
	c := &container{log: logfile.New(files["log"], 0, patience), status: newReporter(files["status"], time.Now())}
	report := c.leases(&network.Link{Name: "eth0"})
	none, refused := errors.New("no answer"), errors.New("refused")
	for _, err := range []error{none, none, none, refused, none, nil, nil, none, none} {
		report(network.Lease{}, err)
	}
	c.log.Close()
	want := ""
	for _, err := range []error{none, refused, none, none} {
		want += fmt.Sprintf("nova-init: DHCP on eth0: %v\n", err)
	}
	if got := string(must.Get[[]byte](t)(os.ReadFile(files["log"].Name()))); got != want {
		t.Errorf("the log has %q, want %q", got, want)
	}
}
